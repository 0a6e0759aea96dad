import type { HostAdapter } from '../database/clients/host-adapter.js';
import type { StatementGate } from '../database/clients/statement-gate.js';
import { EndedTransactions } from './ended-transactions.js';
import { Gates } from './gates.js';
import { guardedClient } from './guarded-client.js';
import { answerOfPg, hearErrors, type PgAnswer } from './node-postgres.js';
import { notTheClient } from './not-the-client.js';
import { pgPoolOf, postgresJsPoolOf } from './pools.js';
import { type Beginning, PostgresJsTransactions } from './postgres-js-transactions.js';

/** The part of a Drizzle of Postgres that is used here. */
export interface DrizzleDatabase {
  transaction(...args: never[]): Promise<unknown>;
  execute(query: never): unknown;
}

/** What a statement runs on: the database, or its session. */
interface Transacting {
  transaction(fn: (tx: never) => unknown, config: { isolationLevel: 'read committed' }): Promise<unknown>;
}

/** The insides of a Drizzle that are used here. */
interface Inside {
  readonly dialect?: object;
  readonly session?: {
    prepareQuery(
      query: { sql: string; params: unknown[] },
      fields: undefined,
      name: undefined,
      isArray: false,
    ): { execute(): Promise<unknown> };
    client?: DriverClient;
  };
  /** Only a transaction has this. */
  readonly rollback?: unknown;
}

/** The pool or the instance that Drizzle was made with: of node-postgres, or of postgres.js. */
interface DriverClient extends Partial<Beginning> {
  readonly totalCount?: number;
  getTransactionStatus?(): string | null;
  on?(event: 'error', listener: () => void): unknown;
}

/**
 * An adapter for Drizzle on node-postgres or postgres.js: `client: fromDrizzle(db)`, or beside `clientToken`.
 * Its transaction is the `tx` of `db.transaction(…)`.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID if the value is no Drizzle of Postgres
 */
export function fromDrizzle<Tx extends object = object>(db: DrizzleDatabase): HostAdapter<Tx> {
  const { dialect, session: root } = insideOf(db) ?? {};
  if (dialect === undefined || root === undefined)
    throw notTheClient('fromDrizzle', 'a database of Drizzle for Postgres', 'drizzle-orm', db);
  const ended = new EndedTransactions();
  const gates = new Gates();
  const onPostgresJs = typeof root.client?.begin === 'function' ? root.client : undefined;
  const guarded = onPostgresJs && new PostgresJsTransactions(onPostgresJs as Beginning);
  const beginning = (guarded === undefined ? db : beginningBy(guarded, root)) as unknown as Transacting;
  return {
    words: {
      library: 'Drizzle',
      root: 'the database itself',
      transaction: 'the tx that db.transaction(async (tx) => …) gives',
      within: 'use the tx that is context.transaction, and not the database',
    },

    transaction: <R>(fn: (tx: Tx) => Promise<R>) =>
      gates.run<Tx, R>(
        (run) => beginning.transaction(run as never, { isolationLevel: 'read committed' }) as Promise<R>,
        guarded === undefined ? guardTransaction : (tx) => tx,
        ended.watching(fn),
      ),

    async query(tx, sql, values) {
      // The session takes a statement and its parameters as they are. A template of Drizzle would spread
      // lists.
      const { session } = (tx ?? db) as Inside;
      const query = { sql, params: values };
      const asked = session?.prepareQuery(query, undefined, undefined, false).execute();
      return answerOf(await (guarded?.whileOpen(session?.client, asked as Promise<unknown>) ?? asked));
    },

    stateOf(value) {
      const inside = insideOf(value);
      if (inside === undefined || inside.dialect !== dialect) return 'foreign';
      if (typeof inside.rollback !== 'function') return 'root';
      const client = inside.session?.client;
      if (ended.has(value as object) || gates.isClosed(value as object)) return 'ended';
      if (client && guarded?.hasEnded(client)) return 'ended';
      return client?.getTransactionStatus?.() === 'I' ? 'ended' : 'open';
    },

    async refuse(tx, error) {
      const client = (tx as Inside).session?.client;
      if (guarded !== undefined && client !== undefined) guarded.refuse(client, error);
      await gates.close(tx, error);
    },
    isBusy: (tx) => (guarded === undefined ? gates.isBusy(tx) : undefined),
    pool: () => (guarded === undefined ? pgPoolOf(root.client) : postgresJsPoolOf(root.client)),
  };
}

/** Each transaction of Drizzle has a session of its own, through which all of its statements go. */
function guardTransaction<Tx extends object>(tx: Tx, gate: StatementGate): Tx {
  const { session } = tx as Inside;
  if (session?.client === undefined) return tx;
  hearErrors(session.client);
  session.client = guardedClient(session.client, gate);
  return tx;
}

/** The session of a Drizzle on postgres.js. Its transactions send nothing after their session is lost. */
function beginningBy(transactions: PostgresJsTransactions, session: object): object {
  const begin = (fn: (tx: never) => Promise<unknown>) => transactions.run(fn);
  return Object.create(session, { client: { value: { begin } } });
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
