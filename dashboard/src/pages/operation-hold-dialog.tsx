import { useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { OperationWithVerdict } from '../api/schemas.ts';
import { commandLine } from '../parts/command.ts';
import { Confirm } from '../parts/confirm.tsx';

/** Pauses an operation, goes on with it, or changes its rate. */
export function HoldDialog({
  operation: { id, rate: current },
  what,
  onClose,
}: {
  operation: OperationWithVerdict;
  what: 'pause' | 'resume' | 'rate';
  onClose: () => void;
}) {
  const [rate, setRate] = useState(current?.toString() ?? '');
  const wished = rate === '' ? undefined : Number(rate);
  const path = { id };
  const texts = {
    pause: {
      title: 'Pause the operation',
      act: 'Pause it',
      about: 'Nothing more is sent until somebody goes on with it. What was sent is delivered.',
    },
    resume: {
      title: 'Go on with the operation',
      act: 'Go on with it',
      about: 'It goes on from where it was.',
    },
    rate: { title: 'Change the rate', act: 'Change it', about: 'It holds within a second.' },
  };
  const { title, act, about } = texts[what];
  const isWrong = wished !== undefined && !(Number.isInteger(wished) && wished >= 1 && wished <= 100_000);
  return (
    <Confirm
      title={title}
      act={act}
      unless={what === 'rate' && isWrong ? 'The rate is a whole number from 1 to 100,000.' : undefined}
      command={(reason) =>
        commandLine(`operations ${what}`, [id], { rate: what === 'rate' ? wished : undefined, reason })
      }
      onAct={(reason) => {
        const body = reason === undefined ? {} : { reason };
        if (what === 'pause') return call('POST operations/{id}/pause', { path, body });
        if (what === 'resume') return call('POST operations/{id}/resume', { path, body });
        return call('POST operations/{id}/rate', {
          path,
          body: wished === undefined ? body : { ...body, rate: wished },
        });
      }}
      onClose={onClose}
    >
      <p>{about}</p>
      {what === 'rate' && (
        <label class="field">
          <span>Events a second</span>
          <input
            inputMode="numeric"
            value={rate}
            placeholder="no limit"
            onInput={(event) => setRate(event.currentTarget.value.trim())}
          />
        </label>
      )}
    </Confirm>
  );
}
