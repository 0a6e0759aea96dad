import knexOf, { type Knex } from 'knex';
import { fromKnex } from '../../src/clients/knex.js';
import type { OpenLibrary } from './tried-library.js';

export const openKnex: OpenLibrary = async (connection, max = 4) => {
  const knex = knexOf({ client: 'pg', connection, pool: { min: 0, max } });
  return {
    adapter: fromKnex(knex),
    root: knex,
    transaction: (fn) => knex.transaction(fn),
    savepoint: (tx, fn) => (tx as Knex.Transaction).transaction(fn),
    close: () => knex.destroy(),
  };
};
