import knexOf, { type Knex } from 'knex';
import { fromKnex } from '../../src/clients/knex.js';
import type { OpenLibrary } from './tried-library.js';

export const openKnex: OpenLibrary = async (connection, max = 4, waitMs = 60_000) => {
  const knex = knexOf({
    client: 'pg',
    connection,
    pool: { min: 0, max },
    acquireConnectionTimeout: waitMs,
    log: { warn() {} },
  });
  return {
    adapter: fromKnex(knex),
    root: knex,
    transaction: (fn) => knex.transaction(fn),
    ask: () => knex.raw('SELECT 1'),
    savepoint: (tx, fn) => (tx as Knex.Transaction).transaction(fn),
    close: () => knex.destroy(),
  };
};
