import { Injectable } from '@nestjs/common';
import {
  type DomainEvent,
  DomainEventPublisher,
  IntegrationSubscriber,
  type SubscriberContext,
} from 'nestjs-integration';
import { activityRecorded, type GithubPayload, kindOf } from '../events.js';
import type { Prisma } from '../generated/prisma/client.js';

/**
 * Keeps which deliveries came, and whom they are about, for longer than the log has their events. Tells others of it in
 * an event of this application, which is public: subscribers need not know how GitHub says it.
 */
@Injectable()
export class DeliveriesSubscriber {
  constructor(private readonly publisher: DomainEventPublisher) {}

  /** Transactional: the rows, the event and the note that this one is done are committed together. */
  @IntegrationSubscriber({ eventName: 'webhook.github.*', consumerName: 'deliveries', transactional: true })
  async keep(event: DomainEvent<GithubPayload>, { transaction }: SubscriberContext): Promise<void> {
    await transaction.delivery.create({
      data: {
        id: event.metadata.webhook?.deliveryId ?? event.outboxEventId,
        eventId: event.outboxEventId,
        event: kindOf(event),
        action: event.payload.action ?? null,
      },
    });
    await this.touchSubject(transaction, event.payload);
    const { action = null, repository, sender } = event.payload;
    await this.publisher.publishEvent(
      activityRecorded.event({
        sourceModule: 'deliveries',
        aggregateType: event.aggregateType,
        aggregateId: event.aggregateId,
        payload: {
          kind: kindOf(event),
          action,
          repository: repository?.full_name ?? null,
          by: sender?.login ?? null,
        },
      }),
      { persistenceClient: transaction },
    );
  }

  /** Events of one repository are handled one after the other, so no two handlers make the same row. */
  private async touchSubject(
    tx: Prisma.TransactionClient,
    { repository, organization, sender }: GithubPayload,
  ): Promise<void> {
    const touched = { deliveries: { increment: 1 }, lastDeliveryAt: new Date() };
    if (repository) {
      const { id, full_name: fullName } = repository;
      await tx.repository.upsert({
        where: { id },
        create: { id, fullName },
        update: { fullName, ...touched },
      });
      return;
    }
    const account = organization ?? sender;
    if (account) {
      const { id, login } = account;
      await tx.account.upsert({ where: { id }, create: { id, login }, update: { login, ...touched } });
    }
  }
}
