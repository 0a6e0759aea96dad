import { IntegrationError } from '../../errors.js';
import type { ClaimedRow } from '../../inbox/inbox-event.store.js';
import type { SettleBuffer } from '../../inbox/settle-buffer.js';
import type { LogEvent } from '../../log/log-event.js';
import { type LogRows, passedOver } from '../../log/outbox-log.store.js';
import type { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { Consumer } from '../../subscribers/consumer.js';
import { Delivery } from './delivery.js';
import { exceptionOf } from './outcome-rows.js';
import type { OutcomeSettler } from './outcome-settler.js';
import type { WorkInHand } from './work-in-hand.js';

/**
 * Makes deliveries of what is read from the log or claimed from the inbox; what none can be made of is
 * settled at once.
 */
export class Arrivals {
  /** Behind everything that has arrived. */
  private newFrom = 0;

  constructor(
    private readonly consumer: Consumer,
    private readonly settings: IntegrationSettingsService,
    private readonly inHand: WorkInHand,
    private readonly buffer: SettleBuffer,
    private readonly settler: OutcomeSettler,
  ) {}

  /** A page of the log. Former owners may have begun what is below `begunBelow`. */
  page(rows: LogRows, begunBelow: number): void {
    this.newFrom = Math.max(this.newFrom, begunBelow);
    for (const event of rows.events) {
      if (event.delayMs !== undefined) this.postpone(event, event.delayMs);
      else this.arriveOne(event);
    }
    this.buffer.passOver(passedOver(rows));
  }

  /** A row that the retry loop has claimed, with its event. */
  claimed(row: ClaimedRow, log: LogEvent | undefined, alone: boolean): void {
    const subscription = log && this.consumer.match(log.eventName);
    if (log === undefined || subscription === undefined) {
      const what =
        log === undefined ? 'The event is no longer in the log' : `No handler for ${log.eventName}`;
      this.settler.giveUp(row, new Error(what), log && { eventName: log.eventName });
      return;
    }
    const maxAttempts = subscription.retry.maxAttempts ?? this.settings.snapshot().maxAttempts;
    if (row.attempt > maxAttempts) {
      // Its last attempt was counted and interrupted: there is none left.
      this.settler.giveUp(row, undefined, { eventName: log.eventName, maxAttempts, attemptGivenBack: true });
      return;
    }
    const { inboxEventId, follows } = row;
    const claim = { inboxEventId, follows, alone };
    this.inHand.arriveClaimed(new Delivery(log, subscription, row.attempt, claim));
  }

  /** A suspect, moved to the inbox with its attempt counted. */
  suspect(log: LogEvent, inboxEventId: string): void {
    const { id: outboxEventId, position, aggregateType, aggregateId } = log;
    const row = {
      inboxEventId,
      outboxEventId,
      position,
      attempt: 1,
      follows: false,
      aggregateType,
      aggregateId,
    };
    this.claimed(row, log, true);
  }

  private arriveOne(log: LogEvent): void {
    const subscription = this.consumer.match(log.eventName);
    if (subscription === undefined) {
      throw new IntegrationError(
        'INTEGRATION_SUBSCRIBER_INVALID',
        `Consumer "${this.consumer.name}" is stored with a name that covers ${log.eventName}, but this process has no handler for it`,
        { consumerName: this.consumer.name, eventName: log.eventName },
      );
    }
    const delivery = new Delivery(log, subscription, 1, undefined);
    delivery.isNew = log.position >= this.newFrom;
    if (delivery.isNew) this.newFrom = log.position + 1;
    this.inHand.arrive(delivery);
  }

  private postpone(log: LogEvent, availableInMs: number): void {
    this.buffer.except(exceptionOf(log, { status: 'received', availableInMs, error: undefined }, 0));
  }
}
