import type { EngineDatabase } from '../../database/engine-database.js';
import type { TokenOwner } from './token.store.js';

/** A connection whose refresh token was not used for long. */
export interface IdleToken extends TokenOwner {
  readonly connector: string;
}

/**
 * The connections of all tenants whose refresh tokens are to be renewed, the one that waits longest first.
 */
export function idleTokens(db: EngineDatabase, hours: number, limit: number): Promise<IdleToken[]> {
  const { connectionToken, connection } = db.tables;
  return db.query<IdleToken>(
    `SELECT c.id, c.tenant_id AS "tenantId", c.connector
     FROM ${connectionToken} t JOIN ${connection} c ON c.tenant_id = t.tenant_id AND c.id = t.connection_id
     WHERE t.is_renewable AND t.refreshed_at < clock_timestamp() - $1::float8 * interval '1 hour'
       AND c.state = 'enabled' AND c.health <> 'needs_reauthorization'
       AND (t.next_refresh_at IS NULL OR t.next_refresh_at <= clock_timestamp())
       AND (t.lease_expires_at IS NULL OR t.lease_expires_at <= clock_timestamp())
     ORDER BY t.refreshed_at LIMIT $2`,
    [hours, limit],
  );
}
