import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import type { Operation, OperationCount } from '../../api/schemas.ts';
import { Act } from '../../parts/button.tsx';
import { curlOf } from '../../parts/command.ts';
import { CopyText } from '../../parts/copy-text.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { localTime } from '../../parts/filter.tsx';
import { operationHref } from '../../parts/links.tsx';
import { NumberField, wholeOf } from '../../parts/operation-dialog.tsx';
import { plannedText } from '../../parts/operation-start.ts';
import { ProblemBox } from '../../parts/problem-box.tsx';
import { ReasonField, reasonOf } from '../../parts/reason-field.tsx';
import { useAttempt } from '../../parts/use-attempt.ts';
import { go } from '../../router/router.ts';
import { isoOf, TextField } from '../replay-dialog.tsx';
import { typesOf } from './create-destination.tsx';

const WEEK_MS = 7 * 86_400_000;
const REDRIVE = 'POST webhooks/destinations/{id}/redrive';
const REPLAY = 'POST webhooks/destinations/{id}/replay';

interface HowMany {
  readonly maxEvents?: number | undefined;
}

interface How extends HowMany {
  readonly rate?: number | undefined;
  readonly reason?: string | undefined;
}

/** Sends the dead deliveries of a destination again, as an operation. */
export function SendDeadAgain({ id, onClose }: { id: string; onClose: () => void }) {
  const path = { id };
  return (
    <Dialog title="Send the dead ones again" onClose={onClose}>
      <SendForm
        about="Deliveries that have used up their attempts are sent again, and their schedule of retries begins anew. No order is promised for them."
        choice=""
        countOf={(body) => call('POST webhooks/destinations/{id}/redrive/count', { path, body })}
        plan={(body) => call(REDRIVE, { path, body })}
        command={(body) => curlOf(REDRIVE, { path, body })}
        onClose={onClose}
      />
    </Dialog>
  );
}

/** Sends events of a time to a destination, also those that it has not got, as an operation. */
export function SendPastEvents({ id, onClose }: { id: string; onClose: () => void }) {
  const [since, setSince] = useState(() => localTime(new Date(Date.now() - WEEK_MS).toISOString()));
  const [until, setUntil] = useState('');
  const [types, setTypes] = useState('');
  const path = { id };
  const from = isoOf(since);
  const chosen = typesOf(types);
  const past = {
    since: from ?? '',
    until: isoOf(until),
    types: chosen.length === 0 ? undefined : chosen,
  };
  return (
    <Dialog title="Send past events" onClose={onClose}>
      <SendForm
        about="The destination gets the events of this time, also those that it has not got yet. Receivers tell a repetition by webhook-id."
        choice={JSON.stringify(past)}
        unless={from === undefined ? 'Give a time to begin at.' : undefined}
        countOf={(body) =>
          call('POST webhooks/destinations/{id}/replay/count', { path, body: { ...past, ...body } })
        }
        plan={(body) => call(REPLAY, { path, body: { ...past, ...body } })}
        command={(body) => curlOf(REPLAY, { path, body: { ...past, ...body } })}
        onClose={onClose}
      >
        <div class="fields times">
          <TextField label="Since" isTime field={[since, setSince]} />
          <TextField label="Until (optional)" isTime field={[until, setUntil]} />
        </div>
        <TextField
          label="Types (optional)"
          hint="all that it asks for, or invoice.paid, invoice.sent"
          field={[types, setTypes]}
        />
      </SendForm>
    </Dialog>
  );
}

/** Counts first, then plans and runs, and leads to the page of the operation. */
function SendForm({
  about,
  choice,
  unless,
  countOf,
  plan,
  command,
  onClose,
  children,
}: {
  about: string;
  /** What the fields choose. A count does not hold for another choice. */
  choice: string;
  /** Why the events cannot be counted yet. */
  unless?: string | undefined;
  countOf: (body: HowMany) => Promise<OperationCount>;
  plan: (body: How) => Promise<Operation>;
  command: (body: How) => string;
  onClose: () => void;
  children?: ComponentChildren;
}) {
  const [maxEvents, setMaxEvents] = useState('');
  const [rate, setRate] = useState('');
  const [reason, setReason] = useState('');
  const [found, setFound] = useState<OperationCount & { readonly choice: string }>();
  const { attempt, error, isBusy } = useAttempt();
  const howMany = { maxEvents: wholeOf(maxEvents) };
  const how = { ...howMany, rate: wholeOf(rate), ...reasonOf(reason) };
  const whole = `${maxEvents} ${choice}`;
  const counted = found?.choice === whole ? found : undefined;
  const isNothing = counted !== undefined && counted.plannedEvents === 0 && !counted.plannedAtLeast;
  const look = () => attempt(async () => setFound({ ...(await countOf(howMany)), choice: whole }));
  const run = () =>
    attempt(async () => {
      const { id } = await plan(how);
      await call('POST operations/{id}/run', { path: { id }, body: reasonOf(reason) });
      onClose();
      go(operationHref(id));
    });

  useEffect(() => {
    if (children === undefined) void look();
  }, []);

  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy) void (counted === undefined ? look() : run());
      }}
    >
      <p class="muted">{about}</p>
      {children}
      <div class="fields">
        <NumberField label="At most" unit="events" hint="all" field={[maxEvents, setMaxEvents]} />
        <NumberField label="Rate" unit="a second" hint="no limit" field={[rate, setRate]} />
      </div>
      <p role="status" class="plan">
        {counted === undefined ? (
          <span class="muted">{isBusy ? 'Counting…' : 'Not counted yet.'}</span>
        ) : (
          <>
            <b>{plannedText(counted)}</b> will be sent again, the oldest first.
          </>
        )}
      </p>
      <ReasonField value={reason} isRequired={false} onChange={setReason} />
      <ProblemBox error={error} />
      <div class="acts">
        {counted === undefined ? (
          <Act needs="webhooks.change" unless={unless} kind="primary">
            {isBusy ? 'Counting…' : 'Count them'}
          </Act>
        ) : (
          <Act
            needs={['webhooks.change', 'operations.run']}
            unless={isNothing ? 'There is no such event.' : undefined}
            kind="primary"
          >
            {isBusy
              ? 'Working…'
              : `Send ${counted.plannedAtLeast ? 'all of them' : plannedText(counted)} again`}
          </Act>
        )}
        <button type="button" onClick={onClose}>
          Leave it
        </button>
      </div>
      <CopyText label="The same as a command" text={command(how)} />
    </form>
  );
}
