import { useEffect, useId, useState } from 'preact/hooks';
import { call } from '../api/client.ts';
import type { Operation, Routes } from '../api/schemas.ts';
import { go } from '../router/router.ts';
import { Act } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { LeftOut } from './left-out.tsx';
import { operationHref } from './links.tsx';
import { count, counted } from './number.ts';
import { ProblemBox } from './problem-box.tsx';
import { ReasonField, reasonOf } from './reason-field.tsx';
import { Foreign } from './text.tsx';
import { useAttempt } from './use-attempt.ts';

export type OperationWish = Omit<Routes['POST operations']['body'], 'reason'>;

/** Counts first what an operation would change, and then starts it. */
export function OperationDialog({
  title,
  about,
  wish,
  onClose,
}: {
  title: string;
  about: string;
  wish: OperationWish;
  onClose: () => void;
}) {
  const [maxEvents, setMaxEvents] = useState(wish.maxEvents?.toString() ?? '');
  const [rate, setRate] = useState(wish.rate?.toString() ?? '');
  const [stopAfter, setStopAfter] = useState(wish.stopAfter?.toString() ?? '');
  const [reason, setReason] = useState('');
  const [plan, setPlan] = useState<Operation>();
  const { attempt, error, isBusy } = useAttempt();
  const isDiscard = wish.kind === 'discard';
  /** Somebody who chose rows one by one wants all of them. */
  const isLimited = wish.events === undefined;
  const fields = { maxEvents: wholeOf(maxEvents), rate: wholeOf(rate), stopAfter: wholeOf(stopAfter) };
  const isPlanned =
    plan !== undefined &&
    plan.maxEvents === (fields.maxEvents ?? null) &&
    plan.rate === (fields.rate ?? null) &&
    plan.stopAfter === (fields.stopAfter ?? null);

  const makePlan = () =>
    attempt(async () => setPlan(await call('POST operations', { body: { ...wish, ...fields } })));
  const run = () =>
    attempt(async () => {
      if (plan === undefined) return;
      await call('POST operations/{id}/run', {
        path: { id: plan.id },
        body: reasonOf(reason),
      });
      onClose();
      go(operationHref(plan.id));
    });

  // It counts once by itself, when it opens.
  useEffect(() => {
    void makePlan();
  }, []);

  const events = plan === undefined ? 0 : plan.plannedEvents;
  const nothing = isPlanned && events === 0 ? 'There is no such event any more.' : undefined;
  const noReason =
    isDiscard && reason.trim() === '' ? 'A discard needs a reason: write it above.' : undefined;
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!isPlanned) void makePlan();
          else if (nothing === undefined && noReason === undefined) void run();
        }}
      >
        <p class="muted">
          <Foreign most={300}>{about}</Foreign>
        </p>
        <LimitFields
          maxEvents={isLimited ? [maxEvents, setMaxEvents] : undefined}
          rate={[rate, setRate]}
          stopAfter={isDiscard ? undefined : [stopAfter, setStopAfter]}
        />
        <p role="status" class="plan">
          {plan === undefined || !isPlanned ? (
            <span class="muted">{isBusy ? 'Counting…' : 'Not counted yet.'}</span>
          ) : (
            <>
              <b>{plannedText(plan)}</b>{' '}
              {isDiscard ? 'will be set aside for good.' : 'will be sent again, the oldest first.'}
              <LeftOut operation={plan} />
            </>
          )}
        </p>
        <ReasonField value={reason} isRequired={isDiscard} onChange={setReason} />
        <ProblemBox error={error} />
        <div class="acts">
          {isPlanned ? (
            <Act
              needs={wish.kind === 'replay' ? ['operations.run', 'consumers.replay'] : 'operations.run'}
              unless={nothing ?? noReason}
              kind={isDiscard ? 'danger' : 'primary'}
              onAct={() => void run()}
            >
              {isBusy
                ? 'Working…'
                : `${isDiscard ? 'Discard' : 'Send'} ${plan.plannedAtLeast ? 'all of them' : counted(events, 'event')}${isDiscard ? '' : ' again'}`}
            </Act>
          ) : (
            <Act needs="operations.plan" kind="primary" onAct={() => void makePlan()}>
              {isBusy ? 'Counting…' : 'Count them'}
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

type Field = readonly [value: string, onChange: (value: string) => void];

/** How many events an operation takes, how fast, and when it stops. A field that is left out is not there. */
export function LimitFields({
  maxEvents,
  rate,
  stopAfter,
}: Record<'maxEvents' | 'stopAfter', Field | undefined> & { rate: Field }) {
  return (
    <div class="fields">
      {maxEvents && <NumberField label="At most" unit="events" hint="all" field={maxEvents} />}
      <NumberField label="Rate" unit="a second" hint="no limit" field={rate} />
      {stopAfter && <NumberField label="Stop after" unit="failures" hint="never" field={stopAfter} />}
    </div>
  );
}

/** How many events a plan has found. */
export function plannedText({ plannedEvents, plannedAtLeast }: Operation): string {
  return plannedAtLeast ? `${count(plannedEvents)} or more events` : counted(plannedEvents, 'event');
}

function NumberField({
  label,
  unit,
  hint,
  field: [value, onChange],
}: {
  label: string;
  unit: string;
  hint: string;
  field: Field;
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>
        {label} <span class="muted">({unit})</span>
      </label>
      <input
        id={id}
        type="text"
        inputMode="numeric"
        pattern="[0-9]*"
        placeholder={hint}
        value={value}
        autoComplete="off"
        onInput={(event) => onChange(event.currentTarget.value.replace(/\D/g, ''))}
      />
    </div>
  );
}

export function wholeOf(text: string): number | undefined {
  return text === '' ? undefined : Number(text);
}
