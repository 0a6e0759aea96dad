import { Logger } from '@nestjs/common';
import type { EngineDatabase } from '../database/engine-database.js';
import type { EventRules } from '../module/event-rules.js';
import { ContractDelivery } from './contract-delivery.js';
import { ContractPublishing } from './contract-publishing.js';
import type { ContractRegistry } from './contract-registry.js';
import type { ContractsSettings } from './contracts-options.js';
import { prepareSchema } from './event-schema.js';

/** What contracts demand of the events of one engine. */
export class ContractRules implements EventRules {
  readonly publishing;
  readonly delivering;
  private readonly logger = new Logger('Contracts');

  constructor(
    private readonly registry: ContractRegistry,
    private readonly settings: ContractsSettings,
  ) {
    this.publishing = new ContractPublishing(registry, settings, this.logger).publishing;
    this.delivering = new ContractDelivery(registry).delivering;
  }

  appliesTo(engine: string): boolean {
    return engine === this.settings.integration;
  }

  async boot(_db: EngineDatabase): Promise<void> {
    for (const { schema } of this.registry.all()) await prepareSchema(schema);
  }
}
