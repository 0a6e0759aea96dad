import { CompiledQuery, Kysely, PostgresDialect, type Transaction } from 'kysely';
import { fromKysely } from 'nestjs-integration/kysely';
import { openPool } from '../pg-session.js';
import { INSERT_PLAIN, plainValues } from '../plain-table.store.js';
import { type LibrarySession, POOL_MAX } from './library-session.js';

export async function open(url: string): Promise<LibrarySession> {
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: openPool(url, POOL_MAX) }) });
  return {
    adapter: fromKysely(db),
    transaction: (write) => db.transaction().execute(write),
    insertPlain: (tx, event) =>
      (tx as Transaction<unknown>).executeQuery(CompiledQuery.raw(INSERT_PLAIN, plainValues(event))),
    close: () => db.destroy(),
  };
}
