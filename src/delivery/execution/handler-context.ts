import type { Logger } from '@nestjs/common';
import type { Tx } from '../../database/clients/sql-client.js';
import { IntegrationError } from '../../errors.js';
import type { InboxService } from '../../inbox/inbox.service.js';
import type { IntegrationLinkService } from '../../links/integration-link.service.js';
import type { SubscriberContext } from '../../subscribers/subscriber-definition.js';
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

/** What a handler receives besides its event. Signal and logger are created when they are first read. */
export class HandlerContext implements SubscriberContext {
  readonly inboxService: InboxService;
  readonly linkService: IntegrationLinkService;
  readonly integration: string;

  constructor(
    private readonly run: Attempt,
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

  get transaction(): Tx {
    if (this.openTransaction !== undefined) return this.openTransaction as Tx;
    throw new IntegrationError(
      'INTEGRATION_CLIENT_MISSING',
      `context.transaction is there for transactional handlers only: register ${this.run.delivery.subscription.place} with transactional: true`,
    );
  }
}
