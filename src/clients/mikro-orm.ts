import type { HostAdapter } from '../database/clients/host-adapter.js';
import type { StatementGate } from '../database/clients/statement-gate.js';
import { EndedTransactions } from './ended-transactions.js';
import { Gates } from './gates.js';
import { guardKysely } from './guarded-kysely.js';
import { guardKnex, isKnex, queryByKnex, stateOfKnex } from './knex.js';
import { type KyselyShape, queryByKysely, stateOfKysely } from './kysely.js';
import { notTheClient } from './not-the-client.js';
import { tarnPoolOf } from './pools.js';

/** The part of MikroORM's EntityManager that is used here. */
export interface MikroOrmManager {
  fork(): unknown;
  getConnection(): unknown;
  getTransactionContext(): unknown;
}

/** The part of a MikroORM of Postgres that is used here. */
export interface MikroOrmDatabase {
  readonly em: MikroOrmManager;
}

interface Manager extends MikroOrmManager {
  readonly config: unknown;
  transactional(fn: (em: never) => Promise<unknown>, options: object): Promise<unknown>;
}

interface Connection {
  /** Exists up to version 6, which is built on Knex. */
  getKnex?(): unknown;
  /** Exists from version 7 on, and returns a Kysely. */
  getClient?(): unknown;
}

/** A transaction of MikroORM is a forked EntityManager. */
export type MikroOrmTransaction<O extends MikroOrmDatabase> = O['em'];

/**
 * An adapter for MikroORM: `client: fromMikroOrm(orm)`, or beside `clientToken`. Its transaction is the `em`
 * of `em.transactional(…)`, or a fork after `em.begin()`.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID if the value is no MikroORM of Postgres
 */
export function fromMikroOrm<O extends MikroOrmDatabase>(orm: O): HostAdapter<MikroOrmTransaction<O>> {
  if (!isManager(orm?.em))
    throw notTheClient('fromMikroOrm', 'a MikroORM of @mikro-orm/postgresql', '@mikro-orm/postgresql', orm);
  const root: Manager = orm.em;
  const { config } = root;
  // MikroORM 7 is built on a Kysely that does not tell whether a transaction has ended.
  const ended = new EndedTransactions();
  const gates = new Gates();
  return {
    words: {
      library: 'MikroORM',
      root: 'an EntityManager that is in no transaction',
      transaction: 'the em that em.transactional(async (em) => …) gives',
      within: 'use the em that is context.transaction, and not an injected EntityManager',
    },

    transaction: <R>(fn: (em: O['em']) => Promise<R>) =>
      gates.run<O['em'], R>(
        (run) =>
          (root.fork() as Manager).transactional(run, { isolationLevel: 'read committed' }) as Promise<R>,
        guardManager,
        ended.watching(fn),
      ),

    query(tx, sql, values) {
      const through = tx === undefined ? connectionOf(root) : (tx as MikroOrmManager).getTransactionContext();
      return isKnex(through)
        ? queryByKnex(through, sql, values)
        : queryByKysely(through as KyselyShape, sql, values);
    },

    stateOf(value) {
      if (value === orm) return 'root';
      if (!isManager(value) || value.config !== config) return 'foreign';
      const context = value.getTransactionContext();
      if (context === undefined || context === null) return 'root';
      if (ended.has(value) || gates.isClosed(value)) return 'ended';
      return isKnex(context) ? stateOfKnex(context) : stateOfKysely(context as KyselyShape);
    },

    refuse: (em, error) => gates.close(em, error),
    isBusy: (em) => gates.isBusy(em),
    pool: () => {
      const connection = connectionOf(root);
      return isKnex(connection) ? tarnPoolOf(connection.client.pool) : undefined;
    },
  };
}

function guardManager<M extends MikroOrmManager>(em: M, gate: StatementGate): M {
  const context = em.getTransactionContext() as object;
  if (isKnex(context)) guardKnex(context, gate);
  else guardKysely(context, gate);
  return em;
}

/** In version 7, `em.getKysely()` returns the transaction around the calling code. */
function connectionOf(em: Manager): unknown {
  const connection = em.getConnection() as Connection;
  return connection.getKnex?.() ?? connection.getClient?.();
}

function isManager(value: unknown): value is Manager {
  if (typeof value !== 'object' || value === null) return false;
  const { fork, transactional, getTransactionContext } = value as Partial<Manager>;
  return [fork, transactional, getTransactionContext].every((each) => typeof each === 'function');
}
