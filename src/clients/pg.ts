import type { HostAdapter } from '../database/clients/host-adapter.js';
import type { PgClient } from '../database/clients/pg-sql-client.js';
import { HOST_CLIENT_TYPES } from '../database/wire/engine-types.js';
import { leadsWhere } from '../database/wire/leads-where.js';
import { Gates } from './gates.js';
import { guardedClient } from './guarded-client.js';
import { answerOfPg, hearErrors, type PgAnswer } from './node-postgres.js';
import { notTheClient } from './not-the-client.js';
import { pgPoolOf } from './pools.js';

/** The part that is used here of what `pool.connect()` of node-postgres resolves to. */
export interface PgPoolClient extends PgClient {
  query(text: string): Promise<unknown>;
  query(text: string, values: unknown[]): Promise<PgAnswer>;
  query(statement: object): Promise<PgAnswer>;
  release(error?: Error | boolean): void;
  on(event: 'error', listener: () => void): unknown;
  /** `I` outside a transaction, `T` in a transaction, `E` in a failed one. Exists from 8.18 on. */
  getTransactionStatus?(): string | null;
}

/** The part of the pool of node-postgres that is used here. */
export interface PgPool {
  connect(): Promise<unknown>;
  query(statement: object): Promise<unknown>;
  readonly totalCount: number;
  readonly options: object;
}

/**
 * An adapter for node-postgres: `client: fromPg(pool)`. Its transaction is the client of `pool.connect()`
 * on which BEGIN was run.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID if the value is not a pool
 */
export function fromPg<Tx extends object = PgPoolClient>(pool: PgPool): HostAdapter<Tx> {
  if (typeof pool?.connect !== 'function' || typeof pool.totalCount !== 'number')
    throw notTheClient('fromPg', 'a Pool of node-postgres', 'pg', pool);
  const leadsHere = leadsWhere(pool);
  const gates = new Gates();
  return {
    words: {
      library: 'node-postgres',
      root: 'the pool, which sends each statement through another connection',
      transaction: 'the client of await pool.connect() that BEGIN went through',
      within: 'use transaction.query(…), and not the pool',
    },

    transaction: <R>(fn: (client: Tx) => Promise<R>) =>
      gates.run<Tx, R>((run) => transactionOf(pool, run as never), guardedClient, fn),

    async query(tx, text, values) {
      const statement = { text, values, types: HOST_CLIENT_TYPES };
      const through = (tx as PgPoolClient | undefined) ?? pool;
      return answerOfPg((await through.query(statement)) as PgAnswer);
    },

    stateOf(value) {
      if (!hasQuery(value)) return 'foreign';
      if ((value as object) === pool) return 'root';
      if (gates.isClosed(value)) return 'ended';
      if (value.totalCount !== undefined || !leadsHere(value)) return 'foreign';
      return value.getTransactionStatus?.() === 'I' ? 'ended' : 'open';
    },

    refuse: (client, error) => gates.close(client, error),
    isBusy: (client) => gates.isBusy(client),
    pool: () => pgPoolOf(pool),
  };
}

async function transactionOf<R>(pool: PgPool, fn: (client: PgPoolClient) => Promise<R>): Promise<R> {
  const client = (await pool.connect()) as PgPoolClient;
  hearErrors(client);
  let broken = false;
  try {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    const result = await fn(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {
      broken = true;
    });
    throw error;
  } finally {
    client.release(broken);
  }
}

function hasQuery(value: unknown): value is PgPoolClient & { readonly totalCount?: number } {
  return typeof value === 'object' && value !== null && typeof (value as PgClient).query === 'function';
}
