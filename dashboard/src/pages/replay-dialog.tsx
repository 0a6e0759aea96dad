import { useId, useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { Counted } from '../api/schemas.ts';
import { Act } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { localTime } from '../parts/filter.tsx';
import { atLeast } from '../parts/number.ts';
import { ProblemBox } from '../parts/problem-box.tsx';
import { ReasonField, reasonOf } from '../parts/reason-field.tsx';
import { useAttempt } from '../parts/use-attempt.ts';

const HOUR_MS = 3_600_000;

/** Delivers the events since a time again. They are counted first. */
export function ReplayDialog({ name, onClose }: { name: string; onClose: () => void }) {
  const id = useId();
  const [since, setSince] = useState(() => localTime(new Date(Date.now() - HOUR_MS).toISOString()));
  const [until, setUntil] = useState('');
  const [eventName, setEventName] = useState('');
  const [reason, setReason] = useState('');
  const [counted, setCounted] = useState<Counted>();
  const { attempt, error, isBusy } = useAttempt();
  const choice = {
    since: isoOf(since) ?? '',
    ...(isoOf(until) === undefined ? {} : { until: isoOf(until) }),
    ...(eventName.trim() === '' ? {} : { eventName: eventName.trim() }),
  };
  const changed = (set: (value: string) => void) => (event: { currentTarget: HTMLInputElement }) => {
    set(event.currentTarget.value);
    setCounted(undefined);
  };
  const attemptUnlessBusy = async (work: () => Promise<void>) => {
    if (!isBusy) await attempt(work);
  };
  const countThem = () =>
    attemptUnlessBusy(async () =>
      setCounted(await call('GET consumers/{name}/replays/count', { path: { name }, query: choice })),
    );
  const run = () =>
    attemptUnlessBusy(async () => {
      await call('POST consumers/{name}/replays', {
        path: { name },
        body: { ...choice, ...reasonOf(reason) },
      });
      onClose();
    });
  return (
    <Dialog title={`Replay for ${name}`} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void (counted === undefined ? countThem() : run());
        }}
      >
        <p class="muted">
          The consumer gets these events again, beside its other work. Their order is not guaranteed. Those
          that it has not handled yet are not sent twice.
        </p>
        <div class="fields">
          <div class="field">
            <label for={`${id}-since`}>Since</label>
            <input
              id={`${id}-since`}
              type="datetime-local"
              step="1"
              required
              value={since}
              onInput={changed(setSince)}
            />
          </div>
          <div class="field">
            <label for={`${id}-until`}>Until (optional)</label>
            <input
              id={`${id}-until`}
              type="datetime-local"
              step="1"
              value={until}
              onInput={changed(setUntil)}
            />
          </div>
        </div>
        <div class="field">
          <label for={`${id}-name`}>Event name (optional)</label>
          <input
            id={`${id}-name`}
            value={eventName}
            placeholder="all that it asks for"
            autoComplete="off"
            onInput={changed(setEventName)}
          />
        </div>
        <p role="status" class="plan">
          {counted === undefined ? (
            <span class="muted">{isBusy ? 'Counting…' : 'Not counted yet.'}</span>
          ) : (
            <>
              <b>{eventsOf(counted)}</b> of the log are looked at.
            </>
          )}
        </p>
        <ReasonField value={reason} onChange={setReason} />
        <ProblemBox error={error} />
        <div class="acts">
          {counted === undefined ? (
            <Act kind="primary" onAct={() => void countThem()}>
              Count them
            </Act>
          ) : (
            <Act
              kind="primary"
              needs="consumers.replay"
              unless={counted.count === 0 && !counted.atLeast ? 'There is no such event.' : undefined}
              onAct={() => void run()}
            >
              {`Replay ${eventsOf(counted)}`}
            </Act>
          )}
          <button type="button" onClick={onClose}>
            Leave it
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function eventsOf(counted: Counted): string {
  return `${atLeast(counted)} ${counted.count === 1 && !counted.atLeast ? 'event' : 'events'}`;
}

function isoOf(local: string): string | undefined {
  const time = new Date(local);
  return local === '' || Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
