import { Injectable, type Type } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { AdminDatabase } from '../../database/admin-database.js';
import { HostClient } from '../../database/clients/host-client.js';
import { EngineDatabase } from '../../database/engine-database.js';
import { IntegrationError } from '../../errors.js';
import { type EngineOfApplication, engineOf } from '../../module/engine-of.js';
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

const NO_SECRETS =
  "A webhook source with secrets: 'endpoint' keeps them sealed in the database: import SecretsModule.forRoot(…) of nestjs-integration/secrets beside WebhooksModule";

/** What incoming webhooks use of the engine and of secrets. */
@Injectable()
export class IncomingEngine {
  private readonly found = new Map<Type<unknown>, unknown>();
  private readonly engine: EngineOfApplication;
  private receiptStore: WebhookReceiptStore | undefined;
  private endpointStore: IncomingEndpointStore | undefined;
  private reader: EndpointReader | undefined;

  constructor(private readonly moduleRef: ModuleRef) {
    this.engine = engineOf(moduleRef, 'WebhooksModule');
  }

  /** Runs what is done at the boot. If it fails, the engines give back what they hold. */
  boot(work: () => Promise<void>): Promise<void> {
    return this.engine.boot(work);
  }

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
    return this.findSecrets(SecretParts);
  }

  get secretService(): SecretService {
    return this.findSecrets(SecretService);
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
  private find<T>(service: Type<T>): T {
    return this.once(service, () => this.engine.get(service));
  }

  private findSecrets<T>(service: Type<T>): T {
    return this.once(service, () => {
      try {
        return this.moduleRef.get(service, { strict: false });
      } catch (cause) {
        throw new IntegrationError('INTEGRATION_OPTIONS_INVALID', NO_SECRETS, {}, { cause });
      }
    });
  }

  private once<T>(service: Type<T>, look: () => T): T {
    const known = this.found.get(service) as T | undefined;
    if (known !== undefined) return known;
    const found = look();
    this.found.set(service, found);
    return found;
  }
}
