import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import { SECRET_COLUMNS, type SecretWithKey } from '../../secrets/secret.store.js';
import { TOKEN } from '../connections/connection-secrets.js';

/** Whose token it is. */
export interface TokenOwner {
  readonly id: string;
  readonly tenantId: string;
}

/**
 * The token of a connection as it is stored. Times are milliseconds from now on, by the clock of the
 * database.
 */
export interface StoredToken {
  readonly generation: number;
  /** Null for a token that is valid until the provider refuses it. */
  readonly expiresInMs: number | null;
  /** How long it was valid when it came. Null as `expiresInMs`. */
  readonly lifetimeMs: number | null;
  /** How long ago it came. */
  readonly ageMs: number;
  /** How long nobody may try to get another one. At most 0 where somebody may. */
  readonly backoffMs: number;
  readonly health: string;
  /** Undefined before the first token, and after the last one. */
  readonly secret: SecretWithKey | undefined;
}

/** Who may save what the provider answers: the owner of this lease, for this generation. */
export interface Claim {
  readonly lease: string;
  readonly generation: number;
}

/** A token that is to be saved. */
export interface NewToken {
  /** Null for one that is valid until the provider refuses it. */
  readonly expiresInMs: number | null;
  /** Whether it has a refresh token. */
  readonly isRenewable: boolean;
}

type TokenRow = Omit<StoredToken, 'secret'> & {
  readonly [K in keyof SecretWithKey]: SecretWithKey[K] | null;
};

const MS = (interval: string) => `(extract(epoch FROM ${interval}) * 1000)::float8`;
const AFTER = (value: string) => `clock_timestamp() + ${value}::float8 * interval '1 millisecond'`;

