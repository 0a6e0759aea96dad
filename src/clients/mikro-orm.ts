import type { HostAdapter } from '../database/clients/host-adapter.js';
import { EndedTransactions } from './ended-transactions.js';
import { isKnex, queryByKnex, stateOfKnex } from './knex.js';
import { type KyselyShape, queryByKysely, stateOfKysely } from './kysely.js';
import { notTheClient } from './not-the-client.js';

/** MikroORM's EntityManager, as far as it is used. */
export interface MikroOrmManager {
  fork(): unknown;
  getConnection(): unknown;
  getTransactionContext(): unknown;
}

/** A MikroORM of Postgres, as far as it is used. */
export interface MikroOrmDatabase {
  readonly em: MikroOrmManager;
}

interface Manager extends MikroOrmManager {
  readonly config: unknown;
  transactional(fn: (em: never) => Promise<unknown>, options: object): Promise<unknown>;
}

interface Connection {
  /** Up to version 6, which stands on Knex. */
  getKnex?(): unknown;
  /** A Kysely, from version 7 on. */
  getClient?(): unknown;
}

/** The transaction of a MikroORM: its forked EntityManager. */
export type MikroOrmTransaction<O extends MikroOrmDatabase> = O['em'];

/**
 * An adapter for MikroORM: `client: fromMikroOrm(orm)`, or beside `clientToken`. Its transaction is the `em`
 * of `em.transactional(…)`, or a fork after `em.begin()`.
 *
 * @throws IntegrationError INTEGRATION_CLIENT_INVALID for what is no MikroORM of Postgres
 */
export function fromMikroOrm<O extends MikroOrmDatabase>(orm: O): HostAdapter<MikroOrmTransaction<O>> {
  if (!isManager(orm?.em))
    throw notTheClient('fromMikroOrm', 'a MikroORM of @mikro-orm/postgresql', '@mikro-orm/postgresql', orm);
  const root: Manager = orm.em;
  const { config } = root;
  // MikroORM 7 stands on a Kysely that does not tell whether a transaction has ended.
  const ended = new EndedTransactions();
  return {
    words: {
      library: 'MikroORM',
      root: 'an EntityManager that is in no transaction',
      transaction: 'the em that em.transactional(async (em) => …) gives',
    },

    transaction: <R>(fn: (em: O['em']) => Promise<R>) =>
      (root.fork() as Manager).transactional(ended.watching(fn), {
        isolationLevel: 'read committed',
      }) as Promise<R>,

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
      if (ended.has(value)) return 'ended';
      return isKnex(context) ? stateOfKnex(context) : stateOfKysely(context as KyselyShape);
    },
  };
}

/** `em.getKysely()` of version 7 gives the transaction that surrounds the calling code. */
function connectionOf(em: Manager): unknown {
  const connection = em.getConnection() as Connection;
  return connection.getKnex?.() ?? connection.getClient?.();
}

function isManager(value: unknown): value is Manager {
  if (typeof value !== 'object' || value === null) return false;
  const { fork, transactional, getTransactionContext } = value as Partial<Manager>;
  return [fork, transactional, getTransactionContext].every((each) => typeof each === 'function');
}
