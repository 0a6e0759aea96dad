import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { ProblemBox } from './problem-box.tsx';

interface ConfirmProps {
  readonly title: string;
  readonly children?: ComponentChildren;
  /** What the button says: the thing itself, such as "Pause billing". */
  readonly act: string;
  readonly isDangerous?: boolean;
  /** Whether a reason has to be given. */
  readonly needsReason?: boolean;
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
  onAct,
  onClose,
}: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [reason, setReason] = useState('');
  const [error, setError] = useState<unknown>();
  const [isBusy, setIsBusy] = useState(false);
  const id = useId();
  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  const submit = async () => {
    if (isBusy) return;
    setIsBusy(true);
    setError(undefined);
    try {
      await onAct(reason.trim() === '' ? undefined : reason.trim());
      onClose();
    } catch (problem) {
      setError(problem);
      setIsBusy(false);
    }
  };
  return (
    <dialog ref={dialog} aria-labelledby={`${id}-title`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <h2 id={`${id}-title`}>{title}</h2>
        {children}
        <div class="field">
          <label for={id}>{needsReason ? 'Reason' : 'Reason (optional)'}</label>
          <input
            id={id}
            value={reason}
            maxLength={1_000}
            required={needsReason}
            autoComplete="off"
            onInput={(event) => setReason(event.currentTarget.value)}
            aria-describedby={`${id}-note`}
          />
          <p class="muted small" id={`${id}-note`}>
            The audit keeps it with your name.
          </p>
        </div>
        <ProblemBox error={error} />
        <div class="acts">
          <button type="submit" class={isDangerous ? 'danger' : 'primary'} aria-disabled={isBusy}>
            {isBusy ? 'Working…' : act}
          </button>
          <button type="button" onClick={onClose}>
            Leave it
          </button>
        </div>
      </form>
    </dialog>
  );
}
