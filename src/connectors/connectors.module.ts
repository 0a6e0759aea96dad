import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { ContractRegistry } from '../contracts/contract-registry.js';
import { BROUGHT_EXTENSION } from '../module/extension.js';
import { ConnectorsEngine } from './connectors-engine.js';
import { connectorsExtension } from './connectors-extension.js';
import {
  CONNECTORS_OPTIONS,
  type ConnectorsModuleOptions,
  checkConnectorsOptions,
} from './connectors-options.js';
import { ConnectorsStart } from './connectors-start.js';
import { exploreConnectors } from './definition/connector-explorer.js';
import { ConnectorRegistry } from './definition/connector-registry.js';
import { contractsOfRecords, SYNC_CONTRACTS } from './syncs/sync-events.js';
import { SyncsProvider, SyncsService } from './syncs/syncs.service.js';
import { syncsExtension } from './syncs-extension.js';
import { ConnectionsService } from './tenants/connections.service.js';
import { ConnectorsService } from './tenants/connectors.service.js';
import { TenantPartsProvider } from './tenants/tenant-parts-provider.js';

/** Carries what syncs bring. */
@Module({})
class SyncsOfConnectors {
  static readonly [BROUGHT_EXTENSION] = syncsExtension;
}

/**
 * Where the application has contracts, the events of syncs get theirs before any event is registered.
 */
const contractsOfSyncs = {
  provide: Symbol('nestjs-integration:contracts-of-syncs'),
  inject: [DiscoveryService, { token: ContractRegistry, optional: true }],
  useFactory: async (discovery: DiscoveryService, registry?: ContractRegistry) => {
    if (registry === undefined) return [];
    const { connectors } = await exploreConnectors(discovery, async () => undefined);
    const hasSyncs = [...connectors.values()].some(({ syncs }) => syncs.size > 0);
    const contracts = hasSyncs ? [...SYNC_CONTRACTS, ...(await contractsOfRecords(connectors.values()))] : [];
    registry.add(contracts);
    return contracts;
  },
};

/**
 * Connections of tenants to other people's APIs. Import it once, beside `IntegrationModule` and
 * `SecretsModule`. It finds the classes with `@Connector` among the providers of the application.
 *
 * The boot fails with INTEGRATION_CONNECTOR_INVALID and every problem of every connector
 * (`details.problems`), those of variables included, and with INTEGRATION_PEER_MISSING if a connector gets
 * tokens and oauth4webapi is not installed.
 */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: Nest knows modules as classes
export class ConnectorsModule {
  static readonly [BROUGHT_EXTENSION] = connectorsExtension;

  /** @throws IntegrationError INTEGRATION_OPTIONS_INVALID with every problem (`details.problems`) */
  static forRoot(options: ConnectorsModuleOptions = {}): DynamicModule {
    checkConnectorsOptions(options);
    return {
      module: ConnectorsModule,
      global: true,
      imports: [DiscoveryModule, SyncsOfConnectors],
      providers: [
        { provide: CONNECTORS_OPTIONS, useValue: options },
        ConnectorRegistry,
        ConnectorsEngine,
        { provide: TenantPartsProvider, useExisting: ConnectorsEngine },
        ConnectorsStart,
        ConnectionsService,
        ConnectorsService,
        {
          provide: SyncsProvider,
          useFactory: (engine: ConnectorsEngine) => ({ of: (id: string) => engine.syncs.of(id) }),
          inject: [ConnectorsEngine],
        },
        SyncsService,
        contractsOfSyncs,
      ],
      exports: [ConnectorRegistry, ConnectionsService, ConnectorsService, SyncsService],
    };
  }
}
