import type { Event, EventWithStatus } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { EntityLink, eventHref, eventJourneyHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { count, duration } from '../parts/number.ts';
import { Panel } from '../parts/page.tsx';
import { Mark } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Code, Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';

/** The events of one correlation, over all modules, the oldest first. */
export function EventChain({ event }: { event: EventWithStatus }) {
  const id = event.outboxEventId;
  const reading = useRead('GET events/{id}/chain', { path: { id } }, { isLive: false });
  return (
    <Panel
      title="Related events"
      about="The events of the same request, over all modules."
      acts={<a href={eventJourneyHref(id)}>See the journey</a>}
    >
      <Loaded from={reading}>
        {({ items, hasMore, scannedFrom, scannedTo }) => (
          <>
            {items.length <= 1 ? (
              <p class="muted">
                Nothing else. Events that a handler publishes belong to the event that it handles.
              </p>
            ) : (
              <Table
                caption="Events of the same request"
                rows={items}
                keyOf={({ outboxEventId }) => outboxEventId}
                columns={columnsOf(items, id)}
              />
            )}
            {hasMore && <p class="muted">There are more: the first 200 are shown.</p>}
            {items.length > 1 && (
              <p class="muted small">
                Looked at positions <Code>{count(scannedFrom)}</Code> to <Code>{count(scannedTo)}</Code>.
              </p>
            )}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

function columnsOf(items: readonly Event[], here: string): Column<Event>[] {
  const first = new Date(items[0]?.timestamp ?? 0).getTime();
  const depths = depthsOf(items);
  return [
    {
      head: 'Event',
      isName: true,
      isLong: true,
      cell: ({ outboxEventId, eventName }) => (
        <span class={`deep-${Math.min(6, depths.get(outboxEventId) ?? 0)}`}>
          {outboxEventId === here ? (
            <>
              <Foreign>{eventName}</Foreign> <Mark tone="info">this one</Mark>
            </>
          ) : (
            <NameLink href={eventHref(outboxEventId)}>{eventName}</NameLink>
          )}
        </span>
      ),
    },
    { head: 'Module', isLong: true, cell: ({ sourceModule }) => <Foreign>{sourceModule}</Foreign> },
    {
      head: 'Entity',
      isLong: true,
      cell: ({ aggregateType, aggregateId, sourceModule }) => (
        <EntityLink type={aggregateType} id={aggregateId} module={sourceModule} />
      ),
    },
    { head: 'Position', align: 'end', cell: ({ position }) => <Code>{position}</Code> },
    {
      head: 'After the first',
      align: 'end',
      cell: ({ timestamp }) => `+${duration((new Date(timestamp).getTime() - first) / 1_000)}`,
    },
    { head: 'Published', cell: ({ timestamp }) => <Time at={timestamp} /> },
  ];
}

/** How many events lie between each one and the first, by what caused it. */
function depthsOf(items: readonly Event[]): ReadonlyMap<string, number> {
  const depths = new Map<string, number>();
  for (const { outboxEventId, metadata } of items) {
    const { causationId } = metadata;
    const cause = typeof causationId === 'string' ? depths.get(causationId) : undefined;
    depths.set(outboxEventId, cause === undefined ? 0 : cause + 1);
  }
  return depths;
}
