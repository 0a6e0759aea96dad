import { Injectable } from '@nestjs/common';
import { type DomainEvent, IntegrationSubscriber, type SubscriberContext } from 'nestjs-integration';
import type { GithubDelivery } from '../events.js';

@Injectable()
export class StatisticsSubscriber {
  /**
   * Adding one twice would be wrong, so the handler is transactional: the count and the note that this event is done commit
   * together, once, whatever crashes.
   */
  @IntegrationSubscriber({ eventName: 'github.*', consumerName: 'statistics', transactional: true })
  async count(event: DomainEvent<GithubDelivery>, { transaction }: SubscriberContext): Promise<void> {
    const key = {
      subjectType: event.aggregateType,
      subjectId: event.aggregateId,
      kind: event.payload.kind,
    };
    await transaction.statistic.upsert({
      where: { subjectType_subjectId_kind: key },
      create: key,
      update: { count: { increment: 1 } },
    });
  }
}
