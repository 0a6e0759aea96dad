import type { EventMetadata } from '../../events/domain-event.js';
import { connectionLabel } from '../../module/connection-endpoints.js';

export const STATES = ['draft', 'enabled', 'disabled', 'revoked'] as const;
/** What somebody wants of a connection. Only one that is enabled is used. */
export type ConnectionState = (typeof STATES)[number];

export const HEALTHS = ['healthy', 'degraded', 'failing', 'needs_reauthorization', 'unknown'] as const;
/** How a connection does. A new one is `unknown`. */
export type ConnectionHealth = (typeof HEALTHS)[number];

/** A connection, as it may be shown. It has no secrets. */
export interface Connection {
  readonly id: string;
  readonly tenantId: string;
  /** The key of its connector. */
  readonly connector: string;
  readonly name: string;
  readonly state: ConnectionState;
  readonly health: ConnectionHealth;
  readonly healthReason: string | null;
  readonly healthAt: Date | null;
  readonly config: unknown;
  /** What the provider has granted. */
  readonly scopes: readonly string[];
  /** Whose account at the provider it is. Null if nobody has said it. */
  readonly account: string | null;
  /** The id of the key under which it acts. */
  readonly keyId: string;
  readonly keyRotatedAt: Date;
  /** The actions that it may do. Null for all of its connector. */
  readonly actions: readonly string[] | null;
  /** Right within a minute. */
  readonly lastUsedAt: Date | null;
  readonly createdAt: Date;
}

/** Who a connection is to the application, for what it does. */
export interface ConnectionPrincipal {
  /** `integration:<id of the connection>` */
  readonly id: string;
  readonly keyId: string;
  /** Null for all. */
  readonly actions: readonly string[] | null;
}

export function principalOf({ id, keyId, actions }: Connection): ConnectionPrincipal {
  return { id: `integration:${id}`, keyId, actions };
}

export interface ConnectionFilter {
  connector?: string | undefined;
  state?: ConnectionState | undefined;
  health?: ConnectionHealth | undefined;
}

export interface ConnectionPageRequest {
  /** Number of connections: 50 by default, at most 1,000. */
  limit?: number | undefined;
  /** The `next` of the page before. */
  after?: string | undefined;
}

export interface ConnectionPage {
  /** In the order of their creation. */
  connections: Connection[];
  /** Null on the last page. */
  next: string | null;
}

/** What a connection is called in the audit, and as the origin of events. */
export const labelOf = ({ id }: Pick<Connection, 'id'>): string => connectionLabel(id);

/** Events of an application without tenants have no tenant. */
export const metadataOfTenant = (tenantId: string): EventMetadata => (tenantId === '' ? {} : { tenantId });
