import type { HostAdapter } from '../database/clients/host-adapter.js';
import { notTheClient } from './not-the-client.js';
import { postgresJsPoolOf } from './pools.js';
import { type Beginning, PostgresJsTransactions } from './postgres-js-transactions.js';

/** The part that is used here of the `sql` of postgres.js or of a transaction. */
export interface PostgresJsShape {
  unsafe(
    sql: string,
    values?: never,
    options?: { prepare: boolean },
  ): PromiseLike<readonly unknown[] & { readonly count: number | null }>;
  /** A function of the instance. All of its transactions have the same one, so it identifies the instance. */
  readonly json: unknown;
}

/** The `sql` that `postgres(…)` returned. */
export interface PostgresJsDatabase extends PostgresJsShape {
  begin(...args: never[]): Promise<unknown>;
}

/**
 * Prepares statements where the instance allows it. Before postgres.js sends values, it asks the server for
 * the types of the parameters, which costs a round trip. It remembers the types of a prepared statement. An
 * instance with `prepare: false` prepares nothing.
 */
const PREPARED = { prepare: true };

/**
 * An adapter for postgres.js: `client: fromPostgresJs(sql)`, or beside `clientToken`. Its transaction is the
 * `sql` that `sql.begin(…)` gives. postgres.js does not tell whether a transaction has ended. So the engine
 * knows it only of the transactions that it began itself.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID if the value is not an instance of postgres.js
 */
export function fromPostgresJs<Tx extends object = PostgresJsShape>(
  sql: PostgresJsDatabase,
): HostAdapter<Tx> {
  if (!isPostgresJs(sql) || typeof sql.begin !== 'function')
    throw notTheClient('fromPostgresJs', 'the sql that postgres(…) returned', 'postgres', sql);
  const transactions = new PostgresJsTransactions(sql as unknown as Beginning);
  return {
    words: {
      library: 'postgres.js',
      root: 'the sql that postgres(…) returned, which sends each statement through another connection',
      transaction: 'the sql that sql.begin(async (sql) => …) gives',
      within: 'use the sql that is context.transaction, and not the instance',
    },

    transaction: (fn) => transactions.run(fn),

    async query(tx, text, values) {
      const asked = ((tx as PostgresJsShape | undefined) ?? sql).unsafe(text, values as never, PREPARED);
      const rows = await transactions.whileOpen(tx, asked);
      return { rows: [...rows], count: rows.count ?? 0 };
    },

    stateOf(value) {
      if (!isPostgresJs(value) || value.json !== sql.json) return 'foreign';
      if (typeof (value as { savepoint?: unknown }).savepoint !== 'function') return 'root';
      return transactions.hasEnded(value) ? 'ended' : 'open';
    },

    refuse: async (tx, error) => transactions.refuse(tx, error),
    pool: () => postgresJsPoolOf(sql),
  };
}

function isPostgresJs(value: unknown): value is PostgresJsShape & object {
  if (typeof value !== 'function') return false;
  const { unsafe, json } = value as unknown as Partial<PostgresJsShape>;
  return typeof unsafe === 'function' && typeof json === 'function';
}
