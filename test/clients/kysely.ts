import { CamelCasePlugin, Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import pg from 'pg';
import { fromKysely } from '../../src/clients/kysely.js';
import { type OpenLibrary, savepointBySql } from './tried-library.js';

export const openKysely: OpenLibrary = async (connectionString, max = 4, waitMs = 0) => {
  const pool = new pg.Pool({ connectionString, max, connectionTimeoutMillis: waitMs });
  pool.on('error', () => {});
  // Kysely hands its clients to nobody: who uses it listens to them here.
  pool.on('connect', (client) => client.on('error', () => {}));
  const db = new Kysely<unknown>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin()],
  });
  return {
    adapter: fromKysely(db),
    root: db,
    transaction: (fn) => db.transaction().execute(fn),
    ask: () => sql`SELECT 1`.execute(db),
    savepoint: (tx, fn) =>
      savepointBySql(
        (text) => sql.raw(text).execute(tx as Transaction<unknown>),
        () => fn(tx),
      ),
    close: () => db.destroy(),
  };
};
