import type { EngineDatabase } from '../database/engine-database.js';
import type { EventHead } from '../log/event-look.js';
import type { ConsumerDelivery, OutboxEventStatusReport } from '../log/outbox-event.js';
import { OutboxQueryStore } from '../log/outbox-query.store.js';
import { type LoggedEvent, statusesOf } from '../outbox/event-statuses.js';
import { DEFAULT_GAP_MS } from '../rates/backlog-samples.js';
import {
  type CursorFacts,
  type DeliveryFacts,
  type QueueFacts,
  type RunningEvent,
  WhyFactsStore,
} from './why-facts.store.js';
import type { LeftOutConsumer, NotMeant, Reason, WhyNotYet } from './why-not-yet.js';
import { IN_QUEUE, reasonOf } from './why-reason.js';
import { sentenceOf, sentenceOfNotMeant } from './why-sentences.js';

/** What became of an event at one consumer, and why it has not become more. Null if it waits for nothing. */
export type ExplainedDelivery = ConsumerDelivery & { why: WhyNotYet | null };
export type ExplainedReport = Omit<OutboxEventStatusReport, 'consumers'> & {
  consumers: ExplainedDelivery[];
};

/** The consumers that never get an event, and whether there are more. */
export interface LeftOutConsumers {
  readonly items: LeftOutConsumer[];
  readonly hasMore: boolean;
}

/** An event at one consumer. */
interface Asked {
  readonly outboxEventId: string;
  readonly consumerName: string;
}

/** So many events at consumers are explained in one answer. The list of a large page has null for others. */
const MOST_EXPLAINED = 1_000;
/** So many consumers are named that never get an event. */
const MOST_LEFT_OUT = 200;
/** The longest time between two samples that follow each other. */

const keyOf = ({ outboxEventId, consumerName }: Asked): string => `${outboxEventId} ${consumerName}`;
const cursorOf = (of: { consumerName: string; partition: number }): string =>
  `${of.partition} ${of.consumerName}`;

/**
 * Says why consumers have not handled an event yet, each time as one sentence with the facts that it is made
 * of. This is the only place where such sentences are made. REST, commands and the page show them.
 *
 * It looks once at the processes, the cursors and the inbox. These looks are not of one moment, so what
 * happens between them may make a reason that is a moment old.
 */
export class WhyNotYetService {
  private readonly log: OutboxQueryStore;
  private readonly facts: WhyFactsStore;

  constructor(db: EngineDatabase) {
    this.log = new OutboxQueryStore(db);
    this.facts = new WhyFactsStore(db);
  }

  /** What became of each of these events at its consumers, in their order, and why it has not become more. */
  async reportsOf(events: readonly LoggedEvent[]): Promise<ExplainedReport[]> {
    const reports = await statusesOf(this.log, events);
    const open = reports.flatMap(({ outboxEventId, consumers }) =>
      consumers.filter(isOpen).map(({ consumerName }) => ({ outboxEventId, consumerName })),
    );
    const whys = await this.whyNotYet(open);
    return reports.map(({ consumers, ...report }) => ({
      ...report,
      consumers: consumers.map((delivery) => ({
        ...delivery,
        why: whys.get(keyOf({ ...delivery, outboxEventId: report.outboxEventId })) ?? null,
      })),
    }));
  }

  /** The same events, each with why this consumer has not handled it. */
  async explained<E extends { readonly outboxEventId: string }>(
    consumerName: string,
    events: readonly E[],
  ): Promise<(E & { why: WhyNotYet | null })[]> {
    const whys = await this.whyNotYet(events.map(({ outboxEventId }) => ({ outboxEventId, consumerName })));
    return events.map((event) => ({ ...event, why: whys.get(keyOf({ ...event, consumerName })) ?? null }));
  }

  /** The consumers that never get an event, at most 200, and whether there are more. */
  async leftOut(event: EventHead): Promise<LeftOutConsumers> {
    const found = await this.facts.notMeant(event, MOST_LEFT_OUT + 1);
    const items = found.slice(0, MOST_LEFT_OUT).map(({ consumerName, isAsked, startsAt, asks }) => {
      const reason: NotMeant = isAsked ? { code: 'begins-behind', startsAt } : { code: 'not-asked', asks };
      const sentence = sentenceOfNotMeant(consumerName, event.eventName, reason);
      return { consumerName, why: { ...reason, sentence } };
    });
    return { items, hasMore: found.length > MOST_LEFT_OUT };
  }

  private async whyNotYet(asked: readonly Asked[]): Promise<ReadonlyMap<string, WhyNotYet>> {
    const whys = new Map<string, WhyNotYet>();
    if (asked.length === 0) return whys;
    const some = asked.slice(0, MOST_EXPLAINED);
    const consumers = [...new Set(some.map(({ consumerName }) => consumerName))];
    const deliveries = await this.facts.deliveries(some);
    const running = byCursor(await this.facts.running(consumers));
    const cursors = new Map((await this.facts.cursors(consumers)).map((each) => [cursorOf(each), each]));
    const waiting = new Map<string, { readonly delivery: DeliveryFacts; readonly cursor: CursorFacts }>();
    const say = (delivery: DeliveryFacts, reason: Reason, { now }: CursorFacts) =>
      whys.set(keyOf(delivery), { ...reason, sentence: sentenceOf(delivery.consumerName, reason, now) });
    for (const delivery of deliveries) {
      const key = cursorOf(delivery);
      const cursor = cursors.get(key);
      // It may have been removed in between, or have other partitions by now.
      if (cursor === undefined) continue;
      const reason = reasonOf({ delivery, cursor, running: running.get(key) ?? [] });
      if (reason === IN_QUEUE) waiting.set(keyOf(delivery), { delivery, cursor });
      else if (reason !== undefined) say(delivery, reason, cursor);
    }
    for (const [key, reason] of await this.placesOf([...waiting.values()].map(({ delivery }) => delivery))) {
      const found = waiting.get(key);
      if (found !== undefined) say(found.delivery, reason, found.cursor);
    }
    return whys;
  }

  private async placesOf(deliveries: readonly DeliveryFacts[]): Promise<[key: string, Reason][]> {
    if (deliveries.length === 0) return [];
    const queues = await this.facts.queues(deliveries);
    const rates = await this.facts.rates(DEFAULT_GAP_MS);
    return queues.map((queue) => [
      keyOf(queue),
      placeIn(queue, rates?.settledPerSecond[queue.consumerName] ?? 0),
    ]);
  }
}

function byCursor(running: readonly RunningEvent[]): ReadonlyMap<string, readonly RunningEvent[]> {
  const found = new Map<string, RunningEvent[]>();
  for (const run of running) {
    const key = cursorOf(run);
    const own = found.get(key);
    if (own === undefined) found.set(key, [run]);
    else own.push(run);
  }
  return found;
}

/**
 * The speed of a consumer is known in positions of the log. So the time is that of the positions before the
 * event, and the events before it have that time too.
 */
function placeIn({ events, more, positions }: QueueFacts, settledPerSecond: number): Reason {
  const ahead = { count: events, atLeast: more };
  if (settledPerSecond <= 0 || positions === null || positions === 0)
    return { code: 'queue', ahead, perSecond: null, seconds: null };
  const seconds = positions / settledPerSecond;
  return { code: 'queue', ahead, perSecond: more ? settledPerSecond : events / seconds, seconds };
}

function isOpen({ status, availableAt }: ConsumerDelivery): boolean {
  return status === 'pending' || status === 'processing' || (status === 'failed' && availableAt !== null);
}
