import type { INestApplicationContext, Type } from '@nestjs/common';
import { z } from 'zod';
import {
  ConnectionsService,
  Connector,
  ConnectorRegistry,
  ConnectorsModule,
  type ConnectorsModuleOptions,
  ConnectorsService,
  type OAuth2Options,
  oauth2,
} from '../../src/connectors/index.js';
import type { IntegrationModuleOptions } from '../../src/index.js';
import { SecretsModule, staticKeys } from '../../src/secrets/index.js';
import type { FakeProvider } from '../../src/testing/fake-provider.js';
import { type PartApp, startPartApp } from '../support/part-app.js';
import type { TestDatabase } from '../support/test-database.js';

export const KEYS = staticKeys({ k1: Buffer.alloc(32, 7) });
export const REDIRECT = 'https://app.example/callback';

export interface ConnectorApp extends PartApp {
  readonly connections: ConnectionsService;
  readonly connectors: ConnectorsService;
  readonly registry: ConnectorRegistry;
  readonly context: INestApplicationContext;
}

/** An application with connectors, which may reach 127.0.0.1. */
export async function startConnectorApp(
  database: TestDatabase,
  providers: readonly Type[],
  options: ConnectorsModuleOptions = {},
  engine: IntegrationModuleOptions = {},
): Promise<ConnectorApp> {
  const app = await startPartApp(database, engine, {
    imports: [
      SecretsModule.forRoot({ keys: KEYS }),
      ConnectorsModule.forRoot({
        network: { http: true, allow: ['127.0.0.1'] },
        redirectUrls: [REDIRECT],
        ...options,
      }),
    ],
    providers: [...providers],
  });
  return {
    ...app,
    connections: app.context.get(ConnectionsService),
    connectors: app.context.get(ConnectorsService),
    registry: app.context.get(ConnectorRegistry),
  };
}

/** A connector with OAuth 2 to a fake provider. */
export function hrisOf(provider: FakeProvider, more: Partial<OAuth2Options> = {}): Type {
  @Connector({
    key: 'hris',
    name: 'HRIS',
    category: 'hr',
    auth: oauth2({ ...provider.endpoints, scopes: ['employees.read'], ...more }),
    config: z.object({ region: z.enum(['eu', 'us']) }),
    http: { baseUrl: provider.url },
  })
  class HrisConnector {}
  return HrisConnector;
}

/** A connection that is authorized and enabled. */
export async function authorized(
  { connections }: ConnectorApp,
  provider: FakeProvider,
  tenantId = 'acme',
): Promise<string> {
  const tenant = connections.forTenant(tenantId);
  const { id } = await tenant.create({ connector: 'hris', name: 'HR', config: { region: 'eu' } });
  const { url } = await tenant.authorize(id, { redirectUrl: REDIRECT });
  await connections.completeAuthorization(provider.approve(url), { tenantId });
  await tenant.enable(id);
  return id;
}
