import type {
  ConsumerDelivery,
  DeliveryStatus,
  OutboxEvent,
  OutboxEventStatus,
  OutboxEventStatusReport,
} from '../log/outbox-event.js';
import type { OutboxQueryStore } from '../log/outbox-query.store.js';

/** What names an event of the log. */
export type LoggedEvent = Pick<OutboxEvent, 'outboxEventId' | 'position' | 'eventName'>;

/** The statuses from the worst to the best. Skipped counts as processed. */
const ROLL_UP: readonly [DeliveryStatus, OutboxEventStatus][] = [
  ['dead_letter', 'dead_letter'],
  ['failed', 'failed'],
  ['processing', 'processing'],
  ['pending', 'pending'],
  ['processed', 'processed'],
  ['skipped', 'processed'],
];

/** The delivery of each of these events of the log, in their order. */
export async function statusesOf(
  store: OutboxQueryStore,
  events: readonly LoggedEvent[],
): Promise<OutboxEventStatusReport[]> {
  const deliveries = await deliveriesOf(store, events);
  return events.map(({ outboxEventId, position, eventName }) => {
    const consumers = deliveries.get(outboxEventId) ?? [];
    return { outboxEventId, position, eventName, status: rollUp(consumers), consumers };
  });
}

async function deliveriesOf(
  store: OutboxQueryStore,
  events: readonly LoggedEvent[],
): Promise<Map<string, ConsumerDelivery[]>> {
  const byEvent = new Map<string, ConsumerDelivery[]>();
  if (events.length === 0) return byEvent;
  const rows = await store.findStatuses(events.map((event) => event.outboxEventId));
  for (const { outboxEventId, ...delivery } of rows) {
    const deliveries = byEvent.get(outboxEventId) ?? [];
    deliveries.push(delivery);
    byEvent.set(outboxEventId, deliveries);
  }
  return byEvent;
}

function rollUp(consumers: readonly ConsumerDelivery[]): OutboxEventStatus {
  const worst = ROLL_UP.find(([status]) => consumers.some((consumer) => consumer.status === status));
  return worst?.[1] ?? 'unrouted';
}
