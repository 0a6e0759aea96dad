import { IntegrationError } from '../../errors.js';
import type { ReplayedRanges } from '../../inbox/inbox-cursor.store.js';
import type { ClaimedRow } from '../../inbox/inbox-event.store.js';
import type { Unflushed } from '../../inbox/unflushed.js';
import type { LogEvent } from '../../log/log-event.js';
import { type LogRows, passedOver } from '../../log/outbox-log.store.js';
import type { Consumer } from '../../subscribers/consumer.js';
import { Delivery } from './delivery.js';
import { Occasions } from './occasions.js';
import { exceptionOf } from './outcome-rows.js';
import type { OutcomeSettler } from './outcome-settler.js';
import type { PartitionParts } from './partition-ports.js';
import type { RetryPolicy } from './retry-policy.js';
import type { WorkInHand } from './work-in-hand.js';

/**
 * Makes deliveries of events that are read from the log or claimed from the inbox. If an event cannot become
 * a delivery, it is settled at once.
 */
export class Arrivals {
  /** No process has begun an event from this position on. */
  private newFrom = 0;
  private readonly occasions: Occasions;

  constructor(
    private readonly consumer: Consumer,
    private readonly inHand: WorkInHand,
    private readonly unflushed: Unflushed,
    private readonly retries: RetryPolicy,
    private readonly settler: OutcomeSettler,
    cursor: PartitionParts['cursor'],
  ) {
    this.occasions = new Occasions(cursor);
  }

  /** Called when a replay has put positions back. These are all replays. */
  replaysAre(replays: readonly ReplayedRanges[]): void {
    this.occasions.replaysAre(replays);
  }

  /**
   * Takes a page of the log. Former owners may have begun the events below `begunBelow`. `areSuspects` says
   * that one of these events may have ended its process.
   */
  page(rows: LogRows, begunBelow: number, areSuspects: boolean): void {
    this.newFrom = Math.max(this.newFrom, begunBelow);
    for (const event of rows.events) {
      if (event.delayMs !== undefined) {
        this.postpone(event, event.delayMs);
        continue;
      }
      const delivery = this.deliveryOf(event);
      delivery.runsExclusively = areSuspects;
      this.inHand.fromLog(delivery);
    }
    this.unflushed.passOver(passedOver(rows));
  }

  /** Takes a claimed row with its event. Returns whether the event must run. */
  claimed(row: ClaimedRow, log: LogEvent | undefined, isSuspect: boolean): boolean {
    const subscription = log && this.consumer.match(log.eventName);
    if (log === undefined || subscription === undefined) {
      const what =
        log === undefined ? 'The event is no longer in the log' : `No handler for ${log.eventName}`;
      this.settler.reject(row, new Error(what), log && { eventName: log.eventName });
      return false;
    }
    const maxAttempts = this.retries.maxAttemptsOf(subscription);
    if (row.attempt > maxAttempts) {
      // The last attempt of the event was counted and interrupted, so no attempt is left.
      this.settler.reject(row, undefined, { eventName: log.eventName, maxAttempts, attemptGivenBack: true });
      return false;
    }
    const { inboxEventId, follows } = row;
    const delivery = new Delivery(log, subscription, row.attempt, { inboxEventId, follows, isSuspect });
    this.sayWhy(delivery, row);
    this.inHand.fromInbox(delivery);
    return true;
  }

  /** Takes a suspect that was moved to the inbox with its attempt counted. Returns whether it must run. */
  suspect(log: LogEvent, inboxEventId: string): boolean {
    const { id: outboxEventId, position, aggregateType, aggregateId } = log;
    const event = { outboxEventId, position, aggregateType, aggregateId };
    const row = { ...event, inboxEventId, attempt: 1, follows: false, decision: null, decidedAt: null };
    return this.claimed(row, log, true);
  }

  private deliveryOf(log: LogEvent): Delivery {
    const subscription = this.consumer.match(log.eventName);
    if (subscription === undefined) {
      throw new IntegrationError(
        'INTEGRATION_SUBSCRIBER_INVALID',
        `Consumer "${this.consumer.name}" is stored with a name that covers ${log.eventName}, but this process has no handler for it`,
        { consumerName: this.consumer.name, eventName: log.eventName },
      );
    }
    const delivery = new Delivery(log, subscription, 1, undefined);
    this.sayWhy(delivery, undefined);
    delivery.isNew = log.position >= this.newFrom;
    if (delivery.isNew) this.newFrom = log.position + 1;
    return delivery;
  }

  private sayWhy(delivery: Delivery, row: ClaimedRow | undefined): void {
    delivery.sentAgain = this.occasions.of(delivery.log, row);
    delivery.isTimely = this.occasions.isTimely(delivery.log);
  }

  private postpone(log: LogEvent, availableInMs: number): void {
    this.unflushed.except(exceptionOf(log, { status: 'received', availableInMs, error: undefined }, 0));
  }
}
