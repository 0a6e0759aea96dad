import { type DynamicModule, Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { BROUGHT_EXTENSION } from '../module/extension.js';
import { ConnectorsEngine } from './connectors-engine.js';
import { connectorsExtension } from './connectors-extension.js';
import {
  CONNECTORS_OPTIONS,
  type ConnectorsModuleOptions,
  checkConnectorsOptions,
} from './connectors-options.js';
import { ConnectorsStart } from './connectors-start.js';
import { ConnectorRegistry } from './definition/connector-registry.js';
import { ConnectionsService } from './tenants/connections.service.js';
import { ConnectorsService } from './tenants/connectors.service.js';
import { TenantPartsProvider } from './tenants/tenant-parts-provider.js';

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
      imports: [DiscoveryModule],
      providers: [
        { provide: CONNECTORS_OPTIONS, useValue: options },
        ConnectorRegistry,
        ConnectorsEngine,
        { provide: TenantPartsProvider, useExisting: ConnectorsEngine },
        ConnectorsStart,
        ConnectionsService,
        ConnectorsService,
      ],
      exports: [ConnectorRegistry, ConnectionsService, ConnectorsService],
    };
  }
}
