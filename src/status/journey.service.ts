import type { AdminDatabase } from '../database/admin-database.js';
import { EVENT_TEXT_LIMITS } from '../events/event-limits.js';
import type { EventHead } from '../log/event-look.js';
import { EventLookService } from '../log/event-look.service.js';
import { EventLookStore } from '../log/event-look.store.js';
import type { DeliveryStatus } from '../log/outbox-event.js';
import { checkPosition, checkText } from '../words/argument-checks.js';
import {
  deliveryText,
  errorLine,
  eventText,
  FROM_WORST,
  type Journey,
  type JourneyDelivery,
  type JourneyEvent,
  type JourneyLane,
  journeyText,
  statusesText,
} from './journey.js';
import { type JourneyRow, JourneyStore } from './journey.store.js';
import { type ExplainedDelivery, type ExplainedReport, WhyNotYetService } from './why-not-yet.service.js';

/** More events than these cannot be looked through in one picture. */
const MOST_EVENTS = 100;
const MOST_LANES = 30;

const keyOf = (outboxEventId: string, consumerName: string) => `${outboxEventId} ${consumerName}`;

/** Follows events through the consumers: what became of each, by how many attempts, and what it led to. */
export class JourneyService {
  private readonly look: EventLookService;
  private readonly whys: WhyNotYetService;
  private readonly store: JourneyStore;

  constructor(db: AdminDatabase) {
    this.look = new EventLookService(new EventLookStore(db));
    this.whys = new WhyNotYetService(db);
    this.store = new JourneyStore(db);
  }

  /**
   * Returns the journey of the events that belong together with this one. Of more than 100 it has those
   * around this one. Undefined if the log does not have the event.
   */
  async ofEvent(id: string): Promise<Journey | undefined> {
    const chain = await this.look.chainOf(id);
    if (chain === undefined) return undefined;
    const isIn = chain.items.some(({ outboxEventId }) => outboxEventId === id);
    // An event of plain SQL carries no correlation, and a long chain may end before the event.
    const event = isIn ? undefined : await this.look.head(id);
    if (!isIn && event === undefined) return undefined;
    const all =
      event === undefined ? chain.items : [...chain.items, event].sort((a, b) => a.position - b.position);
    const at = all.findIndex(({ outboxEventId }) => outboxEventId === id);
    const first = Math.max(0, Math.min(at - MOST_EVENTS / 2, all.length - MOST_EVENTS));
    const events = all.slice(first, first + MOST_EVENTS);
    return this.of(events, chain.hasMore || events.length < all.length);
  }

  /**
   * Returns the journey of the newest events of an entity, or of those before a position.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid entity or position
   */
  async ofEntity(type: string, id: string, before?: number): Promise<Journey> {
    checkText('type', type, EVENT_TEXT_LIMITS.aggregateType);
    checkText('id', id, EVENT_TEXT_LIMITS.aggregateId);
    checkPosition('before', before);
    const filter = { aggregateType: type, aggregateId: id };
    const { items, next } = await this.look.search(filter, { limit: MOST_EVENTS, before });
    return this.of(items.reverse(), next !== null);
  }

  private async of(events: readonly EventHead[], hasMore: boolean): Promise<Journey> {
    const reports = await this.whys.reportsOf(events);
    const lanes = lanesOf(reports);
    const listed = lanes.slice(0, MOST_LANES);
    const consumers = listed.map(({ consumerName }) => consumerName);
    const ids = events.map(({ outboxEventId }) => outboxEventId);
    const rows = ids.length === 0 ? [] : await this.store.rowsOf(ids, consumers);
    const kept = new Map(rows.map((row) => [keyOf(row.outboxEventId, row.consumerName), row]));
    const byId = new Map(events.map((event) => [event.outboxEventId, event]));
    const delivered = new Set(
      reports.flatMap((report, index) =>
        report.consumers.map(({ consumerName }) => keyOf(ids[index] ?? '', consumerName)),
      ),
    );
    const others = lanes.slice(MOST_LANES);
    const statuses = reports.flatMap(({ consumers: all }) => all.map(({ status }) => status));
    const dead = statuses.filter((status) => status === 'dead_letter').length;
    const done = statuses.filter((status) => status === 'processed' || status === 'skipped').length;
    return {
      // There is a report for each event, in the same order.
      events: events.map((event, index) =>
        eventOf(event, reports[index] as ExplainedReport, {
          byId,
          kept,
          delivered,
          consumers: new Set(consumers),
        }),
      ),
      lanes: listed,
      moreLanes:
        others.length === 0
          ? null
          : {
              count: others.length,
              says: statusesText(
                'more consumer',
                others.map(({ status }) => status),
              ),
            },
      hasMore,
      says: journeyText(events.length, lanes.length, statuses.length - done - dead, dead),
    };
  }
}

