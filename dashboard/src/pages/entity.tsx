import type { EventWithStatus, WhyNotYet } from '../api/schemas.ts';
import { useRead } from '../api/use-read.ts';
import { Empty } from '../parts/empty.tsx';
import { ConsumerLink, entityJourneyHref, eventHref } from '../parts/links.tsx';
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
import { EntityReplay } from './entity-replay.tsx';
import { Why } from './why-not-yet.tsx';

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
      <Holding items={items} isAll={reading.data?.next === null} onDone={reading.reload} />
      <Panel
        title="Timeline"
        about="The newest event first."
        acts={
          <>
            <a href={entityJourneyHref(type, id)}>See the journey</a>
            <EntityReplay type={type} id={id} consumers={consumersOf(items)} onDone={reading.reload} />
          </>
        }
      >
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

function consumersOf(items: readonly EventWithStatus[]): string[] {
  return [...new Set(items.flatMap(({ consumers }) => consumers.map((each) => each.consumerName)))].sort();
}

type Delivery = EventWithStatus['consumers'][number];
interface Held {
  readonly event: EventWithStatus;
  readonly delivery: Delivery;
  readonly why: WhyNotYet;
  /** How many events of the page the consumer has not handled. */
  readonly open: number;
}

/** The consumers shown before the rest is folded. */
const MOST_HELD = 4;

/** Says of each consumer that has not done with all events why it has not handled the first of them. */
function Holding({
  items,
  isAll,
  onDone,
}: {
  items: readonly EventWithStatus[];
  isAll: boolean;
  onDone: () => void;
}) {
  const held = [...heldOf(items)];
  if (held.length === 0) return null;
  const boxes = held.map((each) => (
    <HoldingAt key={each.delivery.consumerName} held={each} isAll={isAll} onDone={onDone} />
  ));
  return (
    <>
      {boxes.slice(0, MOST_HELD)}
      {boxes.length > MOST_HELD && (
        <details>
          <summary>And {counted(boxes.length - MOST_HELD, 'more consumer')}</summary>
          {boxes.slice(MOST_HELD)}
        </details>
      )}
    </>
  );
}

/** The oldest event of the page that each consumer has still to handle. The newest stands first on the page. */
function heldOf(items: readonly EventWithStatus[]): Iterable<Held> {
  const held = new Map<string, Held>();
  for (const event of items) {
    for (const delivery of event.consumers) {
      const { consumerName, why } = delivery;
      if (why === null) continue;
      held.set(consumerName, { event, delivery, why, open: (held.get(consumerName)?.open ?? 0) + 1 });
    }
  }
  return held.values();
}

const HELD_UP: readonly WhyNotYet['code'][] = ['retry', 'postponed', 'behind-entity'];

function HoldingAt({
  held: { event, delivery, why, open },
  isAll,
  onDone,
}: {
  held: Held;
  isAll: boolean;
  onDone: () => void;
}) {
  const { consumerName, lastError } = delivery;
  const later = { count: open - 1, atLeast: !isAll };
  return (
    <div class="box warn">
      <p>
        <Mark tone="warn">{HELD_UP.includes(why.code) ? 'Held up' : 'Not yet'}</Mark>{' '}
        <ConsumerLink name={consumerName} /> has not handled{' '}
        <NameLink href={eventHref(event.outboxEventId)}>{event.eventName}</NameLink> at position{' '}
        <Code>{event.position}</Code>.{open > 1 && ` Later events of this entity wait: ${atLeast(later)}.`}
      </p>
      <Why consumer={consumerName} why={why} onDone={onDone} />
      {lastError !== null && (
        <p class="error-text">
          <Foreign most={600}>{lastError}</Foreign>
        </p>
      )}
      <p>
        <a
          href={eventHref(event.outboxEventId)}
          aria-label={`Open the event that ${consumerName} has not handled`}
        >
          Open the event
        </a>{' '}
        to see its attempts, or to correct or discard it.
      </p>
    </div>
  );
}
