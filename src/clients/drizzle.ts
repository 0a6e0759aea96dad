import type { HostAdapter } from '../database/clients/host-adapter.js';
import { EndedTransactions } from './ended-transactions.js';
import { answerOfPg, hearErrors, type PgAnswer } from './node-postgres.js';
import { notTheClient } from './not-the-client.js';

/** A Drizzle of Postgres, as far as it is used. */
export interface DrizzleDatabase {
  transaction(...args: never[]): Promise<unknown>;
  execute(query: never): unknown;
}

interface Transacting {
  transaction(fn: (tx: never) => unknown, config: { isolationLevel: 'read committed' }): Promise<unknown>;
}

/** What a Drizzle is made of. */
interface Inside {
  readonly dialect?: object;
  readonly session?: {
    prepareQuery(
      query: { sql: string; params: unknown[] },
      fields: undefined,
      name: undefined,
      isArray: false,
    ): { execute(): Promise<unknown> };
    readonly client?: DriverClient;
  };
  /** Of a transaction. */
  readonly rollback?: unknown;
}

/** Of node-postgres. */
interface DriverClient {
  readonly totalCount?: number;
  getTransactionStatus?(): string | null;
  on?(event: 'error', listener: () => void): unknown;
}

/**
 * An adapter for Drizzle on node-postgres or postgres.js: `client: fromDrizzle(db)`, or beside `clientToken`.
 * Its transaction is the `tx` of `db.transaction(…)`.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID for what is no Drizzle of Postgres
 */
export function fromDrizzle<Tx extends object = object>(db: DrizzleDatabase): HostAdapter<Tx> {
  const { dialect } = insideOf(db) ?? {};
  if (dialect === undefined)
    throw notTheClient('fromDrizzle', 'a database of Drizzle for Postgres', 'drizzle-orm', db);
  const ended = new EndedTransactions();
  return {
    words: {
      library: 'Drizzle',
      root: 'the database itself',
      transaction: 'the tx that db.transaction(async (tx) => …) gives',
    },

    transaction: <R>(fn: (tx: Tx) => Promise<R>) =>
      (db as unknown as Transacting).transaction(
        ended.watching((tx: Tx) => {
          const client = (tx as Inside).session?.client;
          if (client !== undefined) hearErrors(client);
          return fn(tx);
        }) as never,
        { isolationLevel: 'read committed' },
      ) as Promise<R>,

    async query(tx, sql, values) {
      // The session takes a statement with its parameters; a template of Drizzle's would spread lists.
      const { session } = (tx ?? db) as Inside;
      const query = { sql, params: values };
      return answerOf(await session?.prepareQuery(query, undefined, undefined, false).execute());
    },

    stateOf(value) {
      const inside = insideOf(value);
      if (inside === undefined || inside.dialect !== dialect) return 'foreign';
      if (typeof inside.rollback !== 'function') return 'root';
      if (ended.has(value as object)) return 'ended';
      return inside.session?.client?.getTransactionStatus?.() === 'I' ? 'ended' : 'open';
    },
  };
}

function insideOf(value: unknown): Inside | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const inside = value as Inside;
  const isDrizzle = typeof inside.session?.prepareQuery === 'function' && typeof inside.dialect === 'object';
  return isDrizzle ? inside : undefined;
}

/** node-postgres answers with an object, postgres.js with a list. */
function answerOf(answer: unknown): { rows: unknown[]; count: number } {
  if (Array.isArray(answer)) return { rows: [...answer], count: (answer as { count?: number }).count ?? 0 };
  return answerOfPg(answer as PgAnswer);
}
