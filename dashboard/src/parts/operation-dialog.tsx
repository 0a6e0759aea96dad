import type { ComponentChildren } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import type { Operation } from '../api/schemas.ts';
import { go } from '../router/router.ts';
import { Act } from './button.tsx';
import { commandOf } from './command.ts';
import { CopyText } from './copy-text.tsx';
import { Dialog } from './dialog.tsx';
import { LeftOut } from './left-out.tsx';
import { operationHref } from './links.tsx';
import {
  type Counted,
  choiceOf,
  countOf,
  type OperationWish,
  plannedText,
  start,
} from './operation-start.ts';
import { ProblemBox } from './problem-box.tsx';
import { ReasonField, reasonOf } from './reason-field.tsx';
import { Foreign } from './text.tsx';
import { useAttempt } from './use-attempt.ts';

/** A dialog with the form of an operation, which leads to the page of the operation. */
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
  return (
    <Dialog title={title} onClose={onClose}>
      <OperationForm
        about={<Foreign most={300}>{about}</Foreign>}
        wish={wish}
        onBegun={({ id }) => {
          onClose();
          go(operationHref(id));
        }}
        onClose={onClose}
      />
    </Dialog>
  );
}

/**
 * Counts first what an operation would change, and then starts it. `children` are fields by which somebody
 * chooses the events. Without them it counts by itself when it opens.
 */
export function OperationForm({
  about,
  wish: chosen,
  unless,
  actOf = chosen.kind === 'discard' ? (events) => `Discard ${events}` : (events) => `Send ${events} again`,
  onBegun,
  onClose,
  children,
}: {
  about: ComponentChildren;
  wish: OperationWish;
  /** Why the events cannot be counted yet. */
  unless?: string | undefined;
  /** What its button says, with the number of events. */
  actOf?: (events: string) => string;
  onBegun: (operation: Operation) => void;
  onClose: () => void;
  children?: ComponentChildren;
}) {
  const [maxEvents, setMaxEvents] = useState(chosen.maxEvents?.toString() ?? '');
  const [rate, setRate] = useState(chosen.rate?.toString() ?? '');
  const [stopAfter, setStopAfter] = useState(chosen.stopAfter?.toString() ?? '');
  const [stopAbove, setStopAbove] = useState(chosen.stopAbovePercent?.toString() ?? '');
  const [reason, setReason] = useState('');
  const [planned, setPlanned] = useState<Counted>();
  const { attempt, error, isBusy } = useAttempt();
  const { kind } = chosen;
  const isDiscard = kind === 'discard';
  const replays = kind === 'replay' ? (['consumers.replay'] as const) : [];
  const wish = {
    ...chosen,
    maxEvents: wholeOf(maxEvents),
    rate: wholeOf(rate),
    stopAfter: wholeOf(stopAfter),
    stopAbovePercent: kind === 'redrive' ? wholeOf(stopAbove) : undefined,
  };
  // A count is of the events that were chosen when it was made.
  const plan = planned?.choice === choiceOf(wish) ? planned : undefined;
  const noEvents =
    plan !== undefined && plan.plannedEvents === 0 && !plan.plannedAtLeast
      ? 'There is no such event.'
      : undefined;
  const noReason =
    isDiscard && reason.trim() === '' ? 'A discard needs a reason: write it above.' : undefined;
  const makePlan = () => attempt(async () => setPlanned(await countOf(wish)));
  const run = (seen: Counted) => attempt(async () => onBegun(await start(wish, seen, reason, setPlanned)));

  useEffect(() => {
    if (children === undefined) void makePlan();
  }, []);

  return (
    <form
      // The button says what is missing.
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (isBusy) return;
        void (plan === undefined ? makePlan() : run(plan));
      }}
    >
      <p class="muted">{about}</p>
      {children}
      <div class="fields">
        {/* Somebody who chose rows one by one wants all of them. */}
        {chosen.events === undefined && (
          <NumberField label="At most" unit="events" hint="all" field={[maxEvents, setMaxEvents]} />
        )}
        <NumberField label="Rate" unit="a second" hint="no limit" field={[rate, setRate]} />
        {!isDiscard && (
          <NumberField label="Stop after" unit="failures" hint="never" field={[stopAfter, setStopAfter]} />
        )}
        {kind === 'redrive' && (
          <NumberField
            label="Stop above"
            unit="% of failures"
            hint="never"
            field={[stopAbove, setStopAbove]}
          />
        )}
      </div>
      <p role="status" class="plan">
        {plan === undefined ? (
          <span class="muted">{isBusy ? 'Counting…' : 'Not counted yet.'}</span>
        ) : (
          <>
            <b>{plannedText(plan)}</b>{' '}
            {isDiscard ? 'will be set aside for good.' : 'will be sent again, the oldest first.'}
            <LeftOut operation={plan} />
          </>
        )}
      </p>
      <ReasonField value={reason} isRequired={isDiscard} isFirst={isDiscard} onChange={setReason} />
      <ProblemBox error={error} />
      <div class="acts">
        {plan === undefined ? (
          <Act needs={[...replays, 'operations.plan']} unless={unless} kind="primary">
            {isBusy ? 'Counting…' : 'Count them'}
          </Act>
        ) : (
          <Act
            needs={[...replays, 'operations.plan', 'operations.run']}
            unless={noEvents ?? noReason}
            kind={isDiscard ? 'danger' : 'primary'}
          >
            {isBusy ? 'Working…' : actOf(plan.plannedAtLeast ? 'all of them' : plannedText(plan))}
          </Act>
        )}
        <button type="button" onClick={onClose}>
          Leave it
        </button>
      </div>
      <CopyText label="The same as a command" text={commandOf(wish, reasonOf(reason).reason)} />
    </form>
  );
}

type Field = readonly [value: string, onChange: (value: string) => void];

export function NumberField({
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
