import type { EngineDatabase } from '../database/engine-database.js';
import type { EventRules } from '../module/event-rules.js';
import { EngineLogger } from '../words/engine-logger.js';
import { ContractDelivery } from './contract-delivery.js';
import { ContractPublishing } from './contract-publishing.js';
import { ContractRegistration } from './contract-registration.js';
import type { ContractRegistry } from './contract-registry.js';
import type { ContractSchemas } from './contract-schemas.js';
import type { ContractsSettings } from './contracts-options.js';
import type { Upcasts } from './upcasts.js';

/** What contracts demand of the events of one engine. */
export class ContractRules implements EventRules {
  readonly publishing;
  readonly delivering;
  private readonly logger = new EngineLogger('Contracts');

  constructor(
    registry: ContractRegistry,
    private readonly schemas: ContractSchemas,
    private readonly settings: ContractsSettings,
    upcasts: Upcasts,
  ) {
    this.publishing = new ContractPublishing(registry, settings, this.logger).publishing;
    this.delivering = new ContractDelivery(registry, upcasts, settings).delivering;
  }

  appliesTo(engine: string): boolean {
    return engine === this.settings.integration;
  }

  /** Loads what the schemas need, and compares the contracts with those that are registered. */
  async boot(db: EngineDatabase): Promise<void> {
    await this.schemas.prepare();
    await new ContractRegistration(this.schemas, this.settings, this.logger).register(db);
  }
}
