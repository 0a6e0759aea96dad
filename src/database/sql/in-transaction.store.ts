import { SESSION_LIMIT_MS } from './session-settings.store.js';

/**
 * The statements that begin a READ COMMITTED transaction in which rows may be changed. A session of admins
 * only reads, with a short limit, unless a transaction says otherwise.
 */
export const BEGINS = {
  engine: 'BEGIN ISOLATION LEVEL READ COMMITTED',
  admin: `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SET LOCAL statement_timeout = ${SESSION_LIMIT_MS}`,
} as const;

/** How a transaction of a connection begins, and how a statement that ends it is sent. */
export interface Transaction {
  readonly begin: () => Promise<unknown>;
  readonly end: (sql: 'COMMIT' | 'ROLLBACK') => Promise<unknown>;
}

/** Runs `run` in one transaction. Commits when `run` resolves, and rolls back when it throws. */
export async function inTransaction<R>({ begin, end }: Transaction, run: () => Promise<R>): Promise<R> {
  await begin();
  try {
    const result = await run();
    await end('COMMIT');
    return result;
  } catch (error) {
    await end('ROLLBACK').catch(() => {});
    throw error;
  }
}
