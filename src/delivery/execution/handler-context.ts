import type { Logger } from '@nestjs/common';
import type { Tx } from '../../database/clients/sql-client.js';
import { IntegrationError } from '../../errors.js';
import type { DomainEvent } from '../../events/domain-event.js';
import type { InboxService } from '../../inbox/inbox.service.js';
import type { IntegrationLinkService } from '../../links/integration-link.service.js';
import type { BatchSubscriberContext, SubscriberContext } from '../../subscribers/subscriber-definition.js';
import { loggerOf } from '../../words/engine-logger.js';
import { type OfEngine } from '../../words/engine-name.js';
import type { Attempt } from '../partition/attempt.js';
import type { LineKeeping } from './line-keeping.js';

/** The services that every handler's context carries. */
export interface ContextServices extends OfEngine {
  readonly inboxService: InboxService;
  readonly linkService: IntegrationLinkService;
  readonly lines: LineKeeping;
}

/** The context of an attempt: that of a batch if its handler takes one. */
export function contextOf(
  attempt: Attempt,
  services: ContextServices,
  openTransaction: object | undefined,
): SubscriberContext {
  const Context = attempt.isBatch ? BatchHandlerContext : HandlerContext;
  return new Context(attempt, services, openTransaction);
}

/** What a handler receives besides its event. Signal and logger are created when they are first read. */
class HandlerContext implements SubscriberContext {
  readonly inboxService: InboxService;
  readonly linkService: IntegrationLinkService;
  readonly integration: string;

  constructor(
    protected readonly run: Attempt,
    private readonly services: ContextServices,
    private readonly openTransaction: object | undefined,
  ) {
    this.inboxService = services.inboxService;
    this.linkService = services.linkService;
    this.integration = services.engine;
  }

  get attempt(): number {
    return this.run.delivery.attempt;
  }

  get signal(): AbortSignal {
    return this.run.signal;
  }

  get logger(): Logger {
    const { subscription, log } = this.run.delivery;
    const context = `${subscription.consumerName} ${log.eventName} ${log.id}`;
    const logger = loggerOf(context, { engine: this.integration });
    return this.services.lines.keptOf(this.run, logger);
  }

  /** A function that can be taken out of the context. */
  get occasion(): SubscriberContext['occasion'] {
    return ({ outboxEventId }) => {
      const delivery = this.run.deliveries.find(({ log }) => log.id === outboxEventId);
      if (delivery === undefined) throw notReceived('occasion', this.run, outboxEventId);
      return delivery.occasion;
    };
  }

  get transaction(): Tx {
    if (this.openTransaction !== undefined) return this.openTransaction as Tx;
    throw new IntegrationError(
      'INTEGRATION_CLIENT_MISSING',
      `context.transaction is there for transactional handlers only: register ${this.run.delivery.subscription.place} with transactional: true`,
    );
  }
}

/** What the handler of a batch receives besides its events. */
class BatchHandlerContext extends HandlerContext implements BatchSubscriberContext {
  /** A property, so that it can be taken out of the context. */
  readonly fail = ({ outboxEventId }: Pick<DomainEvent, 'outboxEventId'>, error: unknown): void => {
    const { consumerName, place, transactional } = this.run.delivery.subscription;
    const details = { consumerName, outboxEventId };
    if (transactional)
      throw new IntegrationError(
        'INTEGRATION_SUBSCRIBER_INVALID',
        `context.fail is there for batches without a transaction only, because one transaction has one end: throw the error in ${place}, or register it without transactional: true`,
        details,
      );
    if (!this.run.fail(outboxEventId, error)) throw notReceived('fail', this.run, outboxEventId);
  };
}

function notReceived(call: string, { delivery }: Attempt, outboxEventId: string): IntegrationError {
  const { consumerName, place } = delivery.subscription;
  return new IntegrationError(
    'INTEGRATION_EVENT_INVALID',
    `context.${call} was called in ${place} for an event that is not in its batch: give it one of the events that this call of the handler received`,
    { consumerName, outboxEventId },
  );
}
