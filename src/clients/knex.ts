import type { HostAdapter } from '../database/clients/host-adapter.js';
import type { StatementGate } from '../database/clients/statement-gate.js';
import { transactionEnded } from '../database/sql/transaction-ends.js';
import { Gates } from './gates.js';
import { answerOfPg, type PgAnswer } from './node-postgres.js';
import { notTheClient } from './not-the-client.js';
import { tarnPoolOf } from './pools.js';

/** The part of Knex, or of one of its transactions, that is used here. */
export interface KnexShape {
  raw(sql: string, bindings: never): PromiseLike<unknown>;
  readonly client: { readonly config: object; readonly pool?: unknown };
}

/** The part of a Knex of the dialect `pg` that is used here. */
export interface KnexDatabase extends KnexShape {
  transaction(...args: never[]): unknown;
}

interface Transacting {
  transaction(fn: (trx: never) => Promise<unknown>, config: { isolationLevel: 'read committed' }): unknown;
}

/** A connection of node-postgres 8.18 or newer. */
interface StatusShape {
  getTransactionStatus?(): string | null;
}

/** The part that only a transaction has. */
interface TransactionShape extends KnexShape {
  readonly isTransaction?: boolean;
  isCompleted(): boolean;
}

/**
 * An adapter for Knex: `client: fromKnex(knex)`, or beside `clientToken`. Its transaction is the `trx` of
 * `knex.transaction(…)`. A `postProcessResponse` must leave answers of `raw` as they are.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID if the value is no Knex
 */
export function fromKnex<Trx extends object = KnexShape>(knex: KnexDatabase): HostAdapter<Trx> {
  if (!isKnex(knex)) throw notTheClient('fromKnex', 'an instance of Knex', 'knex', knex);
  const { config } = knex.client;
  const gates = new Gates();
  return {
    words: {
      library: 'Knex',
      root: 'the Knex instance',
      transaction: 'the trx that knex.transaction(async (trx) => …) gives',
      within: 'use the trx that is context.transaction, and not the Knex instance',
    },

    transaction: <R>(fn: (trx: Trx) => Promise<R>) =>
      gates.run<Trx, R>(
        (run) =>
          (knex as unknown as Transacting).transaction(run, {
            isolationLevel: 'read committed',
          }) as Promise<R>,
        guardKnex,
        fn,
      ),

    query: (tx, sql, values) => queryByKnex((tx as KnexShape | undefined) ?? knex, sql, values),

    stateOf(value) {
      if (!isKnex(value) || value.client.config !== config) return 'foreign';
      return gates.isClosed(value) ? 'ended' : stateOfKnex(value);
    },

    refuse: (trx, error) => gates.close(trx, error),
    isBusy: (trx) => gates.isBusy(trx),
    pool: () => tarnPoolOf(knex.client.pool),
  };
}

type Send = (connection: unknown, statement: unknown, ...more: unknown[]) => Promise<unknown>;

/** Each transaction of Knex has a client object of its own, through which all of its statements go. */
export function guardKnex<Trx extends object>(trx: Trx, gate: StatementGate): Trx {
  const client = (trx as unknown as KnexShape).client as unknown as { query: Send; stream: Send };
  for (const name of ['query', 'stream'] as const) {
    const send = client[name];
    client[name] = (connection, statement, ...more) =>
      gate.pass(statement, () => send.call(client, connection, statement, ...more));
  }
  return trx;
}

/**
 * Knex knows only the placeholder `?`. So each `$n` becomes a `?`, and each `?` of the statement is escaped.
 */
export async function queryByKnex(
  knex: KnexShape,
  sql: string,
  values: unknown[],
): Promise<{ rows: unknown[]; count: number }> {
  await requireOpen(knex);
  const bindings: unknown[] = [];
  const text = sql.replace(/\?|\$(\d+)/g, (found, place) => {
    if (place === undefined) return `\\${found}`;
    bindings.push(values[Number(place) - 1]);
    return '?';
  });
  return answerOfPg((await knex.raw(text, bindings as never)) as PgAnswer);
}

/**
 * A COMMIT or a ROLLBACK that was sent as a statement is known to the connection only, and Knex gives the
 * connection of a transaction by a promise.
 *
 * @throws IntegrationError INTEGRATION_TRANSACTION_ENDED
 */
async function requireOpen(knex: KnexShape): Promise<void> {
  if (stateOfKnex(knex) !== 'open') return;
  const client = knex.client as { acquireConnection?(): PromiseLike<StatusShape | undefined> };
  const connection = await client.acquireConnection?.();
  if (connection?.getTransactionStatus?.() === 'I') throw transactionEnded(undefined);
}

/** Tells whether this is the instance, an open transaction, or one that has ended. */
export function stateOfKnex(knex: KnexShape): 'root' | 'open' | 'ended' {
  const { isTransaction } = knex as TransactionShape;
  if (isTransaction !== true) return 'root';
  return (knex as TransactionShape).isCompleted() ? 'ended' : 'open';
}

export function isKnex(value: unknown): value is KnexShape {
  if (typeof value !== 'function') return false;
  const { raw, client } = value as unknown as Partial<KnexShape>;
  return typeof raw === 'function' && typeof client?.config === 'object';
}
