import type { EventPage } from '../api/schemas.ts';
import { Empty } from '../parts/empty.tsx';
import { Filter } from '../parts/filter.tsx';
import { EntityLink, eventHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { bytes } from '../parts/number.ts';
import { LATEST_FIRST, latestOrOldest, orderingOf } from '../parts/ordering.ts';
import { Page } from '../parts/page.tsx';
import { Pager } from '../parts/pager.tsx';
import { Status } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Code, Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';
import { useEventSearch } from './event-search.ts';

const FIELDS = [
  { name: 'name', label: 'Event name', placeholder: 'order.placed or order.*' },
  { name: 'module', label: 'Module' },
  { name: 'aggregateType', label: 'Type of entity' },
  { name: 'aggregateId', label: 'Id of entity' },
  { name: 'correlationId', label: 'Correlation id' },
  { name: 'about', label: 'Name or id', placeholder: 'order.placed, o-17, a correlation' },
  { name: 'payloadPath', label: 'Place in the payload', placeholder: 'customer.id, with From' },
  { name: 'payloadValue', label: 'Value there' },
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
  {
    head: 'Position',
    align: 'end',
    order: LATEST_FIRST,
    cell: ({ position }) => <Code>{position}</Code>,
  },
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

const NAMES = [...FIELDS.map(({ name }) => name), 'order', 'after'] as const;

/** The log, the newest event first, or the oldest. */
export function EventsPage({ place }: { place: Place }) {
  const query = Object.fromEntries(NAMES.map((name) => [name, place.query.get(name) ?? undefined]));
  return (
    <Page
      title="Events"
      about={`The log, the ${query.order === 'oldest' ? 'oldest' : 'newest'} event first.`}
    >
      <Filter place={place} fields={[...FIELDS, latestOrOldest('the newest first')]} />
      <EventList key={JSON.stringify(query)} place={place} query={query} />
    </Page>
  );
}

/** Another search is another list. */
function EventList({ place, query }: { place: Place; query: Record<string, string | undefined> }) {
  const isFiltered = FIELDS.some(({ name }) => query[name] !== undefined);
  const search = useEventSearch({ ...query, withStatus: true });
  return (
    <Loaded from={search.reading}>
      {({ items, next }) => (
        <>
          <Progress of={search} />
          {items.length > 0 ? (
            <Table
              caption="Events"
              columns={COLUMNS}
              rows={items}
              keyOf={({ outboxEventId }) => outboxEventId}
              ordering={orderingOf(place, query.order ?? 'latest', 'latest')}
            />
          ) : next !== null ? null : isFiltered ? (
            <Empty title="No event matches the filter.">
              <a href={to(['events'])}>Clear the filter</a>, or look at another time. Events leave the log
              when they were kept long enough.
            </Empty>
          ) : (
            <Empty title="The log is empty.">
              Nothing was published yet, or all of it was kept long enough and deleted.
            </Empty>
          )}
          {!search.isSearching && !search.isStopped && (
            <Pager place={place} next={next} shown={items.length} />
          )}
        </>
      )}
    </Loaded>
  );
}

/** How far a search is that goes on by itself. */
function Progress({
  of: { isSearching, isStopped, progress, stop, goOn },
}: {
  of: ReturnType<typeof useEventSearch>;
}) {
  if (progress === undefined || (!isSearching && !isStopped)) return null;
  return (
    <div class="pager">
      <progress aria-label="Part of the log that was looked at" value={progress.looked} max={progress.of} />{' '}
      <span role="status">{`${isSearching ? 'Searching' : 'Stopped'}: ${progress.sentence}.`}</span>{' '}
      <button type="button" onClick={isSearching ? stop : goOn}>
        {isSearching ? 'Stop' : 'Go on'}
      </button>
    </div>
  );
}
