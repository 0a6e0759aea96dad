import type { TestDatabase } from './test-database.js';
import { until } from './until.js';

/** Resolves when this number of statements, each with `words` in its text, wait for a lock. */
export async function untilWaiting(database: TestDatabase, count = 1, words = ''): Promise<void> {
  await until(`${count} statements wait for a lock`, async () => {
    const { rows } = await database.pool.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND position($1 IN query) > 0`,
      [words],
    );
    return (rows[0]?.count ?? 0) >= count;
  });
}
