import type { ConnectionWithEndpoints } from '../connectors/tenants/tenant-connections.js';
import { IntegrationError } from '../errors.js';
import type { TestedApplication } from './application.js';
import type { FakeProvider } from './fake-provider.js';

export interface FakeConnectionOptions {
  /** Agrees for the person, where the connector has the mode `oauth2` or `oidc`. */
  provider?: Pick<FakeProvider, 'approve'> | undefined;
  /** Default: ''. */
  tenantId?: string | undefined;
  /** Default: the key of the connector. */
  name?: string | undefined;
  config?: unknown;
  secrets?: Readonly<Record<string, string>> | undefined;
  /** Default: all. */
  actions?: readonly string[] | undefined;
}

/**
 * Makes a connection of the application under test, authorizes it at a `FakeProvider` where its connector
 * asks a person, and enables it. `endpoints` has those that it has got, with their secrets.
 *
 * @param connector the key of the connector, or its class
 * @throws IntegrationError INTEGRATION_CONNECTION_INVALID with what is missing (`details.problems`)
 */
export async function fakeConnection(
  app: TestedApplication,
  connector: unknown,
  options: FakeConnectionOptions = {},
): Promise<ConnectionWithEndpoints> {
  // An application without connectors loads nothing of them.
  const { ConnectionsService } = await import('../connectors/tenants/connections.service.js');
  const { ConnectorsEngine } = await import('../connectors/connectors-engine.js');
  const connections = app.get(ConnectionsService, { strict: false });
  const { parts, registry } = app.get(ConnectorsEngine, { strict: false });
  const { provider, tenantId = '', name = registry.get(connector).key, ...given } = options;
  const tenant = connections.forTenant(tenantId);
  const { id, endpoints } = await tenant.create({ connector, name, ...given });
  if (provider !== undefined && registry.get(connector).capabilities.includes('authorization')) {
    const [redirectUrl] = parts.redirectUrls;
    if (redirectUrl === undefined)
      throw new IntegrationError(
        'INTEGRATION_OPTIONS_INVALID',
        'fakeConnection needs the option redirectUrls of ConnectorsModule, with one URL at least',
      );
    const { url } = await tenant.authorize(id, { redirectUrl });
    await connections.completeAuthorization(provider.approve(url), { tenantId });
  }
  return { ...(await tenant.enable(id)), endpoints };
}
