import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { CopyText } from './copy-text.tsx';
import { Dialog } from './dialog.tsx';
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
  command,
  onAct,
  onClose,
}: ConfirmProps) {
  const [reason, setReason] = useState('');
  const { attempt, error, isBusy } = useAttempt();
  const submit = () =>
    attempt(async () => {
      await onAct(reasonOf(reason).reason);
      onClose();
    });
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy) void submit();
        }}
      >
        {children}
        <ReasonField
          value={reason}
          isRequired={needsReason}
          note="The audit keeps it with your name."
          onChange={setReason}
        />
        <ProblemBox error={error} />
        <div class="acts">
          <button type="submit" class={isDangerous ? 'danger' : 'primary'} aria-disabled={isBusy}>
            {isBusy ? 'Working…' : act}
          </button>
          <button type="button" onClick={onClose}>
            Leave it
          </button>
        </div>
        <CopyText label="The same as a command" text={command(reasonOf(reason).reason)} />
      </form>
    </Dialog>
  );
}
