import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { drizzle as drizzleOnPostgresJs, type PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres from 'postgres';
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

export const openDrizzleOnPostgresJs: OpenLibrary = async (url, max = 4) => {
  const client = postgres(url, { max, onnotice: () => {} });
  const db = drizzleOnPostgresJs(client);
  return {
    adapter: fromDrizzle(db),
    root: db,
    transaction: (fn) => db.transaction(fn),
    ask: () => db.execute('SELECT 1'),
    savepoint: (tx, fn) => (tx as PostgresJsDatabase).transaction(fn),
    close: () => client.end({ timeout: 1 }),
  };
};
