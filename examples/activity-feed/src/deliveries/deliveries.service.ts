import { Injectable } from '@nestjs/common';
import { IntegrationDeveloperApiService } from 'nestjs-integration';
import type { GithubPayload } from '../events.js';
import type { Prisma } from '../generated/prisma/client.js';
import type { GithubPayloadDto } from './github-payload.dto.js';
import { subjectOf } from './subject.js';

export interface DeliveryReceipt {
  deliveryId: string;
  /** GitHub sent this delivery before; nothing was done again. */
  duplicate: boolean;
}

@Injectable()
export class DeliveriesService {
  constructor(private readonly integration: IntegrationDeveloperApiService) {}

  /** Stores the delivery and tells everybody of it: both or neither, because it is one transaction. */
  receive(deliveryId: string, kind: string, payload: GithubPayloadDto): Promise<DeliveryReceipt> {
    return this.integration.transaction(async (tx) => {
      if (!(await this.store(tx, deliveryId, kind, payload))) return { deliveryId, duplicate: true };
      await this.touchSubject(tx, payload);
      await this.publish(tx, deliveryId, kind, payload);
      return { deliveryId, duplicate: false };
    });
  }

  /** False for a redelivery. `skipDuplicates`, because a failed insert would end the whole transaction. */
  private async store(
    tx: Prisma.TransactionClient,
    id: string,
    event: string,
    payload: GithubPayloadDto,
  ): Promise<boolean> {
    const row = { id, event, action: payload.action ?? null, payload: payload as Prisma.InputJsonObject };
    const { count } = await tx.delivery.createMany({ data: [row], skipDuplicates: true });
    return count === 1;
  }

  /**
   * The write that two deliveries about one repository wait on each other for. Publishing after it means that the order of
   * their events is the order of their commits; published before it, they could overtake each other.
   */
  private async touchSubject(
    tx: Prisma.TransactionClient,
    { repository, organization, sender }: GithubPayloadDto,
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

  private async publish(
    tx: Prisma.TransactionClient,
    deliveryId: string,
    kind: string,
    payload: GithubPayloadDto,
  ): Promise<void> {
    const subject = subjectOf(payload, deliveryId);
    await this.integration.publishEvent(
      {
        // The event goes by GitHub's own id, so that one search finds the delivery there and every log line here.
        id: deliveryId,
        eventName: payload.action ? `github.${kind}.${payload.action}` : `github.${kind}`,
        sourceModule: 'deliveries',
        aggregateType: subject.type,
        aggregateId: subject.id,
        payload: { deliveryId, kind, body: payload as GithubPayload },
      },
      { persistenceClient: tx },
    );
  }
}
