import postgres from 'postgres';
import { fromPostgresJs } from '../../src/clients/postgres-js.js';
import type { OpenLibrary } from './tried-library.js';

export const openPostgresJs: OpenLibrary = async (url, max = 4) => {
  const sql = postgres(url, { max, onnotice: () => {} });
  return {
    adapter: fromPostgresJs(sql),
    root: sql,
    transaction: <R>(fn: (tx: object) => Promise<R>) => sql.begin(fn) as Promise<R>,
    ask: () => sql`SELECT 1`,
    savepoint: (tx, fn) => (tx as postgres.TransactionSql).savepoint(fn),
    // After a session was ended in a transaction, postgres.js waits for its ROLLBACK for ever.
    close: () => sql.end({ timeout: 1 }),
  };
};
