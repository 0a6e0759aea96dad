import type { GateStore } from '../../gate/gate.store.js';
import type { CheckedNetworkRules } from '../../http/network-rules.js';
import type { ConnectionEndpoints } from '../../module/connection-endpoints.js';
import type { IntegrationDeveloperApiService } from '../../module/integration-developer-api.service.js';
import type { SecretService } from '../../secrets/secret.service.js';
import type { EngineLogger } from '../../words/engine-logger.js';
import type { ChangeParts } from '../connections/connection-changes.js';
import type { CredentialParts } from '../credentials/connection-identity.js';
import type { ConnectionMemory } from '../credentials/connection-memory.js';
import type { Refresher } from '../credentials/refresher.js';
import type { ConnectorRegistry } from '../definition/connector-registry.js';
import type { HttpClients } from '../http/http-clients.js';
import type { TokenEndpoint } from '../oauth/token-endpoint.js';
import type { ConnectionUse } from './connection-use.js';
import type { SyncHooks } from './sync-hooks.js';

/** What the services of tenants work with. Their changes go over the connections of admins. */
export interface TenantParts extends ChangeParts {
  /** The service with which applications publish. */
  readonly api: IntegrationDeveloperApiService;
  readonly secretService: SecretService;
  readonly registry: ConnectorRegistry;
  readonly memory: ConnectionMemory;
  readonly refresher: Refresher;
  readonly endpoint: TokenEndpoint;
  readonly credentials: CredentialParts;
  readonly clients: HttpClients;
  readonly use: ConnectionUse;
  readonly redirectUrls: readonly string[];
  readonly network: CheckedNetworkRules;
  readonly syncs: SyncHooks;
  readonly settings: () => { readonly healthIntervalMs: number };
  /** The endpoints of connections. Undefined in an application that takes no webhooks in. */
  readonly endpoints: () => ConnectionEndpoints | undefined;
  /** Tells the lanes that something of this connection may be due. Call it after the commit. */
  readonly wake: (connectionId: string) => void;
  readonly gates: GateStore;
  readonly logger: Pick<EngineLogger, 'warnOfFailure'>;
}
