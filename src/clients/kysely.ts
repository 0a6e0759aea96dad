import type { HostAdapter } from '../database/clients/host-adapter.js';
import { EndedTransactions } from './ended-transactions.js';
import { Gates } from './gates.js';
import { guardedTransaction } from './guarded-kysely.js';
import { notTheClient } from './not-the-client.js';

/** What runs a compiled query: Kysely itself, or a transaction of it. */
export interface KyselyShape {
  readonly isTransaction: boolean;
  withoutPlugins(): unknown;
  executeQuery(query: never): Promise<{ rows: unknown[]; numAffectedRows?: bigint | undefined }>;
  getExecutor(): {
    readonly adapter: object;
    provideConnection?(...args: never[]): unknown;
  };
}

/** The part of a Kysely of a Postgres dialect that is used here. */
export interface KyselyDatabase extends KyselyShape {
  transaction(): object;
  withPlugin(plugin: never): object;
}

/** Kysely's own messages for a statement through a transaction that has ended. */
const HAS_ENDED = /^Transaction is already (committed|rolled back|aborted)/;

/**
 * An adapter for Kysely: `client: fromKysely(db)`, or beside `clientToken`. Its transaction is the `trx` of
 * `db.transaction().execute(…)` or `db.startTransaction().execute()`.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID if the value is no Kysely
 */
export function fromKysely<Trx extends object = KyselyShape>(db: KyselyDatabase): HostAdapter<Trx> {
  if (typeof db?.transaction !== 'function' || typeof db.getExecutor !== 'function')
    throw notTheClient('fromKysely', 'an instance of Kysely', 'kysely', db);
  const { adapter } = db.getExecutor();
  // From 0.28.12 on, Kysely itself tells whether a transaction is open.
  const ended = new EndedTransactions();
  const gates = new Gates();
  return {
    words: {
      library: 'Kysely',
      root: 'the Kysely instance',
      transaction: 'the trx that db.transaction().execute(async (trx) => …) gives',
      within: 'use the trx that is context.transaction, and not the Kysely instance',
    },

    transaction: <R>(fn: (trx: Trx) => Promise<R>) =>
      gates.run<Trx, R>(
        (run, gate) => guardedTransaction(db, run as never, gate),
        (trx) => trx,
        ended.watching(fn),
      ),

    async query(tx, sql, values) {
      if (tx !== undefined) gates.requireOpen(tx);
      return queryByKysely((tx as KyselyShape | undefined) ?? db, sql, values);
    },

    stateOf(value) {
      if (!isKysely(value)) return 'foreign';
      if (value.getExecutor().adapter !== adapter) return 'foreign';
      if (!value.isTransaction) return 'root';
      return ended.has(value) || gates.isClosed(value) ? 'ended' : stateOfKysely(value);
    },

    refuse: (trx, error) => gates.close(trx, error),
    isBusy: (trx) => gates.isBusy(trx),
  };
}

/** Runs without the plugins of the host, because they would rename the columns of the engine's rows. */
export async function queryByKysely(
  db: KyselyShape,
  sql: string,
  values: unknown[],
): Promise<{ rows: unknown[]; count: number }> {
  const raw = { sql, parameters: values, query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] } };
  const compiled = { ...raw, queryId: { queryId: 'nestjs-integration' } };
  const { rows, numAffectedRows } = await (db.withoutPlugins() as KyselyShape).executeQuery(
    compiled as never,
  );
  return { rows, count: numAffectedRows === undefined ? rows.length : Number(numAffectedRows) };
}

function isKysely(value: unknown): value is KyselyShape {
  if (typeof value !== 'object' || value === null) return false;
  const { isTransaction, executeQuery, getExecutor } = value as Partial<KyselyShape>;
  return (
    typeof isTransaction === 'boolean' &&
    typeof executeQuery === 'function' &&
    typeof getExecutor === 'function'
  );
}

/**
 * Tells whether a transaction is open. Kysely does not show this, but it refuses at once to give the
 * connection of a transaction that has ended. Nothing is sent to the database.
 */
export function stateOfKysely(trx: KyselyShape): 'open' | 'ended' {
  try {
    Promise.resolve(trx.getExecutor().provideConnection?.((async () => {}) as never)).catch(() => {});
    return 'open';
  } catch (error) {
    return error instanceof Error && HAS_ENDED.test(error.message) ? 'ended' : 'open';
  }
}
