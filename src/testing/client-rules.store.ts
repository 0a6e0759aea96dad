import type { SqlClient } from '../database/clients/sql-client.js';

/**
 * The statements by which `verifyClient` checks a client. They write only into a temporary table of their own
 * transaction.
 */

export async function transactionOf(
  client: SqlClient,
): Promise<{ session: string; xid: string; isolation: string }> {
  const [row] = await client.$queryRawUnsafe<{ session: string; xid: string; isolation: string }[]>(
    `SELECT pg_backend_pid()::text AS session, pg_current_xact_id()::text AS xid,
            current_setting('transaction_isolation') AS isolation`,
  );
  return { session: String(row?.session), xid: String(row?.xid), isolation: String(row?.isolation) };
}

/** `committed`, `aborted` or `in progress`. */
export async function fateOf(client: SqlClient, xid: string): Promise<string> {
  const [row] = await client.$queryRawUnsafe<{ fate: string }[]>(
    `SELECT pg_xact_status($1::text::xid8) AS fate`,
    xid,
  );
  return String(row?.fate);
}

export async function makeTable(client: SqlClient): Promise<void> {
  await client.$executeRawUnsafe(
    `CREATE TEMPORARY TABLE nestjs_integration_rules (id int UNIQUE DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP`,
  );
}

/** The client's result for a statement that writes `count` rows. It should be that number. */
export function writeRows(client: SqlClient, count: number): PromiseLike<unknown> {
  return client.$executeRawUnsafe(
    `INSERT INTO nestjs_integration_rules (id) SELECT generate_series(1, $1::int)`,
    count,
  );
}

/** Writes a row twice. The database notices this when the transaction commits. */
export async function writeTwice(client: SqlClient): Promise<void> {
  await client.$executeRawUnsafe(`INSERT INTO nestjs_integration_rules (id) VALUES (1), (1)`);
}

export async function failStatement(client: SqlClient): Promise<void> {
  await client.$queryRawUnsafe(`SELECT 1 / $1::int AS nothing`, 0);
}

export async function failExecution(client: SqlClient): Promise<void> {
  await client.$executeRawUnsafe(`SELECT 1 / $1::int AS nothing`, 0);
}
