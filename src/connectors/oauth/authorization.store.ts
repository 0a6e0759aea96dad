import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';

/** A person on the way to the provider and back. */
export interface StoredAuthorization {
  readonly stateHash: string;
  readonly tenantId: string;
  readonly connectionId: string;
  readonly redirectUri: string;
  readonly scopes: readonly string[];
}

/** Authorizations that are under way. The state itself is stored nowhere. */
export class AuthorizationStore {
  private readonly table: string;

  constructor(db: Pick<EngineDatabase, 'tables'>) {
    this.table = db.tables.oauthAuthorization;
  }

  /** Adds one, and deletes what of the tenant is over. Resolves to the hashes of what is deleted. */
  async add(session: EngineSession, row: StoredAuthorization, validMs: number): Promise<string[]> {
    const { stateHash, tenantId, connectionId, redirectUri, scopes } = row;
    const over = await session.query<{ stateHash: string }>(
      `DELETE FROM ${this.table} WHERE tenant_id = $1 AND expires_at < clock_timestamp() RETURNING state_hash AS "stateHash"`,
      [tenantId],
    );
    await session.query(
      `INSERT INTO ${this.table} (state_hash, tenant_id, connection_id, redirect_uri, scopes, expires_at)
       VALUES ($1, $2, $3, $4, $5, clock_timestamp() + $6::float8 * interval '1 millisecond')`,
      [stateHash, tenantId, connectionId, redirectUri, scopes, validMs],
    );
    return over.map((each) => each.stateHash);
  }

  /**
   * Uses an authorization. Of several callers at once one gets it. Undefined for one that is not there, that
   * is over, that was used, or that belongs to another tenant.
   */
  async use(
    session: EngineSession,
    tenantId: string,
    stateHash: string,
  ): Promise<StoredAuthorization | undefined> {
    const [row] = await session.query<StoredAuthorization>(
      `UPDATE ${this.table} SET used_at = clock_timestamp()
       WHERE tenant_id = $1 AND state_hash = $2 AND used_at IS NULL AND expires_at > clock_timestamp()
       RETURNING state_hash AS "stateHash", tenant_id AS "tenantId", connection_id AS "connectionId", redirect_uri AS "redirectUri", scopes`,
      [tenantId, stateHash],
    );
    return row;
  }

  /** Deletes up to `most` authorizations whose time is over, of all tenants. Resolves to whose they were. */
  removeOver(
    session: EngineSession,
    most: number,
  ): Promise<{ readonly stateHash: string; readonly tenantId: string }[]> {
    return session.query(
      `DELETE FROM ${this.table} a WHERE a.ctid = ANY (ARRAY(
         SELECT ctid FROM ${this.table} WHERE expires_at < now() ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))
       RETURNING a.state_hash AS "stateHash", a.tenant_id AS "tenantId"`,
      [most],
    );
  }

  /**
   * Deletes the authorizations of a connection. Resolves to their hashes, because their secrets go as well.
   */
  async removeOf(session: EngineSession, tenantId: string, connectionId: string): Promise<string[]> {
    const rows = await session.query<{ stateHash: string }>(
      `DELETE FROM ${this.table} WHERE tenant_id = $1 AND connection_id = $2 RETURNING state_hash AS "stateHash"`,
      [tenantId, connectionId],
    );
    return rows.map(({ stateHash }) => stateHash);
  }
}
