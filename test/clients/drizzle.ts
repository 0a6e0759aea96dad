import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { fromDrizzle } from '../../src/clients/drizzle.js';
import type { OpenLibrary } from './tried-library.js';

export const openDrizzle: OpenLibrary = async (connectionString, max = 4, waitMs = 0) => {
  const pool = new pg.Pool({ connectionString, max, connectionTimeoutMillis: waitMs });
  pool.on('error', () => {});
  const db = drizzle(pool);
  return {
    adapter: fromDrizzle(db),
    root: db,
    transaction: (fn) => db.transaction(fn),
    ask: () => db.execute('SELECT 1'),
    savepoint: (tx, fn) => (tx as NodePgDatabase).transaction(fn),
    close: () => pool.end(),
  };
};
