import pg from 'pg';
import type { BenchEvent } from './bench-event.js';
import type { Publisher, Write } from './measured-system.js';
import { insertPlain } from './plain-table.store.js';

/** A pool that survives the end of its server, as every long-lived pool must. */
export function openPool(url: string, max = 10, options?: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max, ...(options === undefined ? {} : { options }) });
  pool.on('error', () => {});
  // Some peers add a listener per queue that shares the pool.
  pool.setMaxListeners(0);
  return pool;
}

type Insert = (client: pg.Client, event: BenchEvent) => Promise<unknown>;

/** A writer that inserts inside `BEGIN … COMMIT` on a connection of its own. */
export async function openTransactionPublisher(
  url: string,
  insert: Insert,
  afterCommit?: () => void,
): Promise<Publisher> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  const writeBy =
    (write: Insert, committed?: () => void): Write =>
    async (event) => {
      await client.query('BEGIN');
      await write(client, event);
      await client.query('COMMIT');
      committed?.();
    };
  return {
    publish: writeBy(insert, afterCommit),
    insertBare: writeBy(insertPlain),
    close: () => client.end(),
  };
}

/** Whether a statement returns no row. */
export async function returnsNothing(pool: pg.Pool, sql: string): Promise<boolean> {
  return (await pool.query(sql)).rows.length === 0;
}

/** One transaction on a connection of its own; what it wrote becomes visible at once. */
export async function inTransaction(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query('BEGIN');
    await work(client);
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}
