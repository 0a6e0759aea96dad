import type pg from 'pg';
import { SESSION_LIMIT_MS } from '../connection/session-settings.store.js';

/**
 * The statements that begin a READ COMMITTED transaction in which rows may be changed. A session of admins
 * only reads, with a short limit, unless a transaction says otherwise.
 */
export const BEGINS = {
  engine: 'BEGIN ISOLATION LEVEL READ COMMITTED',
  admin: `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = ${SESSION_LIMIT_MS}`,
} as const;

/**
 * Runs `run` in one transaction of the connection, which `begin` begins. Commits when `run` resolves, and
 * rolls back when it throws.
 */
export async function inTransaction<R>(
  client: pg.ClientBase,
  begin: () => Promise<unknown>,
  run: () => Promise<R>,
): Promise<R> {
  await begin();
  try {
    const result = await run();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}
