import { Injectable } from '@nestjs/common';
import { type DomainEvent, IntegrationSubscriber, type SubscriberContext } from 'nestjs-integration';
import { type GithubPayload, kindOf } from '../events.js';

@Injectable()
export class StatisticsSubscriber {
  /**
   * Adding one twice would be wrong, so the handler is transactional: the count and the note that this event is done commit
   * together, once, whatever crashes.
   */
  @IntegrationSubscriber({ eventName: 'webhook.github.*', consumerName: 'statistics', transactional: true })
  async count(event: DomainEvent<GithubPayload>, { transaction }: SubscriberContext): Promise<void> {
    const key = {
      subjectType: event.aggregateType,
      subjectId: event.aggregateId,
      kind: kindOf(event),
    };
    await transaction.statistic.upsert({
      where: { subjectType_subjectId_kind: key },
      create: key,
      update: { count: { increment: 1 } },
    });
  }
}
