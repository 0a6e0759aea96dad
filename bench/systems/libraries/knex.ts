import openKnex, { type Knex } from 'knex';
import { fromKnex } from 'nestjs-integration/knex';
import { INSERT_PLAIN_BY_QUESTION_MARKS, plainValues } from '../plain-table.store.js';
import { type LibrarySession, POOL_MAX } from './library-session.js';

export async function open(connection: string): Promise<LibrarySession> {
  const knex = openKnex({ client: 'pg', connection, pool: { min: 0, max: POOL_MAX } });
  return {
    adapter: fromKnex(knex),
    transaction: (write) => knex.transaction(write),
    insertPlain: (tx, event) =>
      (tx as Knex.Transaction).raw(INSERT_PLAIN_BY_QUESTION_MARKS, plainValues(event) as Knex.RawBinding[]),
    close: () => knex.destroy(),
  };
}
