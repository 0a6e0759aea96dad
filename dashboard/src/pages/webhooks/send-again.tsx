import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import type { Operation, OperationCount } from '../../api/schemas.ts';
import { curlOf } from '../../parts/command.ts';
import { CountedForm, NumberField, wholeOf } from '../../parts/counted-form.tsx';
import { Dialog } from '../../parts/dialog.tsx';
import { localTime } from '../../parts/filter.tsx';
import { operationHref } from '../../parts/links.tsx';
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
        chosen=""
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
        chosen={JSON.stringify(past)}
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

/** Begins with how many and how fast, and leads to the page of the operation. */
function SendForm({
  about,
  chosen,
  unless,
  countOf,
  plan,
  command,
  onClose,
  children,
}: {
  about: string;
  /** What the fields choose. A count does not hold for another choice. */
  chosen: string;
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
  const howMany = { maxEvents: wholeOf(maxEvents) };
  const how = { ...howMany, rate: wholeOf(rate) };
  return (
    <CountedForm
      about={about}
      choice={{
        key: `${maxEvents} ${chosen}`,
        count: () => countOf(howMany),
        plan: (because) => plan({ ...how, ...because }),
      }}
      needs={{ count: 'webhooks.change', start: ['webhooks.change', 'operations.run'] }}
      unless={unless}
      isCountedAtOnce={children === undefined}
      command={(reason) => command({ ...how, reason })}
      onBegun={({ id }) => {
        onClose();
        go(operationHref(id));
      }}
      onClose={onClose}
    >
      {children}
      <div class="fields">
        <NumberField label="At most" unit="events" hint="all" field={[maxEvents, setMaxEvents]} />
        <NumberField label="Rate" unit="a second" hint="no limit" field={[rate, setRate]} />
      </div>
    </CountedForm>
  );
}
