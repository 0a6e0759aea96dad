import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';

/** A wrapped data key. Bytes are base64 in every row. */
export interface DataKeyRow {
  readonly dataKeyId: string;
  readonly tenantId: string;
  readonly wrapped: string;
  readonly keyName: string;
}

/** How many data keys a key has wrapped. */
export interface KeyUse {
  readonly keyName: string;
  readonly dataKeys: number;
  readonly secrets: number;
}

const COLUMNS = `id AS "dataKeyId", tenant_id AS "tenantId", encode(wrapped, 'base64') AS wrapped, kek_id AS "keyName"`;

/** The data keys of tenants, as they are wrapped. */
export class DataKeyStore {
  private readonly table: string;
  private readonly secrets: string;

  constructor(private readonly db: EngineDatabase) {
    this.table = db.tables.integrationDataKey;
    this.secrets = db.tables.integrationSecret;
  }

  /**
   * The key with which the secrets of a tenant are sealed now. It is held: a change of it, or its end, waits
   * for the end of this transaction. Everybody takes the key before the secrets, so nobody waits in a circle.
   */
  async active(session: EngineSession, tenantId: string): Promise<DataKeyRow | undefined> {
    const rows = await session.query<DataKeyRow>(
      `SELECT ${COLUMNS} FROM ${this.table} WHERE tenant_id = $1 AND retired_at IS NULL FOR SHARE`,
      [tenantId],
    );
    return rows[0];
  }

  /** Adds the first key of a tenant. If another process was faster, nothing is added. */
  async add(session: EngineSession, { dataKeyId, tenantId, wrapped, keyName }: DataKeyRow): Promise<void> {
    await this.lockTenant(session, tenantId);
    await session.query(
      `INSERT INTO ${this.table} (id, tenant_id, wrapped, kek_id) VALUES ($1, $2, decode($3, 'base64'), $4)
       ON CONFLICT (tenant_id) WHERE retired_at IS NULL DO NOTHING`,
      [dataKeyId, tenantId, wrapped, keyName],
    );
  }

  /**
   * Puts a new key in the place of a tenant's active one. Statements that are sealing with the old key hold
   * its row, so they end before it is retired. Resolves to the id of the old key, if there was one.
   */
  async replace(
    session: EngineSession,
    { dataKeyId, tenantId, wrapped, keyName }: DataKeyRow,
  ): Promise<string | null> {
    await this.lockTenant(session, tenantId);
    const retired = await session.query<{ id: string }>(
      `UPDATE ${this.table} SET retired_at = clock_timestamp() WHERE tenant_id = $1 AND retired_at IS NULL RETURNING id`,
      [tenantId],
    );
    await session.query(
      `INSERT INTO ${this.table} (id, tenant_id, wrapped, kek_id) VALUES ($1, $2, decode($3, 'base64'), $4)`,
      [dataKeyId, tenantId, wrapped, keyName],
    );
    return retired[0]?.id ?? null;
  }

  /**
   * Givers of a key to a tenant take turns until the end of their transactions. The row of the old key does
   * not do for that: who waits for it does not see the new one.
   */
  private async lockTenant(session: EngineSession, tenantId: string): Promise<void> {
    await session.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      JSON.stringify([this.table, tenantId]),
    ]);
  }

  /** The data keys, active or not, that another key than this one has wrapped. */
  wrappedByOthers(keyName: string, after: string, limit: number): Promise<DataKeyRow[]> {
    return this.db.query<DataKeyRow>(
      `SELECT ${COLUMNS} FROM ${this.table} WHERE kek_id <> $1 AND id > $2::uuid ORDER BY id LIMIT $3`,
      [keyName, after, limit],
    );
  }

  /** Stores a data key as a new key has wrapped it, unless somebody has changed its row meanwhile. */
  async rewrap(
    session: EngineSession,
    before: DataKeyRow,
    wrapped: string,
    keyName: string,
  ): Promise<boolean> {
    const rows = await session.query(
      `UPDATE ${this.table} SET wrapped = decode($3, 'base64'), kek_id = $4 WHERE id = $1 AND wrapped = decode($2, 'base64') RETURNING 1`,
      [before.dataKeyId, before.wrapped, wrapped, keyName],
    );
    return rows.length > 0;
  }

  /** Deletes the retired keys of a tenant with which no secret is sealed any more. */
  async deleteUnused(session: EngineSession, tenantId: string): Promise<number> {
    const rows = await session.query(
      `DELETE FROM ${this.table} k WHERE k.tenant_id = $1 AND k.retired_at IS NOT NULL
         AND NOT EXISTS (SELECT FROM ${this.secrets} s WHERE s.data_key_id = k.id) RETURNING 1`,
      [tenantId],
    );
    return rows.length;
  }

  /** Deletes all keys of a tenant, and with them its secrets. Resolves to how many of both there were. */
  async erase(session: EngineSession, tenantId: string): Promise<{ dataKeys: number; secrets: number }> {
    const keys = await session.query(`SELECT FROM ${this.table} WHERE tenant_id = $1 FOR UPDATE`, [tenantId]);
    const [row] = await session.query<{ secrets: number }>(
      `SELECT count(*) AS secrets FROM ${this.secrets} s JOIN ${this.table} k ON k.id = s.data_key_id WHERE k.tenant_id = $1`,
      [tenantId],
    );
    await session.query(`DELETE FROM ${this.table} WHERE tenant_id = $1`, [tenantId]);
    return { dataKeys: keys.length, secrets: row?.secrets ?? 0 };
  }

  /** How many secrets a tenant has, all of their versions counted. */
  async secretsOf(tenantId: string): Promise<number> {
    const rows = await this.db.query<{ secrets: number }>(
      `SELECT count(*) AS secrets FROM ${this.table} k JOIN ${this.secrets} s ON s.data_key_id = k.id WHERE k.tenant_id = $1`,
      [tenantId],
    );
    return rows[0]?.secrets ?? 0;
  }

  uses(): Promise<KeyUse[]> {
    return this.db.query<KeyUse>(
      `SELECT k.kek_id AS "keyName", count(DISTINCT k.id) AS "dataKeys", count(s.id) AS secrets
       FROM ${this.table} k LEFT JOIN ${this.secrets} s ON s.data_key_id = k.id GROUP BY 1 ORDER BY 1`,
    );
  }
}
