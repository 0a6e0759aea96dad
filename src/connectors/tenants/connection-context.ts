import { Logger } from '@nestjs/common';
import type { Tx } from '../../database/clients/sql-client.js';
import type { DomainEventInput, EventName, PublishedEvent } from '../../events/domain-event.js';
import type { PublishOptions } from '../../outbox/publish-options.js';
import type { TransactionOptions } from '../../outbox/transaction-runner.js';
import {
  type Connection,
  type ConnectionPrincipal,
  labelOf,
  metadataOfTenant,
  principalOf,
} from '../connections/connection.js';
import { ConnectionIdentity, type ResolvedCredentials } from '../credentials/connection-identity.js';
import type { OpenedConnection } from '../credentials/opened-connection.js';
import type { ConnectorHttp } from '../http/connector-http.js';
import type { SyncFeed } from './sync-hooks.js';
import type { TenantParts } from './tenant-parts.js';

/** A connection, for code that uses it. */
export interface ConnectionClient<Config = unknown> {
  readonly connection: Connection;
  readonly tenantId: string;
  /** What the connector's schema has made of the config. */
  readonly config: Config;
  /** Requests to the other system, with the credentials of the connection. */
  readonly http: ConnectorHttp;
  /** The same as `http.fetch`. */
  readonly fetch: ConnectorHttp['fetch'];
  /**
   * The credentials of this moment, for libraries that make requests of their own. They pass no limits and no
   * network rules of the connector then. Keep them out of logs, and ask again for each request.
   */
  credentials(): Promise<ResolvedCredentials>;
}

/** What an action or a health check has. */
export interface ConnectionContext<Config = unknown> extends ConnectionClient<Config> {
  /** Who acts. */
  readonly principal: ConnectionPrincipal;
  /**
   * Publishes an event that came from the other system. Its metadata has the tenant of the connection, and
   * the connection as its `origin`, so that `isEchoOf` knows it.
   */
  publish<N extends EventName>(event: DomainEventInput<N>, options?: PublishOptions): Promise<PublishedEvent>;
  /** `IntegrationDeveloperApiService.transaction`: what is published in it takes `persistenceClient: tx`. */
  transaction<R>(fn: (tx: Tx) => Promise<R>, options?: TransactionOptions): Promise<R>;
  /** What the connector has learned of records by itself, for its syncs. */
  readonly syncs: SyncFeed;
  readonly logger: Logger;
  /** Aborted when the time is over, or when the caller wants no answer any more. */
  readonly signal: AbortSignal;
}

/** @param isTest whether the connection may be in any state */
export function contextOf(
  opened: OpenedConnection,
  parts: TenantParts,
  signal: AbortSignal,
  { isTest = false } = {},
): ConnectionContext {
  const { connection, connector, config } = opened;
  const identity = new ConnectionIdentity(parts.credentials, opened, isTest);
  const http = parts.clients.of(() => identity.http, signal);
  return {
    connection,
    tenantId: connection.tenantId,
    principal: principalOf(connection),
    config,
    http,
    fetch: http.fetch,
    credentials: () => identity.credentials(signal),
    publish: (event, options) => {
      const ofTenant = metadataOfTenant(connection.tenantId);
      const metadata = { ...event.metadata, ...ofTenant, origin: labelOf(connection) };
      return parts.api.publishEvent({ ...event, metadata }, options);
    },
    transaction: (fn, options) => parts.api.transaction(fn, options),
    syncs: parts.syncs.feedOf(connection),
    logger: new Logger(connector.place),
    signal,
  };
}
