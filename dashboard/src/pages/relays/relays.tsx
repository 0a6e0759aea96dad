import type { Relay, RelaySource } from '../../api/schemas.ts';
import { useRead } from '../../api/use-read.ts';
import { Empty } from '../../parts/empty.tsx';
import { consumerHref, eventHref } from '../../parts/links.tsx';
import { Loaded } from '../../parts/loading.tsx';
import { duration, perSecond } from '../../parts/number.ts';
import { Page, Panel } from '../../parts/page.tsx';
import { type Column, Table } from '../../parts/table.tsx';
import { Foreign, NameLink } from '../../parts/text.tsx';
import { BrokerOf, LastOf, RunBy, StateOf } from './relay-cells.tsx';

const RELAYS: readonly Column<Relay>[] = [
  {
    head: 'Relay',
    isName: true,
    isLong: true,
    cell: ({ name, consumerName }) => <NameLink href={consumerHref(consumerName)}>{name}</NameLink>,
  },
  { head: 'State', isLong: true, cell: (relay) => <StateOf one={relay} /> },
  { head: 'Broker', isLong: true, cell: (relay) => <BrokerOf one={relay} /> },
  {
    head: 'Events',
    isLong: true,
    cell: ({ eventNames }) => <Foreign most={120}>{eventNames.join(', ')}</Foreign>,
  },
  { head: 'Run by', isLong: true, cell: (relay) => <RunBy one={relay} /> },
  { head: 'Accepted', align: 'end', cell: ({ acceptedPerSecond }) => perSecond(acceptedPerSecond) },
  { head: 'Took', align: 'end', cell: tookOf },
  { head: 'Refused', align: 'end', cell: ({ refusedPerSecond }) => perSecond(refusedPerSecond) },
  {
    head: 'Last refusal',
    isLong: true,
    cell: ({ lastRefusal }) => (
      <LastOf one={lastRefusal}>
        {lastRefusal !== null && (
          <NameLink href={eventHref(lastRefusal.eventId)}>{lastRefusal.eventName}</NameLink>
        )}
      </LastOf>
    ),
  },
];

const SOURCES: readonly Column<RelaySource>[] = [
  { head: 'Source', isName: true, isLong: true, cell: ({ name }) => <Foreign>{name}</Foreign> },
  { head: 'State', isLong: true, cell: (source) => <StateOf one={source} /> },
  { head: 'Broker', isLong: true, cell: (source) => <BrokerOf one={source} /> },
  { head: 'Run by', isLong: true, cell: (source) => <RunBy one={source} /> },
  { head: 'Stored', align: 'end', cell: ({ storedPerSecond }) => perSecond(storedPerSecond) },
  { head: 'Repeated', align: 'end', cell: ({ repeatedPerSecond }) => perSecond(repeatedPerSecond) },
  { head: 'Rejected', align: 'end', cell: ({ rejectedPerSecond }) => perSecond(rejectedPerSecond) },
  { head: 'Last rejection', isLong: true, cell: ({ lastRejection }) => <LastOf one={lastRejection} /> },
];

/** What goes to brokers, and what comes from there. */
export function RelaysPage() {
  const reading = useRead('GET relays', {});
  return (
    <Page
      title="Relays and sources"
      about="Figures are of the last five minutes. Processes write them when they renew their leases, every ten seconds by default."
    >
      <Loaded from={reading}>
        {({ relays, sources }) =>
          relays.length + sources.length === 0 ? (
            <Empty title="There is no relay and no source.">
              They appear when they stand in the options of RelaysModule. The guide says how under “Relays”.
            </Empty>
          ) : (
            <>
              {relays.length > 0 && (
                <Panel title="Relays" about="They send events to brokers.">
                  <Table caption="Relays" columns={RELAYS} rows={relays} keyOf={({ name }) => name} />
                </Panel>
              )}
              {sources.length > 0 && (
                <Panel title="Sources" about="They take in messages from brokers as events.">
                  <Table caption="Sources" columns={SOURCES} rows={sources} keyOf={({ name }) => name} />
                </Panel>
              )}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

/** How long the broker takes to accept a message. */
function tookOf({ latencyMedianSeconds: median, latencyP95Seconds: p95 }: Relay) {
  if (median === null || p95 === null) return <span class="muted">none accepted</span>;
  return (
    <div class="stack">
      <span>{duration(median)}</span>
      <span class="muted">95 %: {duration(p95)}</span>
    </div>
  );
}
