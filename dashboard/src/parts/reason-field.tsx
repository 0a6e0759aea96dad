import { useId } from 'preact/hooks';

/** What a reason that was typed sends: nothing if it is empty. */
export const reasonOf = (typed: string): { reason?: string } =>
  typed.trim() === '' ? {} : { reason: typed.trim() };

/** Asks for the reason of a change, which the audit keeps. */
export function ReasonField({
  value,
  isRequired = false,
  isFirst = false,
  note,
  onChange,
}: {
  value: string;
  isRequired?: boolean;
  /** Whether a dialog that opens has the focus here. */
  isFirst?: boolean;
  note?: string;
  onChange: (value: string) => void;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{isRequired ? 'Reason' : 'Reason (optional)'}</label>
      <input
        id={id}
        value={value}
        maxLength={1_000}
        required={isRequired}
        // biome-ignore lint/a11y/noAutofocus: a dialog has to have the focus somewhere
        autoFocus={isFirst}
        autoComplete="off"
        onInput={(event) => onChange(event.currentTarget.value)}
        aria-describedby={note === undefined ? undefined : `${id}-note`}
      />
      {note !== undefined && (
        <p class="muted small" id={`${id}-note`}>
          {note}
        </p>
      )}
    </div>
  );
}
