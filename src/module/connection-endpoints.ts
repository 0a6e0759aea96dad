import type { EngineSession } from '../database/sql/engine-session.js';

/** The connection of a tenant that an endpoint belongs to. */
export interface ConnectionOfEndpoint {
  readonly tenantId: string;
  readonly connectionId: string;
}

/** A source of incoming webhooks that another part brings. */
export interface BroughtSource {
  /** What `webhookSource(…)` and the ready sources return. */
  readonly source: object;
  /** Where it stands in the code, for messages. */
  readonly place: string;
  /** Whether somebody has to know the URL of its endpoints. */
  readonly needsUrl: boolean;
}

/** An endpoint of a connection. */
export interface EndpointOfConnection {
  readonly id: string;
  readonly source: string;
  readonly status: 'active' | 'paused';
  /** `/webhooks/<source>/<id>` */
  readonly path: string;
  /** Null if nobody knows under which URL senders reach the application. */
  readonly url: string | null;
}

export interface NewEndpointOfConnection extends EndpointOfConnection {
  /** Null if the sender makes its secrets itself. */
  readonly secret: string | null;
}

/** Adds a version of a secret in the transaction of its caller. */
type AddSecret = (
  of: {
    readonly tenantId?: string | undefined;
    readonly ownerType: string;
    readonly ownerId: string;
    readonly name: string;
  },
  value: string,
  overlapMs: number,
) => Promise<number>;

/**
 * The endpoints of connections, for a part that does not know the part of webhooks. All changes are made in
 * the transaction of the caller, who holds the row of the connection.
 */
export interface ConnectionEndpoints {
  /** Takes sources as its own, for the boot. Returns what is wrong with them, one sentence each. */
  take(sources: readonly BroughtSource[]): Promise<string[]>;
  /** Adds a paused endpoint. */
  add(
    session: EngineSession,
    addSecret: AddSecret,
    of: ConnectionOfEndpoint & { readonly source: string },
  ): Promise<NewEndpointOfConnection>;
  /** @param session a transaction in which they are read */
  list(of: ConnectionOfEndpoint, session?: EngineSession): Promise<EndpointOfConnection[]>;
  setStatus(session: EngineSession, of: ConnectionOfEndpoint, status: 'active' | 'paused'): Promise<void>;
  /** Removes the endpoints of a connection with their secrets. */
  remove(session: EngineSession, of: ConnectionOfEndpoint): Promise<void>;
  /** The latest secret of an endpoint. Undefined if it has none. */
  secretOf(tenantId: string, endpointId: string): Promise<string | undefined>;
}

/** What an application with `WebhooksModule` and incoming webhooks provides under this token. */
export const CONNECTION_ENDPOINTS = Symbol('nestjs-integration:connection-endpoints');

/** What a connection is called in the audit, and as the origin of events. */
export const connectionLabel = (connectionId: string): string => `connection/${connectionId}`;
