import type { TestDatabase } from './test-database.js';
import { until } from './until.js';

/**
 * Waits until an application of this test has signed in, which it does after its start: before that it is in no list of
 * processes, and its start is no change.
 */
export async function untilSignedIn({ pool }: Pick<TestDatabase, 'pool'>): Promise<void> {
  await until('the process has signed in', async () => {
    const { rowCount } = await pool.query('SELECT FROM integration.integration_process WHERE pid = $1', [
      process.pid,
    ]);
    return rowCount !== 0;
  });
}
