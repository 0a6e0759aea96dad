import { Injectable, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { HostClient } from '../../database/clients/host-client.js';
import { EngineDatabase } from '../../database/engine-database.js';
import { IntegrationError } from '../../errors.js';
import { DomainEventPublisher } from '../../outbox/domain-event-publisher.js';
import { JoinedPublisher } from '../../outbox/joined-publisher.js';
import { TransactionRunner } from '../../outbox/transaction-runner.js';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import { WebhookReceiptStore } from './receipts/webhook-receipt.store.js';

/**
 * What incoming webhooks use of the engine. The module of webhooks does not import the engine, which is found
 * in the whole application when it is first needed.
 */
@Injectable()
export class IncomingEngine {
  private readonly found = new Map<Type<unknown>, unknown>();
  private receiptStore: WebhookReceiptStore | undefined;

  constructor(private readonly moduleRef: ModuleRef) {}

  get database(): EngineDatabase {
    return this.find(EngineDatabase);
  }

  get host(): HostClient {
    return this.find(HostClient);
  }

  get joined(): JoinedPublisher {
    return this.find(JoinedPublisher);
  }

  get publisher(): DomainEventPublisher {
    return this.find(DomainEventPublisher);
  }

  get transactions(): TransactionRunner {
    return this.find(TransactionRunner);
  }

  get settings(): IntegrationSettingsService {
    return this.find(IntegrationSettingsService);
  }

  get receipts(): WebhookReceiptStore {
    this.receiptStore ??= new WebhookReceiptStore(this.database);
    return this.receiptStore;
  }

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID if the application has no engine without a name */
  private find<T>(part: Type<T>): T {
    const known = this.found.get(part) as T | undefined;
    if (known !== undefined) return known;
    const found = this.ask(part);
    this.found.set(part, found);
    return found;
  }

  private ask<T>(part: Type<T>): T {
    try {
      return this.moduleRef.get(part, { strict: false });
    } catch (cause) {
      throw new IntegrationError(
        'INTEGRATION_OPTIONS_INVALID',
        'WebhooksModule needs the integration of the application: import IntegrationModule.forRoot(…) beside it, without a name',
        {},
        { cause },
      );
    }
  }
}
