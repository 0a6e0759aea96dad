import { Injectable } from '@nestjs/common';
import { type DomainEvent, IntegrationSubscriber, type SubscriberContext } from 'nestjs-integration';
import type { GithubPayload, StatisticsSummary } from '../events.js';
import { ReceiverClient } from './receiver.client.js';

/**
 * Two consumers: a receiver that refuses activities for an hour does not hold up the digests. Both call another service, which
 * no transaction can undo, so they are plain handlers: at least once, told apart by an idempotency key.
 */
@Injectable()
export class NotificationsSubscriber {
  constructor(private readonly receiver: ReceiverClient) {}

  @IntegrationSubscriber({ eventName: 'webhook.github.*', consumerName: 'notifications' })
  async notify(event: DomainEvent<GithubPayload>, { signal }: SubscriberContext): Promise<void> {
    const activity = {
      event: event.eventName,
      delivery: event.metadata.webhook?.deliveryId ?? null,
      subject: `${event.aggregateType} ${event.aggregateId}`,
      position: event.position,
      by: event.payload.sender?.login ?? null,
    };
    await this.receiver.post('activities', event.outboxEventId, activity, signal);
  }

  @IntegrationSubscriber({ eventName: 'statistics.summarized', consumerName: 'notifications.digest' })
  async digest(event: DomainEvent<StatisticsSummary>, { signal }: SubscriberContext): Promise<void> {
    await this.receiver.post('digests', event.outboxEventId, event.payload, signal);
  }
}
