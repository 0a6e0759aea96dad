import { useId, useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { Operation } from '../api/schemas.ts';
import { Act } from '../parts/button.tsx';
import { Dialog } from '../parts/dialog.tsx';
import { localTime } from '../parts/filter.tsx';
import { LimitFields, type OperationWish, plannedText, wholeOf } from '../parts/operation-dialog.tsx';
import { ProblemBox } from '../parts/problem-box.tsx';
import { ReasonField, reasonOf } from '../parts/reason-field.tsx';
import { useAttempt } from '../parts/use-attempt.ts';
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
  const [maxEvents, setMaxEvents] = useState('');
  const [rate, setRate] = useState('');
  const [stopAfter, setStopAfter] = useState('');
  const [reason, setReason] = useState('');
  const [planned, setPlanned] = useState<{ plan: Operation; wish: string }>();
  const { attempt, error, isBusy } = useAttempt();
  const wish: OperationWish = {
    kind: 'replay',
    consumer: name,
    since: isoOf(since),
    until: isoOf(until),
    eventName: eventName.trim() === '' ? undefined : eventName.trim(),
    maxEvents: wholeOf(maxEvents),
    rate: wholeOf(rate),
    stopAfter: wholeOf(stopAfter),
  };
  // A plan is of the fields that it was made for.
  const plan = planned?.wish === JSON.stringify(wish) ? planned.plan : undefined;
  const noTime = wish.since === undefined ? 'Give the time from which on events are sent again.' : undefined;
  const nothing =
    plan !== undefined && plan.plannedEvents === 0 && !plan.plannedAtLeast
      ? 'There is no such event.'
      : undefined;
  const makePlan = () =>
    attempt(async () =>
      setPlanned({ plan: await call('POST operations', { body: wish }), wish: JSON.stringify(wish) }),
    );
  const run = (id: string) =>
    attempt(async () =>
      onBegun(await call('POST operations/{id}/run', { path: { id }, body: reasonOf(reason) })),
    );
  const typed = (set: (value: string) => void) => (event: { currentTarget: HTMLInputElement }) =>
    set(event.currentTarget.value);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (isBusy) return;
        if (plan === undefined) void makePlan();
        else if (nothing === undefined) void run(plan.id);
      }}
    >
      <p class="muted">
        The consumer gets these events again, beside its other work. Their order is not guaranteed. Those that
        it has not handled yet are not sent twice.
      </p>
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
      <LimitFields
        maxEvents={[maxEvents, setMaxEvents]}
        rate={[rate, setRate]}
        stopAfter={[stopAfter, setStopAfter]}
      />
      <p role="status" class="plan">
        {plan === undefined ? (
          <span class="muted">{isBusy ? 'Counting…' : 'Not counted yet.'}</span>
        ) : (
          <>
            <b>{plannedText(plan)}</b> will be sent again, the oldest first.
          </>
        )}
      </p>
      <ReasonField value={reason} onChange={setReason} />
      <ProblemBox error={error} />
      <div class="acts">
        {plan === undefined ? (
          <Act
            kind="primary"
            needs={['consumers.replay', 'operations.plan']}
            unless={noTime}
            onAct={() => void makePlan()}
          >
            {isBusy ? 'Counting…' : 'Count them'}
          </Act>
        ) : (
          <Act
            kind="primary"
            needs={['consumers.replay', 'operations.run']}
            unless={nothing}
            onAct={() => void run(plan.id)}
          >
            {isBusy ? 'Working…' : `Replay ${plan.plannedAtLeast ? 'all of them' : plannedText(plan)}`}
          </Act>
        )}
        <button type="button" onClick={onClose}>
          Leave it
        </button>
      </div>
    </form>
  );
}

function isoOf(local: string): string | undefined {
  const time = new Date(local);
  return local === '' || Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}
