import { Logger } from '@nestjs/common';
import type { Tx } from '../../database/clients/sql-client.js';
import { messageOf } from '../../errors.js';
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

/** How far something has come. */
export interface ActionProgress {
  /** How much is done: items, pages, bytes. */
  readonly done: number;
  /** How much there is. Leave it out where nobody knows. */
  readonly total?: number | undefined;
  /** A few words without secrets. */
  readonly message?: string | undefined;
}

/** What an action, a webhook or a health check has. */
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
  /**
   * Says how far an action has come, to the `onProgress` of whoever runs it. Nothing is stored, and where
   * nobody listens it does nothing.
   */
  progress(now: ActionProgress): void;
  readonly logger: Logger;
  /** Aborted when the time is over, or when the caller wants no answer any more. */
  readonly signal: AbortSignal;
}

/**
 * @param isTest whether the connection may be in any state
 * @param onProgress who hears how far it has come. What it throws is dropped: it must not fail the action.
 */
export function contextOf(
  opened: OpenedConnection,
  parts: TenantParts,
  signal: AbortSignal,
  {
    isTest = false,
    onProgress,
  }: {
    readonly isTest?: boolean | undefined;
    readonly onProgress?: ((now: ActionProgress) => void) | undefined;
  } = {},
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
    progress: (now) => {
      try {
        if (!signal.aborted) onProgress?.(now);
      } catch (error) {
        new Logger(connector.place).warn(`onProgress has thrown an error: ${messageOf(error)}`);
      }
    },
    logger: new Logger(connector.place),
    signal,
  };
}
