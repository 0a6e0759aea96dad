import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import type { Connection, ConnectionFilter, ConnectionHealth, ConnectionState } from './connection.js';

const COLUMNS = `c.id, c.tenant_id AS "tenantId", c.connector, c.name, c.state, c.health, c.health_reason AS "healthReason", c.health_at AS "healthAt",
  c.config, c.scopes, c.account, c.key_id AS "keyId", c.key_rotated_at AS "keyRotatedAt", c.actions, c.last_used_at AS "lastUsedAt", c.created_at AS "createdAt"`;

type NewConnection = Pick<
  Connection,
  'id' | 'tenantId' | 'connector' | 'name' | 'config' | 'keyId' | 'actions'
>;
type Changed = Pick<Connection, 'id' | 'tenantId' | 'name' | 'config' | 'actions'>;
type Owned = Pick<Connection, 'id' | 'tenantId'>;

/**
 * The connections of tenants. Every statement names the tenant, so that nobody reaches what belongs to
 * another one. Every change holds the row of its connection, so changes of one take turns.
 */
export class ConnectionStore {
  private readonly table: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    this.table = db.tables.connection;
  }

  async find(tenantId: string, id: string): Promise<Connection | undefined> {
    const [row] = await this.db.query<Connection>(
      `SELECT ${COLUMNS} FROM ${this.table} c WHERE c.tenant_id = $1 AND c.id = $2`,
      [tenantId, id],
    );
    return row;
  }

  /** Holds the row until the end of the transaction. */
  async lock(session: EngineSession, tenantId: string, id: string): Promise<Connection | undefined> {
    const [row] = await session.query<Connection>(
      `SELECT ${COLUMNS} FROM ${this.table} c WHERE c.tenant_id = $1 AND c.id = $2 FOR NO KEY UPDATE`,
      [tenantId, id],
    );
    return row;
  }

  /** The connections behind an id, in the order of their creation. */
  page(
    tenantId: string,
    { connector, state, health }: ConnectionFilter,
    after: string | undefined,
    limit: number,
  ): Promise<Connection[]> {
    return this.db.query<Connection>(
      `SELECT ${COLUMNS} FROM ${this.table} c
       WHERE c.tenant_id = $1 AND ($2::text IS NULL OR c.connector = $2) AND ($3::text IS NULL OR c.state = $3)
         AND ($4::text IS NULL OR c.health = $4) AND ($5::uuid IS NULL OR c.id > $5)
       ORDER BY c.id LIMIT $6`,
      [tenantId, connector ?? null, state ?? null, health ?? null, after ?? null, limit],
    );
  }

  async add(session: EngineSession, row: NewConnection): Promise<Connection> {
    const [added] = await session.query<Connection>(
      `INSERT INTO ${this.table} AS c (id, tenant_id, connector, name, config, key_id, actions)
       VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7::jsonb) RETURNING ${COLUMNS}`,
      [
        row.id,
        row.tenantId,
        row.connector,
        row.name,
        JSON.stringify(row.config),
        row.keyId,
        jsonOf(row.actions),
      ],
    );
    return added as Connection;
  }

  async change(session: EngineSession, row: Changed): Promise<Connection> {
    const [changed] = await session.query<Connection>(
      `UPDATE ${this.table} AS c SET name = $3, config = $4::jsonb, actions = $5::jsonb
       WHERE c.tenant_id = $1 AND c.id = $2 RETURNING ${COLUMNS}`,
      [row.tenantId, row.id, row.name, JSON.stringify(row.config), jsonOf(row.actions)],
    );
    return changed as Connection;
  }

  async setState(
    session: EngineSession,
    { tenantId, id }: Owned,
    state: ConnectionState,
  ): Promise<Connection> {
    const [changed] = await session.query<Connection>(
      `UPDATE ${this.table} AS c SET state = $3 WHERE c.tenant_id = $1 AND c.id = $2 RETURNING ${COLUMNS}`,
      [tenantId, id, state],
    );
    return changed as Connection;
  }

  async setHealth(
    session: EngineSession,
    { tenantId, id }: Owned,
    health: ConnectionHealth,
    reason: string | null,
  ): Promise<Connection> {
    const [changed] = await session.query<Connection>(
      `UPDATE ${this.table} AS c SET health = $3, health_reason = $4, health_at = clock_timestamp()
       WHERE c.tenant_id = $1 AND c.id = $2 RETURNING ${COLUMNS}`,
      [tenantId, id, health, reason],
    );
    return changed as Connection;
  }

  /** What the provider has said of the account. `account` stays where the provider does not say it. */
  async setGrant(
    session: EngineSession,
    { tenantId, id }: Owned,
    scopes: readonly string[],
    account: string | undefined,
  ): Promise<void> {
    await session.query(
      `UPDATE ${this.table} SET scopes = $3, account = coalesce($4, account) WHERE tenant_id = $1 AND id = $2`,
      [tenantId, id, scopes, account ?? null],
    );
  }

  async setKey(session: EngineSession, { tenantId, id }: Owned, keyId: string): Promise<Connection> {
    const [changed] = await session.query<Connection>(
      `UPDATE ${this.table} AS c SET key_id = $3, key_rotated_at = clock_timestamp()
       WHERE c.tenant_id = $1 AND c.id = $2 RETURNING ${COLUMNS}`,
      [tenantId, id, keyId],
    );
    return changed as Connection;
  }

  /** It only moves forward, so writers of several processes need no order. */
  async used({ tenantId, id }: Owned): Promise<void> {
    await this.db.query(
      `UPDATE ${this.table} SET last_used_at = greatest(last_used_at, clock_timestamp()) WHERE tenant_id = $1 AND id = $2`,
      [tenantId, id],
    );
  }

  async remove(session: EngineSession, { tenantId, id }: Owned): Promise<void> {
    await session.query(`DELETE FROM ${this.table} WHERE tenant_id = $1 AND id = $2`, [tenantId, id]);
  }
}

/** NULL stands for no value, and not the null of JSON. */
function jsonOf(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
