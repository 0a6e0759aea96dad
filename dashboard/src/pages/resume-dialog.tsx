import { call } from '../api/client.ts';
import { commandLine } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';

/** Lets a paused consumer go on. */
export function ResumeDialog({ name, onClose }: { name: string; onClose: () => void }) {
  return (
    <Confirm
      title={`Resume ${name}`}
      act="Resume"
      command={(reason) => commandLine('consumers resume', [name], { reason })}
      onAct={(reason) =>
        call('POST consumers/{name}/resume', {
          path: { name },
          body: reason === undefined ? {} : { reason },
        })
      }
      onClose={onClose}
    >
      <p class="muted">It continues with the first event that it has not read.</p>
    </Confirm>
  );
}