/** The tokens of connections, and who refreshes them. The argument stands in refresher.ts. */
export class TokenStore {
  private readonly table: string;
  private readonly readSql: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    const { connectionToken, connection, integrationSecret, integrationDataKey } = db.tables;
    this.table = connectionToken;
    this.readSql = `SELECT t.generation, ${MS('t.expires_at - clock_timestamp()')} AS "expiresInMs", ${MS('t.expires_at - t.refreshed_at')} AS "lifetimeMs",
        ${MS('clock_timestamp() - t.refreshed_at')} AS "ageMs", coalesce(${MS('t.next_refresh_at - clock_timestamp()')}, 0) AS "backoffMs", c.health, ${SECRET_COLUMNS}
      FROM ${connectionToken} t
      JOIN ${connection} c ON c.tenant_id = t.tenant_id AND c.id = t.connection_id
      LEFT JOIN (${integrationSecret} s JOIN ${integrationDataKey} k ON k.id = s.data_key_id)
        ON s.tenant_id = t.tenant_id AND s.owner_type = 'connection' AND s.owner_id = t.connection_id::text
          AND s.name = '${TOKEN}' AND s.version = t.generation
      WHERE t.tenant_id = $1 AND t.connection_id = $2`;
  }

  /**
   * The token with its sealed value, as both are at one moment. Undefined for a connection without tokens.
   */
  async read({ tenantId, id }: TokenOwner): Promise<StoredToken | undefined> {
    const [row] = await this.db.query<TokenRow>(this.readSql, [tenantId, id]);
    if (row === undefined) return undefined;
    const { generation, expiresInMs, lifetimeMs, ageMs, backoffMs, health, ...secret } = row;
    return {
      generation,
      expiresInMs,
      lifetimeMs,
      ageMs,
      backoffMs,
      health,
      secret: secret.version === null ? undefined : (secret as SecretWithKey),
    };
  }

  /**
   * Takes the lease of a generation, if nobody has it and no pause is left. Of several callers at once one
   * gets it, because each sees the row as the one before has left it.
   */
  async claim({ tenantId, id }: TokenOwner, { lease, generation }: Claim, leaseMs: number): Promise<boolean> {
    const rows = await this.db.query(
      `UPDATE ${this.table} SET lease_token = $3, lease_expires_at = ${AFTER('$5')}
       WHERE tenant_id = $1 AND connection_id = $2 AND generation = $4
         AND (lease_expires_at IS NULL OR lease_expires_at <= clock_timestamp())
         AND (next_refresh_at IS NULL OR next_refresh_at <= clock_timestamp()) RETURNING 1`,
      [tenantId, id, lease, generation, leaseMs],
    );
    return rows.length > 0;
  }

  /**
   * Begins the next generation, if the lease still is the caller's: nobody has claimed it since, and nobody
   * has saved. Resolves to its number. Undefined if the caller comes too late.
   */
  async save(
    session: EngineSession,
    { tenantId, id }: TokenOwner,
    { lease, generation }: Claim,
    { expiresInMs, isRenewable }: NewToken,
  ): Promise<number | undefined> {
    const [row] = await session.query<{ generation: number }>(
      `UPDATE ${this.table} SET generation = generation + 1, expires_at = ${AFTER('$5')}, refreshed_at = clock_timestamp(), is_renewable = $6,
         lease_token = NULL, lease_expires_at = NULL, next_refresh_at = NULL, failures = 0
       WHERE tenant_id = $1 AND connection_id = $2 AND lease_token = $3 AND generation = $4 RETURNING generation`,
      [tenantId, id, lease, generation, expiresInMs, isRenewable],
    );
    return row?.generation;
  }

  /** Gives the lease back, if it still is the caller's. */
  async giveUp(
    session: EngineSession,
    { tenantId, id }: TokenOwner,
    { lease, generation }: Claim,
  ): Promise<boolean> {
    const rows = await session.query(
      `UPDATE ${this.table} SET lease_token = NULL, lease_expires_at = NULL WHERE tenant_id = $1 AND connection_id = $2 AND lease_token = $3 AND generation = $4 RETURNING 1`,
      [tenantId, id, lease, generation],
    );
    return rows.length > 0;
  }

  /**
   * Gives the lease back after a failure. The pause doubles with each failure, from `firstMs` to `mostMs`,
   * and is at least `leastMs`. Half of it is chosen at random.
   */
  async failed(
    { tenantId, id }: TokenOwner,
    { lease, generation }: Claim,
    {
      firstMs,
      mostMs,
      leastMs,
    }: { readonly firstMs: number; readonly mostMs: number; readonly leastMs: number },
  ): Promise<void> {
    await this.db.query(
      `UPDATE ${this.table} SET lease_token = NULL, lease_expires_at = NULL, failures = failures + 1,
         next_refresh_at = ${AFTER('greatest($7, least($6, $5 * power(2, least(failures, 30))) * (0.5 + random() / 2))')}
       WHERE tenant_id = $1 AND connection_id = $2 AND lease_token = $3 AND generation = $4`,
      [tenantId, id, lease, generation, firstMs, mostMs, leastMs],
    );
  }

  /** Makes the row of a connection that gets its tokens by itself, before the first one. */
  async prepare(session: EngineSession, { tenantId, id }: TokenOwner): Promise<void> {
    await session.query(
      `INSERT INTO ${this.table} (connection_id, tenant_id, generation, is_renewable) VALUES ($2, $1, 0, false)
       ON CONFLICT (connection_id) DO NOTHING`,
      [tenantId, id],
    );
  }

  /**
   * Begins the next generation with a new grant, whoever refreshes the old one: what that one still saves is
   * refused. Resolves to its number.
   */
  async begin(
    session: EngineSession,
    { tenantId, id }: TokenOwner,
    { expiresInMs, isRenewable }: NewToken,
  ): Promise<number> {
    const [row] = await session.query<{ generation: number }>(
      `INSERT INTO ${this.table} AS t (connection_id, tenant_id, generation, expires_at, is_renewable)
       VALUES ($2, $1, 1, ${AFTER('$3')}, $4)
       ON CONFLICT (connection_id) DO UPDATE SET generation = t.generation + 1, expires_at = EXCLUDED.expires_at,
         refreshed_at = clock_timestamp(), is_renewable = EXCLUDED.is_renewable,
         lease_token = NULL, lease_expires_at = NULL, next_refresh_at = NULL, failures = 0
         WHERE t.tenant_id = $1
       RETURNING generation`,
      [tenantId, id, expiresInMs, isRenewable],
    );
    return (row as { generation: number }).generation;
  }

  /** Ends the generation without a next token. What a refresher still saves is refused. */
  async end(session: EngineSession, { tenantId, id }: TokenOwner): Promise<void> {
    await session.query(
      `UPDATE ${this.table} SET generation = generation + 1, expires_at = NULL, is_renewable = false,
         lease_token = NULL, lease_expires_at = NULL, next_refresh_at = NULL, failures = 0
       WHERE tenant_id = $1 AND connection_id = $2`,
      [tenantId, id],
    );
  }

  /** Lets the next attempt begin at once. */
  async forgetFailures(session: EngineSession, { tenantId, id }: TokenOwner): Promise<void> {
    await session.query(
      `UPDATE ${this.table} SET next_refresh_at = NULL, failures = 0 WHERE tenant_id = $1 AND connection_id = $2`,
      [tenantId, id],
    );
  }
}
