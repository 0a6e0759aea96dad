import { useState } from 'preact/hooks';
import { call } from '../../api/client.ts';
import type { WebhookDestination, WebhookTestAttempt } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Act } from '../../parts/button.tsx';
import { curlOf } from '../../parts/command.ts';
import { Confirm } from '../../parts/confirm.tsx';
import { Filter } from '../../parts/filter.tsx';
import { Loaded, LoadedPage } from '../../parts/loading.tsx';
import { atLeast, count } from '../../parts/number.ts';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { Pager } from '../../parts/pager.tsx';
import { Table } from '../../parts/table.tsx';
import { Code, Foreign } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';
import { AnswerText } from './answer-text.tsx';
import { TextField, typesOf } from './create-destination.tsx';
import { DeliveriesTable } from './deliveries-table.tsx';
import { DestinationMark, DestinationTrouble, successText } from './destination-state.tsx';
import { SendDeadAgain, SendPastEvents } from './send-again.tsx';

const ABOVE = <a href={to(['webhook-destinations'])}>Destinations of webhooks</a>;
const STATES = ['pending', 'delivered', 'dead', 'cancelled'] as const;
const CHOICES = [['', 'any'], ...STATES.map((each) => [each, each] as const)] as const;

/** One destination: how it stands, what it asks for, and what was delivered. */
export function DestinationPage({ place }: { place: Place }) {
  const id = place.path[1] ?? '';
  const reading = useRead('GET webhooks/destinations/{id}', { path: { id } });
  return (
    <LoadedPage from={reading} title={id} above={ABOVE}>
      {(destination) => <Shown place={place} destination={destination} reload={reading.reload} />}
    </LoadedPage>
  );
}

type Asked = 'hold' | 'change' | 'test' | 'dead' | 'past' | undefined;

function Shown({
  place,
  destination,
  reload,
}: {
  place: Place;
  destination: WebhookDestination;
  reload: () => void;
}) {
  const [asked, setAsked] = useState<Asked>(undefined);
  const [tested, setTested] = useState<WebhookTestAttempt | undefined>(undefined);
  const close = () => {
    setAsked(undefined);
    reload();
  };
  const { id, url, status, dead } = destination;
  return (
    <Page
      title={url}
      above={ABOVE}
      acts={
        <>
          <DestinationMark {...destination} />
          <Act needs="webhooks.change" onAct={() => setAsked('test')}>
            Send a test
          </Act>
          {dead.count > 0 && (
            <Act needs={['webhooks.change', 'operations.run']} onAct={() => setAsked('dead')}>
              Send the dead ones again
            </Act>
          )}
          <Act needs={['webhooks.change', 'operations.run']} onAct={() => setAsked('past')}>
            Send past events
          </Act>
          <Act needs="webhooks.change" onAct={() => setAsked('change')}>
            Change
          </Act>
          <Act
            kind={status === 'active' ? 'plain' : 'primary'}
            needs="webhooks.change"
            onAct={() => setAsked('hold')}
          >
            {VERBS[status].act}
          </Act>
        </>
      }
    >
      {tested !== undefined && <Tested test={tested} />}
      <DestinationTrouble destination={destination} />
      <Details destination={destination} />
      <Deliveries place={place} id={id} />
      {asked === 'hold' && <HoldOrGoOn destination={destination} onClose={close} />}
      {asked === 'test' && <SendTest destination={destination} onDone={setTested} onClose={close} />}
      {asked === 'dead' && <SendDeadAgain id={id} onClose={close} />}
      {asked === 'past' && <SendPastEvents id={id} onClose={close} />}
      {asked === 'change' && <Change destination={destination} onClose={close} />}
    </Page>
  );
}

function Details({ destination }: { destination: WebhookDestination }) {
  const { id, tenantId, eventTypes, filter, format, signing, order, headers, secrets, createdAt } =
    destination;
  const { waiting, dead, ratePerSecond, maxInFlight, timeoutMs } = destination;
  return (
    <Panel title="Details">
      <Facts>
        {[
          ['Tenant', <Foreign key="t">{tenantId}</Foreign>],
          ['Id', <Code key="i">{id}</Code>],
          ['Types', <Foreign key="y">{eventTypes.join(', ')}</Foreign>],
          ['Filter', filter === null ? 'none' : <Foreign key="f">{JSON.stringify(filter)}</Foreign>],
          ['Waiting', atLeast(waiting)],
          ['Dead', atLeast(dead)],
          ['Delivered, last hour', successText(destination)],
          ['Format and signature', `${format}, ${signing}`],
          ['Order', order],
          ['Rate', ratePerSecond === null ? 'not limited' : `${ratePerSecond} a second`],
          ['At the same time', maxInFlight === null ? 'as the setting says' : count(maxInFlight)],
          ['Time-out', timeoutMs === null ? 'as the setting says' : `${count(timeoutMs)} ms`],
          ['Headers', headers.length === 0 ? 'none' : <Foreign key="h">{headers.join(', ')}</Foreign>],
          ['Created', <Time key="c" at={createdAt} />],
          [
            'Changes',
            <a key="a" href={to(['audit'], { target: `webhook-destination/${id}` })}>
              See the audit
            </a>,
          ],
        ]}
      </Facts>
      {secrets.length === 0 ? (
        <p class="body muted">It has no secret, so nothing can be signed.</p>
      ) : (
        <Table
          caption="Secrets that are valid"
          rows={secrets}
          keyOf={({ version }) => String(version)}
          columns={[
            { head: 'Secret, version', isName: true, cell: ({ version }) => version },
            { head: 'Stored', cell: ({ rotatedAt }) => <Time at={rotatedAt} /> },
            {
              head: 'Valid until',
              cell: ({ validUntil }) => (validUntil === null ? 'it is rotated' : <Time at={validUntil} />),
            },
          ]}
        />
      )}
    </Panel>
  );
}

