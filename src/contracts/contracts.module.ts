import { type DynamicModule, Module } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { IntegrationError } from '../errors.js';
import { EVENT_RULES } from '../module/event-rules.js';
import { BROUGHT_EXTENSION } from '../module/extension.js';
import { ContractRegistry } from './contract-registry.js';
import { ContractRules } from './contract-rules.js';
import { ContractSchemas } from './contract-schemas.js';
import { ContractsService } from './contracts.service.js';
import { contractsExtension } from './contracts-extension.js';
import { CONTRACTS_OF_MODULE } from './contracts-in-exports.js';
import {
  type ContractsOptions,
  type ContractsSettings,
  resolveContractsOptions,
} from './contracts-options.js';
import { type AnyEventContract, isEventContract } from './event-contract.js';
import { Upcasts } from './upcasts.js';

const SETTINGS = Symbol('nestjs-integration:contracts-settings');

/** What a feature adds. */
@Module({})
class ContractsFeatureModule {}

/**
 * Contracts of events: `forRoot` once, in the root module beside `IntegrationModule`, and `forFeature` in
 * each module that publishes or handles events with a contract.
 *
 * ```ts
 * ContractsModule.forRoot()
 * ContractsModule.forFeature([invoiceCreated, invoicePaid])
 * ```
 */
@Module({})
export class ContractsModule {
  static readonly [BROUGHT_EXTENSION] = contractsExtension;

  /**
   * A second call fails the boot with INTEGRATION_ALREADY_REGISTERED.
   *
   * @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem
   */
  static forRoot(options: ContractsOptions = {}): DynamicModule {
    return {
      module: ContractsModule,
      global: true,
      providers: [
        { provide: SETTINGS, useValue: resolveContractsOptions(options) },
        { provide: ContractRegistry, useFactory: () => new ContractRegistry() },
        {
          provide: ContractRules,
          inject: [ContractRegistry, ContractSchemas, SETTINGS, Upcasts],
          useFactory: (
            registry: ContractRegistry,
            schemas: ContractSchemas,
            settings: ContractsSettings,
            upcasts: Upcasts,
          ) => new ContractRules(registry, schemas, settings, upcasts),
        },
        {
          provide: Upcasts,
          inject: [ContractRegistry, ContractSchemas, SETTINGS],
          useFactory: (registry: ContractRegistry, schemas: ContractSchemas, settings: ContractsSettings) =>
            new Upcasts(registry, schemas, settings),
        },
        {
          provide: ContractSchemas,
          inject: [ContractRegistry],
          useFactory: (registry: ContractRegistry) => new ContractSchemas(registry),
        },
        { provide: EVENT_RULES, useExisting: ContractRules },
        ContractsService,
      ],
      exports: [ContractRegistry, EVENT_RULES, ContractsService],
    };
  }

  /**
   * Adds contracts. Several modules may add the same one.
   *
   * The boot fails with INTEGRATION_CONTRACT_DUPLICATE for two contracts of one name and version.
   *
   * @throws IntegrationError INTEGRATION_OPTIONS_INVALID for what is not a contract
   */
  static forFeature(contracts: readonly AnyEventContract[]): DynamicModule {
    refuseOthers(contracts);
    const added = {
      provide: Symbol('nestjs-integration:contracts-of-feature'),
      inject: [{ token: ContractRegistry, optional: true }],
      useFactory: (registry?: ContractRegistry) => {
        if (registry === undefined) throw withoutRoot();
        registry.add(contracts);
        return contracts;
      },
    };
    return {
      module: ContractsFeatureModule,
      providers: [added],
      [CONTRACTS_OF_MODULE]: contracts,
    } as DynamicModule;
  }

  constructor(modules: ModulesContainer) {
    const roots = [...modules.values()].filter(({ metatype }) => metatype === ContractsModule);
    if (roots.length > 1) throw secondRoot(roots.length);
  }
}

function refuseOthers(contracts: unknown): void {
  if (Array.isArray(contracts) && contracts.every(isEventContract)) return;
  throw new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    'ContractsModule.forFeature needs a list of contracts, as defineEvent returns them',
  );
}

function withoutRoot(): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_OPTIONS_INVALID',
    'ContractsModule.forFeature was called, but ContractsModule.forRoot was not. Add ContractsModule.forRoot() to the imports of the root module',
  );
}

function secondRoot(times: number): IntegrationError {
  return new IntegrationError(
    'INTEGRATION_ALREADY_REGISTERED',
    `ContractsModule.forRoot was called ${times} times in this application. Call it once, in the root module; other modules add their contracts with ContractsModule.forFeature([…])`,
  );
}
