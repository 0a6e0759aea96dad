import type { TestDatabase } from './test-database.js';
import { until } from './until.js';

/** Nobody can register consumers while it lasts. */
export interface RegistrationHold {
  /** The process ID of the session that waits for it, as soon as there is one. */
  waiting(): Promise<number>;
  letGo(): Promise<void>;
}

/** Takes the lock that every registration in the schema `integration` takes. */
export async function holdRegistration(database: TestDatabase): Promise<RegistrationHold> {
  const holder = await database.pool.connect();
  await holder.query(
    `SELECT pg_advisory_lock(hashtextextended('nestjs-integration registration integration', 0))`,
  );
  return {
    waiting: () =>
      until('a registration waits', async () => {
        const { rows } = await database.pool.query<{ pid: number }>(
          `SELECT pid FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'advisory'`,
        );
        return rows[0]?.pid;
      }),
    letGo: async () => {
      await holder.query('SELECT pg_advisory_unlock_all()');
      holder.release();
    },
  };
}
