import type { ComponentChildren } from 'preact';
import { useEffect, useId, useState } from 'preact/hooks';
import type { Operation } from '../api/schemas.ts';
import { Act } from './button.tsx';
import { CopyText } from './copy-text.tsx';
import { LeftOut } from './left-out.tsx';
import { type Choice, type Counted, countOf, plannedText, start } from './operation-start.ts';
import { ProblemBox } from './problem-box.tsx';
import { ReasonField, reasonOf } from './reason-field.tsx';
import { useAttempt } from './use-attempt.ts';

type Needs = Parameters<typeof Act>[0]['needs'];

/**
 * Counts first what an operation would change, and then starts it. `children` are its fields. It says the
 * number, and starts nothing where there are many more by then.
 */
export function CountedForm({
  about,
  choice,
  needs,
  unless,
  isDiscard = false,
  isCountedAtOnce,
  actOf = (events) => `Send ${events} again`,
  command,
  onBegun,
  onClose,
  children,
}: {
  about: ComponentChildren;
  choice: Choice;
  /** What somebody must be allowed to do, to count and to start. */
  needs: { readonly count: Needs; readonly start: Needs };
  /** Why the events cannot be counted yet. */
  unless?: string | undefined;
  isDiscard?: boolean;
  /** Whether it counts by itself when it opens, because there is nothing to choose first. */
  isCountedAtOnce: boolean;
  /** What its button says, with the number of events. */
  actOf?: ((events: string) => string) | undefined;
  /** The same for a terminal. */
  command: (reason: string | undefined) => string;
  onBegun: (operation: Operation) => void;
  onClose: () => void;
  children: ComponentChildren;
}) {
  const [reason, setReason] = useState('');
  const [found, setFound] = useState<Counted>();
  const { attempt, error, isBusy } = useAttempt();
  // A count is of the events that were chosen when it was made.
  const counted = found?.choice === choice.key ? found : undefined;
  const noEvents =
    counted !== undefined && counted.plannedEvents === 0 && !counted.plannedAtLeast
      ? 'There is no such event.'
      : undefined;
  const noReason =
    isDiscard && reason.trim() === '' ? 'A discard needs a reason: write it above.' : undefined;
  const look = () => attempt(async () => setFound(await countOf(choice)));
  const run = (seen: Counted) => attempt(async () => onBegun(await start(choice, seen, reason, setFound)));

  useEffect(() => {
    if (isCountedAtOnce) void look();
  }, []);

  return (
    <form
      // The button says what is missing.
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy) void (counted === undefined ? look() : run(counted));
      }}
    >
      <p class="muted">{about}</p>
      {children}
      <p role="status" class="plan">
        {counted === undefined ? (
          <span class="muted">{isBusy ? 'Counting…' : 'Not counted yet.'}</span>
        ) : (
          <>
            <b>{plannedText(counted)}</b>{' '}
            {isDiscard ? 'will be set aside for good.' : 'will be sent again, the oldest first.'}
            <LeftOut operation={counted} />
          </>
        )}
      </p>
      <ReasonField value={reason} isRequired={isDiscard} isFirst={isDiscard} onChange={setReason} />
      <ProblemBox error={error} />
      <div class="acts">
        {counted === undefined ? (
          <Act needs={needs.count} unless={unless} kind="primary">
            {isBusy ? 'Counting…' : 'Count them'}
          </Act>
        ) : (
          <Act needs={needs.start} unless={noEvents ?? noReason} kind={isDiscard ? 'danger' : 'primary'}>
            {isBusy ? 'Working…' : actOf(counted.plannedAtLeast ? 'all of them' : plannedText(counted))}
          </Act>
        )}
        <button type="button" onClick={onClose}>
          Leave it
        </button>
      </div>
      <CopyText label="The same as a command" text={command(reasonOf(reason).reason)} />
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
