// As an editor's auto-import writes it: no `type` before the names, in signatures of decorated methods.
import { Injectable } from '@nestjs/common';
import {
  AttemptOutcome,
  BatchSubscriberContext,
  DomainEvent,
  EventOf,
  EventOutcome,
  FinalFailure,
  IntegrationSubscriber,
  OnIntegrationEvent,
  PayloadOf,
  PostponedOutcome,
  ProcessedOutcome,
  RetryingOutcome,
  SkippedOutcome,
  SubscriberContext,
  TextEventOf,
} from 'nestjs-integration';
import { CallEvent } from 'nestjs-integration/calls';
import { Saga, SagaContext, SagaStart } from 'nestjs-integration/sagas';
import { IntegrationSchedule, ScheduledEvent } from 'nestjs-integration/schedules';
import { AcceptedWebhook, VerifiedWebhookRequest } from 'nestjs-integration/webhooks';

const Any: MethodDecorator = () => {};

interface OtherTransaction {
  insert(table: string): void;
}

declare module 'nestjs-integration' {
  interface IntegrationEvents {
    'decorated.created': { total: number };
  }
}

@Injectable()
export class Handlers {
  @IntegrationSubscriber({ eventName: 'decorated.created', consumerName: 'one' })
  one(_event: EventOf<'decorated.created'>, _context: SubscriberContext): void {}

  @IntegrationSubscriber({ eventName: 'decorated.created', consumerName: 'many', batch: { maxSize: 10 } })
  many(_events: EventOf<'decorated.created'>[], _context: BatchSubscriberContext): void {}

  @IntegrationSchedule({ name: 'nightly', cron: '0 2 * * *' })
  nightly(_event: ScheduledEvent, _context: SubscriberContext): void {}

  // An application with two libraries: each handler says whose transaction it gets.
  @IntegrationSubscriber('decorated.created', {
    consumerName: 'other',
    integration: 'other',
    transactional: true,
  })
  other(_event: EventOf<'decorated.created'>, { transaction }: SubscriberContext<OtherTransaction>): void {
    transaction.insert('table');
  }

  @IntegrationSchedule({ name: 'other', cron: '0 2 * * *', transactional: true })
  schedule(_event: ScheduledEvent, { transaction }: SubscriberContext<OtherTransaction>): void {
    transaction.insert('table');
    // @ts-expect-error it is checked
    transaction.other('table');
  }

  @OnIntegrationEvent('processed')
  processed(_outcome: ProcessedOutcome): void {}

  @OnIntegrationEvent('skipped')
  skipped(_outcome: SkippedOutcome): void {}

  @Any
  others(
    _attempt: AttemptOutcome,
    _failure: FinalFailure,
    _outcome: EventOutcome,
    _postponed: PostponedOutcome,
    _retrying: RetryingOutcome,
    _event: EventOf<'decorated.created'>,
    _text: TextEventOf<'decorated.created'>,
    _payload: PayloadOf<'decorated.created'>,
    _call: CallEvent,
    _accepted: AcceptedWebhook,
    _verified: VerifiedWebhookRequest,
  ): void {}
}

@Saga({ name: 'paying' })
export class Paying {
  @SagaStart('decorated.begun', { key: (event) => event.aggregateId })
  placed(_event: DomainEvent, _saga: SagaContext<number, OtherTransaction>): void {}
}