function Deliveries({ place, id }: { place: Place; id: string }) {
  const status = STATES.find((each) => each === place.query.get('status'));
  const type = place.query.get('type') ?? undefined;
  const query = { status, type, after: place.query.get('after') ?? undefined };
  const reading = useRead('GET webhooks/destinations/{id}/deliveries', { path: { id }, query });
  const isFiltered = Object.values(query).some((each) => each !== undefined);
  return (
    <Panel title="Deliveries" about="The latest events first.">
      <Filter
        place={place}
        fields={[
          { name: 'status', label: 'State', options: CHOICES },
          { name: 'type', label: 'Type' },
        ]}
      />
      <Loaded from={reading}>
        {({ items, next }) =>
          items.length === 0 ? (
            <p class="body muted">
              {isFiltered ? 'No delivery is like that.' : 'Nothing was delivered yet.'}
            </p>
          ) : (
            <>
              <DeliveriesTable rows={items} />
              <Pager place={place} next={next} shown={items.length} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

const VERBS = {
  active: {
    act: 'Pause',
    route: 'POST webhooks/destinations/{id}/pause',
    about: 'Nothing more is sent to it until it is resumed. What is published meanwhile is delivered then.',
  },
  paused: {
    act: 'Resume',
    route: 'POST webhooks/destinations/{id}/resume',
    about: 'Deliveries go on, and what was published meanwhile is caught up with.',
  },
  disabled: {
    act: 'Enable',
    route: 'POST webhooks/destinations/{id}/enable',
    about:
      'Deliveries go on, and what was published meanwhile is caught up with. If it fails again, it is disabled again.',
  },
} as const;

function HoldOrGoOn({
  destination: { id, status },
  onClose,
}: {
  destination: WebhookDestination;
  onClose: () => void;
}) {
  const { act, route, about } = VERBS[status];
  const argsOf = (reason: string | undefined) => ({
    path: { id },
    body: reason === undefined ? {} : { reason },
  });
  return (
    <Confirm
      title={`${act} the destination`}
      act={act}
      command={(reason) => curlOf(route, argsOf(reason))}
      onAct={(reason) => call(route, argsOf(reason))}
      onClose={onClose}
    >
      <p class="muted">{about}</p>
    </Confirm>
  );
}

const UPDATE = 'PATCH webhooks/destinations/{id}';

function Change({
  destination: { id, url: before, eventTypes },
  onClose,
}: {
  destination: WebhookDestination;
  onClose: () => void;
}) {
  const [url, setUrl] = useState(before);
  const [types, setTypes] = useState(eventTypes.join(', '));
  const argsOf = (reason: string | undefined) => ({
    path: { id },
    body: { url: url.trim(), eventTypes: typesOf(types), ...(reason === undefined ? {} : { reason }) },
  });
  return (
    <Confirm
      title="Change the destination"
      act="Change it"
      command={(reason) => curlOf(UPDATE, argsOf(reason))}
      onAct={(reason) => call(UPDATE, argsOf(reason))}
      onClose={onClose}
    >
      <p class="muted">
        Another URL holds for what waits as well, and begins as if nothing had failed. Types hold for what is
        published from now on.
      </p>
      <TextField label="URL, with https" value={url} onInput={setUrl} />
      <TextField label="Types of events, divided by commas" value={types} onInput={setTypes} />
    </Confirm>
  );
}

const TEST = 'POST webhooks/destinations/{id}/test';

/** Sends a request that is signed as deliveries are, and is none. */
function SendTest({
  destination: { id },
  onDone,
  onClose,
}: {
  destination: WebhookDestination;
  onDone: (test: WebhookTestAttempt) => void;
  onClose: () => void;
}) {
  const argsOf = (reason: string | undefined) => ({
    path: { id },
    body: reason === undefined ? {} : { reason },
  });
  return (
    <Confirm
      title="Send a test"
      act="Send it"
      command={(reason) => curlOf(TEST, argsOf(reason))}
      onAct={async (reason) => onDone(await call(TEST, argsOf(reason)))}
      onClose={onClose}
    >
      <p class="muted">
        One request goes out at once, signed as deliveries are. It is no delivery, and it is not repeated.
      </p>
    </Confirm>
  );
}

function Tested({ test: { statusCode, durationMs, error, answer } }: { test: WebhookTestAttempt }) {
  const isGood = statusCode !== null && statusCode >= 200 && statusCode < 300;
  return (
    <div class={isGood ? 'box' : 'box warn'} role="status">
      <p>
        {statusCode === null
          ? `The test got no answer within ${count(durationMs)} ms.`
          : `The test was answered with ${statusCode} after ${count(durationMs)} ms.`}
      </p>
      {error !== null && (
        <p>
          <Foreign>{error}</Foreign>
        </p>
      )}
      <AnswerText answer={answer} />
    </div>
  );
}
