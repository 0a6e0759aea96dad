import { Injectable, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AdminDatabase } from '../../database/admin-database.js';
import { HostClient } from '../../database/clients/host-client.js';
import { EngineDatabase } from '../../database/engine-database.js';
import { IntegrationError } from '../../errors.js';
import { DomainEventPublisher } from '../../outbox/domain-event-publisher.js';
import { JoinedPublisher } from '../../outbox/joined-publisher.js';
import { TransactionRunner } from '../../outbox/transaction-runner.js';
import { SecretService } from '../../secrets/secret.service.js';
import { SecretParts } from '../../secrets/secret-parts.js';
import { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import { EventSubscriberRegistry } from '../../subscribers/event-subscriber-registry.js';
import { EndpointReader } from './endpoints/endpoint-reader.js';
import { IncomingEndpointStore } from './endpoints/incoming-endpoint.store.js';
import { WebhookReceiptStore } from './receipts/webhook-receipt.store.js';

const NO_ENGINE =
  'WebhooksModule needs the integration of the application: import IntegrationModule.forRoot(…) beside it, without a name';
const NO_SECRETS =
  "A webhook source with secrets: 'endpoint' keeps them sealed in the database: import SecretsModule.forRoot(…) of nestjs-integration/secrets beside WebhooksModule";

/**
 * What incoming webhooks use of the engine. The module of webhooks does not import the engine, which is found
 * in the whole application when it is first needed.
 */
@Injectable()
export class IncomingEngine {
  private readonly found = new Map<Type<unknown>, unknown>();
  private receiptStore: WebhookReceiptStore | undefined;
  private endpointStore: IncomingEndpointStore | undefined;
  private reader: EndpointReader | undefined;

  constructor(private readonly moduleRef: ModuleRef) {}

  get database(): EngineDatabase {
    return this.find(EngineDatabase);
  }

  get host(): HostClient {
    return this.find(HostClient);
  }

  get admin(): AdminDatabase {
    return this.find(AdminDatabase);
  }

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID if the application has no SecretsModule */
  get secrets(): SecretParts {
    return this.find(SecretParts, NO_SECRETS);
  }

  get secretService(): SecretService {
    return this.find(SecretService, NO_SECRETS);
  }

  get endpoints(): IncomingEndpointStore {
    this.endpointStore ??= new IncomingEndpointStore(this.database);
    return this.endpointStore;
  }

  /** Reads the endpoints of requests. */
  get endpointReader(): EndpointReader {
    this.reader ??= new EndpointReader((ids) => this.endpoints.ofIds(ids));
    return this.reader;
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

  /** The handlers of this process. */
  get subscribers(): EventSubscriberRegistry {
    return this.find(EventSubscriberRegistry);
  }

  get settings(): IntegrationSettingsService {
    return this.find(IntegrationSettingsService);
  }

  get receipts(): WebhookReceiptStore {
    this.receiptStore ??= new WebhookReceiptStore(this.database);
    return this.receiptStore;
  }

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID if the application has no engine without a name */
  private find<T>(part: Type<T>, missing = NO_ENGINE): T {
    const known = this.found.get(part) as T | undefined;
    if (known !== undefined) return known;
    const found = this.ask(part, missing);
    this.found.set(part, found);
    return found;
  }

  private ask<T>(part: Type<T>, missing: string): T {
    try {
      return this.moduleRef.get(part, { strict: false });
    } catch (cause) {
      throw new IntegrationError('INTEGRATION_OPTIONS_INVALID', missing, {}, { cause });
    }
  }
}
