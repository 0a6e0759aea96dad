import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Saga, SagaHistory } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Act } from '../../parts/button.tsx';
import { ConsumerLink, eventHref } from '../../parts/links.tsx';
import { Loaded, LoadedPage } from '../../parts/loading.tsx';
import { count, counted } from '../../parts/number.ts';
import { Facts, Page, Panel } from '../../parts/page.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Code, Foreign, NameLink } from '../../parts/text.tsx';
import { Time } from '../../parts/time.tsx';
import { type Place, to } from '../../router/router.ts';
import { EndSaga, RetrySaga } from './saga-dialogs.tsx';
import { causeText, SagaMark } from './saga-texts.tsx';

type Waiting = Saga['waiting'][number];
type Timeout = Saga['timeouts'][number];
type Entry = SagaHistory['items'][number];

/** One saga: where it stands, what it did, and what waits for it. */
export function SagaPage({ place }: { place: Place }) {
  const [, saga = '', key = ''] = place.path;
  const reading = useRead('GET sagas/{saga}/{key}', { path: { saga, key } });
  const history = useRead('GET sagas/{saga}/{key}/history', { path: { saga, key } });
  const reload = () => {
    reading.reload();
    history.reload();
  };
  return (
    <LoadedPage from={reading} title={key} above={<Above saga={saga} />}>
      {(found) => (
        <Shown saga={found} reload={reload}>
          <Panel title="History" about="What it did, in its order.">
            <Loaded from={history}>
              {({ items }) => (
                <Table caption="History" columns={HISTORY} rows={items} keyOf={({ n }) => String(n)} />
              )}
            </Loaded>
          </Panel>
        </Shown>
      )}
    </LoadedPage>
  );
}

function Above({ saga }: { saga: string }) {
  return (
    <>
      <a href={to(['sagas'])}>Sagas</a> · <NameLink href={to(['sagas'], { saga })}>{saga}</NameLink>
    </>
  );
}

function Shown({ saga, reload, children }: { saga: Saga; reload: () => void; children: ComponentChildren }) {
  const [asked, setAsked] = useState<'retry' | 'end'>();
  const close = () => {
    setAsked(undefined);
    reload();
  };
  const { key, status, timeouts, waiting } = saga;
  return (
    <Page
      title={key}
      above={<Above saga={saga.saga} />}
      acts={
        <>
          <SagaMark {...saga} />
          <Act needs="sagas.change" onAct={() => setAsked('retry')}>
            Retry
          </Act>
          <Act
            needs="sagas.change"
            unless={status === 'active' ? undefined : `It has ended: it is ${status}.`}
            onAct={() => setAsked('end')}
          >
            End
          </Act>
        </>
      }
    >
      <Details saga={saga} />
      {timeouts.length > 0 && (
        <Panel title="Timeouts" about="They are due unless a step clears them.">
          <Table caption="Timeouts" columns={TIMEOUTS} rows={timeouts} keyOf={({ name }) => name} />
        </Panel>
      )}
      {waiting.length > 0 && (
        <Panel title="What waits for it" about="Events that came before the step that they need.">
          <Table
            caption="Events that wait"
            columns={WAITING}
            rows={waiting}
            keyOf={({ position }) => String(position)}
          />
        </Panel>
      )}
      {children}
      {asked === 'retry' && <RetrySaga saga={saga} onClose={close} />}
      {asked === 'end' && <EndSaga saga={saga} onClose={close} />}
    </Page>
  );
}

function Details({ saga }: { saga: Saga }) {
  const { id, tenantId, step, version, startedAt, changedAt, endedAt, undo } = saga;
  return (
    <Panel title="Details">
      <Facts>
        {[
          ['Step', <Foreign key="s">{step}</Foreign>],
          ['Changed', <Time key="c" at={changedAt} />],
          ['Began', <Time key="b" at={startedAt} />],
          endedAt === null ? undefined : ['Ended', <Time key="e" at={endedAt} />],
          ['Tenant', tenantId === '' ? 'none' : <Foreign key="t">{tenantId}</Foreign>],
          ['An undo publishes', undo === 0 ? 'nothing' : counted(undo, 'event')],
          ['Version of its state', count(version)],
          ['Consumer', <ConsumerLink key="o" name={`saga.${saga.saga}`} />],
          ['Id, and correlation of its events', <Code key="i">{id}</Code>],
          [
            'Changes by admins',
            <a key="a" href={to(['audit'], { target: `saga/${saga.saga}/${saga.key}` })}>
              See the audit
            </a>,
          ],
        ]}
      </Facts>
    </Panel>
  );
}

const TIMEOUTS: readonly Column<Timeout>[] = [
  { head: 'Timeout', isName: true, isLong: true, cell: ({ name }) => <Foreign>{name}</Foreign> },
  { head: 'Due', cell: ({ at }) => <Time at={at} /> },
];

const WAITING: readonly Column<Waiting>[] = [
  {
    head: 'Event',
    isName: true,
    isLong: true,
    cell: ({ eventName, outboxEventId }) => <NameLink href={eventHref(outboxEventId)}>{eventName}</NameLink>,
  },
  { head: 'Waits for', isLong: true, cell: ({ wanted }) => <Foreign>{wantedText(wanted)}</Foreign> },
  { head: 'Dead letter', cell: ({ until }) => <Time at={until} /> },
  {
    head: 'Its step was reached',
    cell: ({ releasedAt }) =>
      releasedAt === null ? <span class="muted">not yet</span> : <Time at={releasedAt} />,
  },
];

function wantedText(wanted: readonly string[]): string {
  return wanted.length === 0 ? 'the beginning' : wanted.join(' or ');
}

const HISTORY: readonly Column<Entry>[] = [
  { head: 'No.', align: 'end', cell: ({ n }) => count(n) },
  {
    head: 'What',
    isName: true,
    isLong: true,
    cell: ({ name, outboxEventId }) =>
      outboxEventId === null ? (
        <Foreign>{causeText(name)}</Foreign>
      ) : (
        <NameLink href={eventHref(outboxEventId)}>{causeText(name)}</NameLink>
      ),
  },
  { head: 'When', cell: ({ at }) => <Time at={at} /> },
  { head: 'Step', isLong: true, cell: StepOf },
  {
    head: 'Reason',
    isLong: true,
    cell: ({ reason }) =>
      reason === null ? <span class="muted">–</span> : <Foreign most={200}>{reason}</Foreign>,
  },
];

function StepOf({ stepBefore, stepAfter }: Entry) {
  if (stepBefore === null || stepBefore === stepAfter) return <Foreign>{stepAfter}</Foreign>;
  return (
    <>
      <Foreign>{stepBefore}</Foreign> → <Foreign>{stepAfter}</Foreign>
    </>
  );
}
