import type { ComponentChildren } from 'preact';
import { CopyText } from './copy-text.tsx';
import { Dialog } from './dialog.tsx';
import { useDraft } from './draft.ts';
import { ProblemBox } from './problem-box.tsx';
import { ReasonField, reasonOf } from './reason-field.tsx';
import { useAttempt } from './use-attempt.ts';

interface ConfirmProps {
  readonly title: string;
  readonly children?: ComponentChildren;
  /** What the button says: the thing itself, such as "Pause billing". */
  readonly act: string;
  readonly isDangerous?: boolean;
  /** Whether a reason has to be given. */
  readonly needsReason?: boolean;
  /** Why it cannot be done now. */
  readonly unless?: string | undefined;
  /** A name under which the reason is kept, also when the dialog is left. */
  readonly keptAs?: string;
  /** The command that does the same. */
  readonly command: (reason: string | undefined) => string;
  readonly onAct: (reason: string | undefined) => Promise<unknown>;
  readonly onClose: () => void;
}

/** Asks once more, with a reason for the audit. */
export function Confirm({
  title,
  children,
  act,
  isDangerous = false,
  needsReason = false,
  unless,
  keptAs,
  command,
  onAct,
  onClose,
}: ConfirmProps) {
  const reason = useDraft(keptAs === undefined ? undefined : `reason ${keptAs}`, '');
  const { attempt, error, isBusy } = useAttempt();
  const submit = () =>
    attempt(async () => {
      await onAct(reasonOf(reason.value).reason);
      reason.drop();
      onClose();
    });
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy && unless === undefined) void submit();
        }}
      >
        {children}
        <ReasonField
          value={reason.value}
          isRequired={needsReason}
          note="The audit keeps it with your name."
          onChange={reason.change}
        />
        <ProblemBox error={error} />
        {unless !== undefined && <p class="field-error">{unless}</p>}
        <div class="acts">
          <button
            type="submit"
            class={isDangerous ? 'danger' : 'primary'}
            aria-disabled={isBusy || unless !== undefined}
          >
            {isBusy ? 'Working…' : act}
          </button>
          <button type="button" onClick={onClose}>
            Leave it
          </button>
        </div>
        <CopyText label="The same as a command" text={command(reasonOf(reason.value).reason)} />
      </form>
    </Dialog>
  );
}