interface Known {
  readonly byId: ReadonlyMap<string, EventHead>;
  readonly kept: ReadonlyMap<string, JourneyRow>;
  /** Which event went to which consumer. */
  readonly delivered: ReadonlySet<string>;
  /** Those that have a lane. */
  readonly consumers: ReadonlySet<string>;
}

function eventOf(
  event: EventHead,
  report: ExplainedReport,
  { byId, kept, delivered, consumers }: Known,
): JourneyEvent {
  const { outboxEventId, position, eventName, sourceModule, aggregateType, aggregateId, timestamp } = event;
  const { causationId, producer } = event.metadata;
  const cause = typeof causationId === 'string' ? byId.get(causationId) : undefined;
  // Whoever publishes may write another producer. One that did not get the event has not handled it.
  const publishedBy =
    typeof producer === 'string' && delivered.has(keyOf(cause?.outboxEventId ?? '', producer))
      ? producer
      : null;
  return {
    outboxEventId,
    position,
    eventName,
    sourceModule,
    aggregateType,
    aggregateId,
    timestamp,
    causedBy: cause?.outboxEventId ?? null,
    publishedBy,
    status: report.status,
    deliveries: report.consumers
      .filter(({ consumerName }) => consumers.has(consumerName))
      .map((delivery) => deliveryOf(delivery, kept.get(keyOf(outboxEventId, delivery.consumerName)))),
    says: eventText({ ...event, publishedBy }, cause, report.status === 'unrouted'),
  };
}

function deliveryOf(delivery: ExplainedDelivery, row: JourneyRow | undefined): JourneyDelivery {
  const { consumerName, status, attemptCount, lastError, why } = delivery;
  const attempts = (row?.attempts ?? []).map(({ attempt, at, ms, error }) => ({
    attempt,
    at: new Date(at),
    ms,
    error: errorLine(error),
  }));
  const { discardedBy = null, doneAt = null } = row ?? {};
  return {
    consumerName,
    status,
    attempts,
    runningSince: why?.code === 'running' ? why.since : null,
    doneAt,
    says: deliveryText({
      status,
      attemptCount,
      lastError,
      why,
      discardedBy,
      doneAt,
      failed: attempts.length,
    }),
  };
}

/** The consumers of these events, those where something is wrong or open first. */
function lanesOf(reports: readonly ExplainedReport[]): JourneyLane[] {
  const byConsumer = new Map<string, DeliveryStatus[]>();
  for (const { consumers } of reports)
    for (const { consumerName, status } of consumers) {
      const known = byConsumer.get(consumerName);
      if (known === undefined) byConsumer.set(consumerName, [status]);
      else known.push(status);
    }
  const rank = (status: DeliveryStatus) => FROM_WORST.indexOf(status);
  return [...byConsumer]
    .map(([consumerName, statuses]) => ({
      consumerName,
      status: FROM_WORST.find((status) => statuses.includes(status)) ?? 'processed',
      events: statuses.length,
      says: statusesText('event', statuses),
    }))
    .sort((a, b) => rank(a.status) - rank(b.status) || (a.consumerName < b.consumerName ? -1 : 1));
}
