import { fromPg } from 'nestjs-integration/pg';
import type pg from 'pg';
import { openPool } from '../pg-session.js';
import { insertPlain } from '../plain-table.store.js';
import { type LibrarySession, POOL_MAX } from './library-session.js';

export async function open(url: string): Promise<LibrarySession> {
  const pool = openPool(url, POOL_MAX);
  return {
    adapter: fromPg(pool),
    async transaction(write) {
      const client = await pool.connect();
      await client.query('BEGIN');
      await write(client);
      await client.query('COMMIT');
      client.release();
    },
    insertPlain: (tx, event) => insertPlain(tx as pg.PoolClient, event),
    close: () => pool.end(),
  };
}
