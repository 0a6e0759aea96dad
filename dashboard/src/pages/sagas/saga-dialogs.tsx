import { useId, useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import type { Saga } from '../../api/schemas.ts';
import { commandLine } from '../../parts/command.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { counted } from '../../parts/number.ts';

interface DialogProps {
  readonly saga: Saga;
  readonly onClose: () => void;
}

/** Sends the dead letters of a saga again. */
export function RetrySaga({ saga: { saga, key }, onClose }: DialogProps) {
  return (
    <Confirm
      title="Retry the saga"
      act="Retry it"
      command={(reason) => commandLine('sagas retry', [saga, key], { reason })}
      onAct={(reason) => call('POST sagas/{saga}/{key}/retry', { path: { saga, key }, body: bodyOf(reason) })}
      onClose={onClose}
    >
      <p class="muted">
        Its dead letters are sent again: timeouts, events that have waited for too long, and events whose
        aggregate has its key as id.
      </p>
    </Confirm>
  );
}

type Outcome = 'completed' | 'undone' | 'canceled';

/** Ends a saga by hand. */
export function EndSaga({ saga: { saga, key, undo }, onClose }: DialogProps) {
  const [outcome, setOutcome] = useState<Outcome>('canceled');
  const id = useId();
  const about: Readonly<Record<Outcome, string>> = {
    completed: 'It counts as done. Nothing is published.',
    undone:
      undo === 0 ? 'It has nothing to undo.' : `Publishes ${counted(undo, 'event')}, the last one first.`,
    canceled: 'It does not go on. Nothing is published.',
  };
  return (
    <Confirm
      title="End the saga"
      act="End it"
      isDangerous
      command={(reason) => commandLine('sagas end', [saga, key], { outcome, reason })}
      onAct={(reason) =>
        call('POST sagas/{saga}/{key}/end', { path: { saga, key }, body: { outcome, ...bodyOf(reason) } })
      }
      onClose={onClose}
    >
      <p class="muted">Later events are skipped, and what waits for it as well. It cannot be taken back.</p>
      <div class="field">
        <label for={id}>It ends as</label>
        <select id={id} onChange={(event) => setOutcome(event.currentTarget.value as Outcome)}>
          {(['canceled', 'undone', 'completed'] as const).map((each) => (
            <option key={each} value={each} selected={each === outcome}>
              {each}
            </option>
          ))}
        </select>
        <p class="muted small">{about[outcome]}</p>
      </div>
    </Confirm>
  );
}

function bodyOf(reason: string | undefined) {
  return reason === undefined ? {} : { reason };
}
