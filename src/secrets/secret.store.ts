import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import type { DataKeyRow } from './data-key.store.js';

/** Whose secret it is, and which one of them. */
export interface SecretOwner {
  /** The default is '', for hosts without tenants. */
  readonly tenantId?: string | undefined;
  /** What owns the secret, such as `webhook_endpoint`: at most 63 characters. */
  readonly ownerType: string;
  readonly ownerId: string;
}

export interface SecretName extends SecretOwner {
  /** What the secret is for: at most 127 characters. */
  readonly name: string;
}

/** The place of a secret in the list of all: its tenant, the type and the id of its owner, and its name. */
export type SecretPlace = readonly [tenantId: string, ownerType: string, ownerId: string, name: string];

/** Before every secret, because none has an empty name. */
const BEFORE_ALL: SecretPlace = ['', '', '', ''];

/** A version of a secret as it is stored. */
export interface SecretRow {
  readonly id: string;
  readonly tenantId: string;
  readonly ownerType: string;
  readonly ownerId: string;
  readonly name: string;
  readonly version: number;
  readonly dataKeyId: string;
  /** In base64. */
  readonly sealed: string;
}

/** The same with its key, and with when it was made and how long it is valid. */
export interface SecretWithKey extends SecretRow, DataKeyRow {
  readonly createdAt: Date;
  readonly validUntil: Date | null;
}

/** The columns of a `SecretWithKey`: of a secret `s` and its key `k`. */
export const SECRET_COLUMNS = `s.id, s.tenant_id AS "tenantId", s.owner_type AS "ownerType", s.owner_id AS "ownerId", s.name, s.version,
  s.data_key_id AS "dataKeyId", encode(s.sealed, 'base64') AS sealed, s.created_at AS "createdAt", s.valid_until AS "validUntil", encode(k.wrapped, 'base64') AS wrapped, k.kek_id AS "keyName"`;

/** Whether a secret `s` is valid now. */
export const VALID_SECRET = '(s.valid_until IS NULL OR s.valid_until > clock_timestamp())';

/** The secrets, as they are sealed. One statement reads a secret with its key, so that both fit. */
export class SecretStore {
  private readonly table: string;
  private readonly keys: string;

  constructor(private readonly db: EngineDatabase) {
    this.table = db.tables.integrationSecret;
    this.keys = db.tables.integrationDataKey;
  }

