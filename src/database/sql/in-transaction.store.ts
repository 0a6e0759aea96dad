import type pg from 'pg';

/**
 * Runs `run` in one READ COMMITTED transaction of the connection. Commits when `run` resolves, and rolls back
 * when it throws.
 */
export async function inTransaction<R>(client: pg.ClientBase, run: () => Promise<R>): Promise<R> {
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  try {
    const result = await run();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}
