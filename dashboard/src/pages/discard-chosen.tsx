import { useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import { Confirm } from '../parts/confirm.tsx';
import { counted } from '../parts/number.ts';

/** Discards events that were chosen one by one: an operation for each of them, with one reason. */
export function DiscardChosen({
  consumer,
  events,
  onDone,
  onClose,
}: {
  consumer: string;
  events: readonly string[];
  onDone: () => void;
  onClose: () => void;
}) {
  const [done, setDone] = useState(0);
  const discard = async (reason: string | undefined) => {
    for (const event of events.slice(done)) {
      const { id } = await call('POST operations', {
        body: { kind: 'discard', consumer, event, ...(reason === undefined ? {} : { reason }) },
      });
      await call('POST operations/{id}/run', { path: { id }, body: reason === undefined ? {} : { reason } });
      setDone((n) => n + 1);
    }
    onDone();
  };
  return (
    <Confirm
      title={`Discard ${counted(events.length, 'event')}`}
      act={`Discard ${counted(events.length - done, 'event')}`}
      isDangerous
      needsReason
      onAct={discard}
      onClose={onClose}
    >
      <p>
        {consumer} will never handle them. They stay in the log, and other consumers are not touched.{' '}
        {done > 0 && <b role="status">{`${done} of ${events.length} are done.`}</b>}
      </p>
    </Confirm>
  );
}
