import type { EventPage } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { EntityLink, eventHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { bytes, count } from '../parts/number.ts';
import { Page } from '../parts/page.tsx';
import { Pager } from '../parts/pager.tsx';
import { Status } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Code, Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';

const FIELDS = [
  { name: 'name', label: 'Event name', placeholder: 'order.placed or order.*' },
  { name: 'module', label: 'Module' },
  { name: 'aggregateType', label: 'Type of entity' },
  { name: 'aggregateId', label: 'Id of entity' },
  { name: 'correlationId', label: 'Correlation id' },
  { name: 'deduplicationKey', label: 'Deduplication key' },
  { name: 'from', label: 'From', type: 'datetime-local' },
  { name: 'to', label: 'Until', type: 'datetime-local' },
] as const;

type Row = EventPage['items'][number];

const COLUMNS: readonly Column<Row>[] = [
  {
    head: 'Event',
    isName: true,
    isLong: true,
    cell: ({ outboxEventId, eventName }) => <NameLink href={eventHref(outboxEventId)}>{eventName}</NameLink>,
  },
  { head: 'State', cell: ({ status }) => status !== undefined && <Status of={status} /> },
  { head: 'Position', align: 'end', cell: ({ position }) => <Code>{position}</Code> },
  { head: 'Module', isLong: true, cell: ({ sourceModule }) => <Foreign>{sourceModule}</Foreign> },
  {
    head: 'Entity',
    isLong: true,
    cell: ({ aggregateType, aggregateId, sourceModule }) => (
      <EntityLink type={aggregateType} id={aggregateId} module={sourceModule} />
    ),
  },
  {
    head: 'Payload',
    align: 'end',
    cell: ({ payloadBytes }) => (payloadBytes === null ? '–' : bytes(payloadBytes)),
  },
  { head: 'Published', cell: ({ timestamp }) => <Time at={timestamp} /> },
];

/** The log, the newest event first. */
export function EventsPage({ place }: { place: Place }) {
  const query = Object.fromEntries(
    [...FIELDS.map(({ name }) => name), 'after'].map((name) => [name, place.query.get(name) ?? undefined]),
  );
  // A page behind the first does not move under the reader.
  const isFiltered = FIELDS.some(({ name }) => query[name] !== undefined);
  const reading = useRead(
    'GET events',
    { query: { ...query, withStatus: true } },
    { isLive: query.after === undefined },
  );
  return (
    <Page title="Events" about="The log, the newest event first.">
      <Filter place={place} fields={FIELDS} />
      <Loaded from={reading}>
        {({ items, next, scannedTo }) => (
          <>
            {items.length === 0 ? (
              next === null && !isFiltered ? (
                <Empty title="The log is empty.">
                  Nothing was published yet, or all of it was kept long enough and deleted.
                </Empty>
              ) : next === null ? (
                <Empty title="No event matches the filter.">
                  <a href={to(['events'])}>Clear the filter</a>, or look at another time. Events leave the log
                  when they were kept long enough.
                </Empty>
              ) : (
                <Empty title="No match so far.">
                  The search has looked back to position {count(scannedTo)}. The next page continues from
                  there.
                </Empty>
              )
            ) : (
              <Table
                caption="Events"
                columns={COLUMNS}
                rows={items}
                keyOf={({ outboxEventId }) => outboxEventId}
              />
            )}
            <Pager place={place} next={next} shown={items.length} />
          </>
        )}
      </Loaded>
    </Page>
  );
}
