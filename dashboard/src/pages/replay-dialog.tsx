import { useId, useState } from 'preact/hooks';
import type { Operation } from '../api/schemas.ts';
import { Dialog } from '../parts/dialog.tsx';
import { localTime } from '../parts/filter.tsx';
import { OperationForm } from '../parts/operation-dialog.tsx';
import { ReplayProgress } from './replay-progress.tsx';

const HOUR_MS = 3_600_000;

/**
 * Delivers the events since a time again, as an operation. They are counted first, and then it shows the
 * progress.
 */
export function ReplayDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const [begun, setBegun] = useState<Operation>();
  return (
    <Dialog title={`Replay for ${name}`} onClose={onClose}>
      {begun === undefined ? (
        <ReplayForm name={name} onBegun={setBegun} onClose={onClose} />
      ) : (
        <ReplayProgress begun={begun} onClose={onClose} />
      )}
    </Dialog>
  );
}

function ReplayForm({
  name,
  onBegun,
  onClose,
}: {
  name: string;
  onBegun: (operation: Operation) => void;
  onClose: () => void;
}) {
  const id = useId();
  const [since, setSince] = useState(() => localTime(new Date(Date.now() - HOUR_MS).toISOString()));
  const [until, setUntil] = useState('');
  const [eventName, setEventName] = useState('');
  const begin = isoOf(since);
  const typed = (set: (value: string) => void) => (event: { currentTarget: HTMLInputElement }) =>
    set(event.currentTarget.value);
  return (
    <OperationForm
      about="The consumer gets these events again, beside its other work. Their order is not guaranteed. Those that it has not handled yet are not sent twice."
      wish={{
        kind: 'replay',
        consumer: name,
        since: begin,
        until: isoOf(until),
        eventName: eventName.trim() === '' ? undefined : eventName.trim(),
      }}
      unless={begin === undefined ? 'Give the time from which on events are sent again.' : undefined}
      actOf={(events) => `Replay ${events}`}
      onBegun={onBegun}
      onClose={onClose}
    >
      <div class="fields times">
        <div class="field">
          <label for={`${id}-since`}>Since</label>
          <input
            id={`${id}-since`}
            type="datetime-local"
            step="1"
            required
            value={since}
            onInput={typed(setSince)}
          />
        </div>
        <div class="field">
          <label for={`${id}-until`}>Until (optional)</label>
          <input id={`${id}-until`} type="datetime-local" step="1" value={until} onInput={typed(setUntil)} />
        </div>
      </div>
      <div class="field">
        <label for={`${id}-name`}>Event name (optional)</label>
        <input
          id={`${id}-name`}
          value={eventName}
          placeholder="all that it asks for"
          autoComplete="off"
          onInput={typed(setEventName)}
        />
      </div>
    </OperationForm>
  );
}

function isoOf(local: string): string | undefined {
  const time = new Date(local);
  return local === '' || Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
