import pg from 'pg';
import { fromPg } from '../../src/clients/pg.js';
import { type OpenLibrary, savepointBySql } from './tried-library.js';

export const openPg: OpenLibrary = async (connectionString, max = 4, waitMs = 0) => {
  const pool = new pg.Pool({ connectionString, max, connectionTimeoutMillis: waitMs });
  pool.on('error', () => {});
  return {
    adapter: fromPg(pool),
    root: pool,
    async transaction(fn) {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        const result = await fn(client);
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
    ask: () => pool.query('SELECT 1'),
    savepoint: (tx, fn) =>
      savepointBySql(
        (sql) => (tx as pg.PoolClient).query(sql),
        () => fn(tx),
      ),
    close: () => pool.end(),
  };
};
