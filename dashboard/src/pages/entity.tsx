import type { EventWithStatus } from '../api/schemas.ts';
import { useDenial } from '../api/session.tsx';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { ConsumerLink, consumerHref, eventHref } from '../parts/links.tsx';
import { Loaded } from '../parts/loading.tsx';
import { atLeast, counted } from '../parts/number.ts';
import { Page, Panel } from '../parts/page.tsx';
import { Pager } from '../parts/pager.tsx';
import { Mark, Status } from '../parts/status.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { Code, Foreign, NameLink } from '../parts/text.tsx';
import { Time } from '../parts/time.tsx';
import { type Place, to } from '../router/router.ts';
import { EntityLinks } from './entity-links.tsx';

const COLUMNS: readonly Column<EventWithStatus>[] = [
  {
    head: 'Event',
    isName: true,
    isLong: true,
    cell: ({ outboxEventId, eventName }) => <NameLink href={eventHref(outboxEventId)}>{eventName}</NameLink>,
  },
  { head: 'Position', align: 'end', cell: ({ position }) => <Code>{position}</Code> },
  { head: 'Published', cell: ({ timestamp }) => <Time at={timestamp} /> },
  {
    head: 'At its consumers',
    isLong: true,
    cell: ({ consumers }) =>
      consumers.length === 0 ? (
        <span class="muted">no consumer asks for it</span>
      ) : (
        <AtConsumers consumers={consumers} />
      ),
  },
];

const MOST_NAMED = 4;

/** Where an event stands. Of many consumers with one status only the number is shown. */
function AtConsumers({ consumers }: Pick<EventWithStatus, 'consumers'>) {
  const byStatus = new Map<string, string[]>();
  for (const { status, consumerName } of consumers)
    byStatus.set(status, [...(byStatus.get(status) ?? []), consumerName]);
  return (
    <ul class="at-consumers">
      {[...byStatus].map(([status, names]) => (
        <li key={status}>
          <Status of={status} />{' '}
          {names.length > MOST_NAMED ? (
            counted(names.length, 'consumer')
          ) : (
            <Foreign>{names.join(', ')}</Foreign>
          )}
        </li>
      ))}
    </ul>
  );
}

/** One entity: what happened to it, what holds up its queue, and what it is linked with. */
export function EntityPage({ place }: { place: Place }) {
  const [, type = '', id = ''] = place.path;
  const after = place.query.get('after') ?? undefined;
  const reading = useRead('GET entities/{type}/{id}/timeline', { path: { type, id }, query: { after } });
  const items = reading.data?.items ?? [];
  const module = place.query.get('module') ?? items[0]?.sourceModule;
  return (
    <Page
      title={`${type}/${id}`}
      above={<a href={to(['events'])}>Events</a>}
      about="Each consumer handles the events of one entity one after another."
    >
      <Holding type={type} id={id} items={items} />
      <Panel title="Timeline" about="The newest event first.">
        <Loaded from={reading}>
          {({ items: events, next }) =>
            events.length === 0 ? (
              <Empty title="The log has no event of this entity.">
                Check its type and id. Old events are deleted after the retention time.
              </Empty>
            ) : (
              <>
                <Table
                  caption="Events of the entity"
                  columns={COLUMNS}
                  rows={events}
                  keyOf={({ outboxEventId }) => outboxEventId}
                />
                <Pager place={place} next={next} shown={events.length} />
              </>
            )
          }
        </Loaded>
      </Panel>
      {module !== undefined && <EntityLinks key={module} module={module} type={type} id={id} place={place} />}
    </Page>
  );
}

/** Says which event others of this entity wait for, at each consumer that has not done with all. */
function Holding({ type, id, items }: { type: string; id: string; items: readonly EventWithStatus[] }) {
  const denial = useDenial('consumers.read');
  const open = new Set(
    items.flatMap(({ consumers }) =>
      consumers
        .filter(({ status }) => status === 'failed' || status === 'pending')
        .map((each) => each.consumerName),
    ),
  );
  if (open.size === 0 || denial !== undefined) return null;
  return (
    <>
      {[...open].map((consumer) => (
        <HoldingAt key={consumer} consumer={consumer} type={type} id={id} items={items} />
      ))}
    </>
  );
}

function HoldingAt({
  consumer,
  type,
  id,
  items,
}: {
  consumer: string;
  type: string;
  id: string;
  items: readonly EventWithStatus[];
}) {
  const reading = useRead('GET consumers/{name}/blocked', { path: { name: consumer } });
  const blocking = reading.data?.items.find(
    ({ aggregateType, aggregateId }) => aggregateType === type && aggregateId === id,
  );
  if (blocking === undefined) return null;
  const event = items.find(({ outboxEventId }) => outboxEventId === blocking.outboxEventId);
  return (
    <div class="box warn">
      <p>
        <Mark tone="warn">Held up</Mark> <ConsumerLink name={consumer} /> failed at{' '}
        <NameLink href={eventHref(blocking.outboxEventId)}>
          {event?.eventName ?? `the event at position ${blocking.position}`}
        </NameLink>{' '}
        and tries it again <Time at={blocking.retryAt} />. Later events of this entity wait:{' '}
        {atLeast(blocking.behind)}.
      </p>
      {blocking.lastError !== null && (
        <p class="error-text">
          <Foreign most={600}>{blocking.lastError}</Foreign>
        </p>
      )}
      <p>
        <a href={eventHref(blocking.outboxEventId)}>Open the event</a> to correct or discard it, or{' '}
        <a href={consumerHref(consumer)}>the consumer</a>.
      </p>
    </div>
  );
}