  /**
   * The number of the next version. Callers of one secret take turns by a lock of its name, which ends with
   * their transaction. The rows do not do for that: who waits for one does not see those that were added.
   */
  async nextVersion(session: EngineSession, of: SecretName): Promise<number> {
    await session.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      JSON.stringify([this.table, ...valuesOf(of)]),
    ]);
    const rows = await session.query<{ version: number }>(
      `SELECT version FROM ${this.table} WHERE ${OF_NAME} ORDER BY version DESC FOR NO KEY UPDATE`,
      valuesOf(of),
    );
    return (rows[0]?.version ?? 0) + 1;
  }

  /** Adds a version. The transaction holds its data key. */
  async add(session: EngineSession, row: SecretRow): Promise<void> {
    await session.query(
      `INSERT INTO ${this.table} (id, tenant_id, owner_type, owner_id, name, version, data_key_id, sealed)
       VALUES ($1, $2, $3, $4, $5, $6, $7, decode($8, 'base64'))`,
      [row.id, row.tenantId, row.ownerType, row.ownerId, row.name, row.version, row.dataKeyId, row.sealed],
    );
  }

  /** The versions before this one end after the overlap, unless they end sooner. */
  async endOthers(session: EngineSession, of: SecretName, version: number, overlapMs: number): Promise<void> {
    await session.query(
      `UPDATE ${this.table} SET valid_until = least(coalesce(valid_until, 'infinity'),
         clock_timestamp() + $6::float8 * interval '1 millisecond')
       WHERE ${OF_NAME} AND version < $5`,
      [...valuesOf(of), version, overlapMs],
    );
    await session.query(
      `DELETE FROM ${this.table} WHERE ${OF_NAME} AND version < $5 AND valid_until <= clock_timestamp()`,
      [...valuesOf(of), version],
    );
  }

  /** The versions of an owner's secrets that are valid now, by name, the latest first. */
  valid(of: SecretOwner & { readonly name?: string }): Promise<SecretWithKey[]> {
    const [tenantId, ownerType, ownerId] = ownerOf(of);
    return this.db.query<SecretWithKey>(
      `SELECT ${SECRET_COLUMNS} FROM ${this.table} s JOIN ${this.keys} k ON k.id = s.data_key_id
       WHERE s.tenant_id = $1 AND s.owner_type = $2 AND s.owner_id = $3 AND ($4::text IS NULL OR s.name = $4)
         AND ${VALID_SECRET}
       ORDER BY s.name, s.version DESC`,
      [tenantId, ownerType, ownerId, of.name ?? null],
    );
  }

  /** Every secret, page by page, for the doctor. */
  page(after: string, limit: number): Promise<SecretWithKey[]> {
    return this.db.query<SecretWithKey>(
      `SELECT ${SECRET_COLUMNS} FROM ${this.table} s JOIN ${this.keys} k ON k.id = s.data_key_id
       WHERE s.id > $1::uuid ORDER BY s.id LIMIT $2`,
      [after, limit],
    );
  }

  /**
   * All versions of the next secrets behind a place, by place, the latest version first. `limit` is a number
   * of secrets.
   */
  behind(
    tenantId: string | undefined,
    after: SecretPlace = BEFORE_ALL,
    limit: number,
  ): Promise<SecretWithKey[]> {
    return this.db.query<SecretWithKey>(
      `WITH page AS (
         SELECT DISTINCT tenant_id, owner_type, owner_id, name FROM ${this.table}
         WHERE (tenant_id, owner_type, owner_id, name) > ($1, $2, $3, $4) AND ($5::text IS NULL OR tenant_id = $5)
         ORDER BY tenant_id, owner_type, owner_id, name LIMIT $6)
       SELECT ${SECRET_COLUMNS} FROM page p
       JOIN ${this.table} s ON (s.tenant_id, s.owner_type, s.owner_id, s.name) = (p.tenant_id, p.owner_type, p.owner_id, p.name)
       JOIN ${this.keys} k ON k.id = s.data_key_id
       ORDER BY s.tenant_id, s.owner_type, s.owner_id, s.name, s.version DESC`,
      [...after, tenantId ?? null, limit],
    );
  }

  /** The secrets of a tenant that a retired key has sealed. */
  sealedByRetired(tenantId: string, after: string, limit: number): Promise<SecretWithKey[]> {
    return this.db.query<SecretWithKey>(
      `SELECT ${SECRET_COLUMNS} FROM ${this.table} s JOIN ${this.keys} k ON k.id = s.data_key_id
       WHERE k.tenant_id = $1 AND k.retired_at IS NOT NULL AND s.id > $2::uuid ORDER BY s.id LIMIT $3`,
      [tenantId, after, limit],
    );
  }

  /**
   * Stores a secret as the present key of its tenant has sealed it. False if either was changed meanwhile.
   */
  async reseal(
    session: EngineSession,
    before: SecretRow,
    dataKeyId: string,
    sealed: string,
  ): Promise<boolean> {
    const rows = await session.query(
      `UPDATE ${this.table} s SET data_key_id = k.id, sealed = decode($4, 'base64')
       FROM (SELECT id FROM ${this.keys} WHERE id = $3 AND retired_at IS NULL FOR SHARE) AS k
       WHERE s.id = $1 AND s.sealed = decode($2, 'base64') RETURNING 1`,
      [before.id, before.sealed, dataKeyId, sealed],
    );
    return rows.length > 0;
  }

  /** Deletes the secrets of an owner, or one of them. */
  async remove(
    of: SecretOwner & { readonly name?: string },
    session: EngineSession = this.db,
  ): Promise<number> {
    const [tenantId, ownerType, ownerId] = ownerOf(of);
    const rows = await session.query(
      `DELETE FROM ${this.table} WHERE tenant_id = $1 AND owner_type = $2 AND owner_id = $3
         AND ($4::text IS NULL OR name = $4) RETURNING 1`,
      [tenantId, ownerType, ownerId, of.name ?? null],
    );
    return rows.length;
  }
}

const OF_NAME = 'tenant_id = $1 AND owner_type = $2 AND owner_id = $3 AND name = $4';

function ownerOf({ tenantId = '', ownerType, ownerId }: SecretOwner): [string, string, string] {
  return [tenantId, ownerType, ownerId];
}

function valuesOf(of: SecretName): string[] {
  return [...ownerOf(of), of.name];
}
