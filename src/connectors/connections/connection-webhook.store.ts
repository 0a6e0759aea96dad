import type { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import type { Connection } from './connection.js';

/** How the other system was asked: never, without a known answer, or with success. */
export type SubscriptionStatus = 'none' | 'asked' | 'subscribed';

/** A webhook that a connector subscribes by itself. */
export interface ConnectionWebhook {
  readonly endpointId: string;
  readonly source: string;
  readonly status: SubscriptionStatus;
  /** Whether the other system has what is wanted. */
  readonly isDone: boolean;
  readonly lastError: string | null;
}

interface OfTenant {
  readonly tenantId: string;
  readonly endpointId: string;
}

/** A webhook that this process asks the other system for, and nobody else. */
export interface ClaimedWebhook extends OfTenant {
  readonly connectionId: string;
  readonly source: string;
  readonly wanted: boolean;
  readonly wantedNo: number;
  readonly attempts: number;
  /** Whether somebody has asked before to be delivered to. */
  readonly wasAsked: boolean;
  readonly subscription: unknown;
  readonly token: string;
}

type Owned = Pick<Connection, 'id' | 'tenantId'>;

/*
 * Why the other system has in the end what is wanted, and no more.
 *
 * `wanted` changes in the transaction that changes the state of the connection, and each change counts
 * wanted_no. A turn claims the row, asks the other system, and saves the number that it has read. If the
 * number is another one by then, the row stays due, and the next turn asks for what is wanted now. So a
 * connection that was disabled while a slow answer was under way is unsubscribed with what that answer said.
 *
 * A claim writes `asked` before the other system hears anything. Whoever finds `asked` does not know what
 * came of it, and says so (`isRepeated`). Whoever is to end a subscription asks for it unless the status is
 * `none`. So a process that dies before, during or after the answer leaves no subscription that nobody knows
 * of.
 *
 * A claim holds for longer than its turn may take. Nobody else claims before, though the process may have
 * lost its lane. So two turns follow each other also at the other system, and the last one decides. What a
 * process sends that stood still for longer than its claim comes too late all the same: no row can hold that
 * back. Its answer is not saved if somebody else has claimed meanwhile.
 */

/** What the other systems of connections were asked to deliver. Every statement names the tenant. */
export class ConnectionWebhookStore {
  private readonly table: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'transaction' | 'tables'>) {
    this.table = db.tables.connectionWebhook;
  }

  list({ tenantId, id }: Owned): Promise<ConnectionWebhook[]> {
    return this.db.query<ConnectionWebhook>(
      `SELECT endpoint_id AS "endpointId", source, status, done_no = wanted_no AS "isDone", last_error AS "lastError"
       FROM ${this.table} WHERE tenant_id = $1 AND connection_id = $2 ORDER BY endpoint_id`,
      [tenantId, id],
    );
  }

  async add(
    session: EngineSession,
    { tenantId, id }: Owned,
    endpointId: string,
    source: string,
  ): Promise<void> {
    await session.query(
      `INSERT INTO ${this.table} (endpoint_id, tenant_id, connection_id, source) VALUES ($1, $2, $3, $4)`,
      [endpointId, tenantId, id, source],
    );
  }

  /** Says whether a connection wants its webhooks. Resolves to how many of them are to be asked for. */
  async want(session: EngineSession, { tenantId, id }: Owned, wanted: boolean): Promise<number> {
    const rows = await session.query(
      `UPDATE ${this.table} SET wanted = $3, wanted_no = wanted_no + 1, attempts = 0, last_error = NULL,
         due_at = greatest(clock_timestamp(), owner_until)
       WHERE tenant_id = $1 AND connection_id = $2 AND wanted <> $3 RETURNING 1`,
      [tenantId, id, wanted],
    );
    return rows.length;
  }

  /** Takes a webhook whose turn it is. Undefined if nothing is to be done, or somebody else does it. */
  async claim(
    { tenantId, endpointId }: OfTenant,
    token: string,
    leaseMs: number,
  ): Promise<ClaimedWebhook | undefined> {
    const [row] = await this.write<Omit<ClaimedWebhook, 'token'>>(
      `WITH seen AS (
         SELECT endpoint_id, status, subscription FROM ${this.table}
         WHERE tenant_id = $1 AND endpoint_id = $2 AND done_no < wanted_no
           AND (owner_until IS NULL OR owner_until <= clock_timestamp())
         FOR NO KEY UPDATE)
       UPDATE ${this.table} AS w SET owner_token = $3, owner_until = now() + $4::float8 * interval '1 millisecond',
         due_at = now() + $4::float8 * interval '1 millisecond', attempts = attempts + 1,
         status = CASE WHEN w.wanted THEN 'asked' ELSE w.status END
       FROM seen WHERE w.tenant_id = $1 AND w.endpoint_id = seen.endpoint_id
       RETURNING w.tenant_id AS "tenantId", w.endpoint_id AS "endpointId", w.connection_id AS "connectionId", w.source, w.wanted,
         w.wanted_no AS "wantedNo", w.attempts, seen.status <> 'none' AS "wasAsked", seen.subscription`,
      [tenantId, endpointId, token, leaseMs],
    );
    return row === undefined ? undefined : { ...row, token };
  }

  /** Saves what a turn has reached. Whether it was saved: not if somebody else has claimed meanwhile. */
  async done(
    { tenantId, endpointId, token, wanted, wantedNo }: ClaimedWebhook,
    subscription: unknown,
  ): Promise<boolean> {
    const rows = await this.write(
      `UPDATE ${this.table} SET status = $4, subscription = $5::jsonb, done_no = $6, attempts = 0, last_error = NULL,
         owner_token = NULL, owner_until = NULL, due_at = CASE WHEN wanted_no = $6 THEN NULL ELSE clock_timestamp() END
       WHERE tenant_id = $1 AND endpoint_id = $2 AND owner_token = $3 RETURNING 1`,
      [
        tenantId,
        endpointId,
        token,
        wanted ? 'subscribed' : 'none',
        subscription === undefined ? null : JSON.stringify(subscription),
        wantedNo,
      ],
    );
    return rows.length > 0;
  }

  /** Gives a claim back. It is tried again later, or at once if something else is wanted by now. */
  async failed(
    { tenantId, endpointId, token, wantedNo }: ClaimedWebhook,
    reason: string,
    afterMs: number,
  ): Promise<void> {
    await this.write(
      `UPDATE ${this.table} SET last_error = $4, owner_token = NULL, owner_until = NULL,
         due_at = clock_timestamp() + CASE WHEN wanted_no = $6 THEN $5::float8 ELSE 0 END * interval '1 millisecond'
       WHERE tenant_id = $1 AND endpoint_id = $2 AND owner_token = $3`,
      [tenantId, endpointId, token, reason, afterMs, wantedNo],
    );
  }

  async removeOf(session: EngineSession, { tenantId, id }: Owned): Promise<void> {
    await session.query(`DELETE FROM ${this.table} WHERE tenant_id = $1 AND connection_id = $2`, [
      tenantId,
      id,
    ]);
  }

  /** A transaction of its own, because the connections of admins write in transactions only. */
  private write<Row = unknown>(sql: string, values: readonly unknown[]): Promise<Row[]> {
    return this.db.transaction((session) => session.query<Row>(sql, values));
  }
}
