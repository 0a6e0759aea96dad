import { LEASES, UNREAD_OF, UNSETTLED } from './proof-database.store.js';
import type { ProofDatabase } from './proof-server.js';
import { until } from './wait.js';

/** Resolves when no consumer has anything left to do. */
export async function untilSettled(database: ProofDatabase, withinMs: number): Promise<void> {
  let left = -1;
  await until(
    'everything is settled',
    async () => {
      left = await unsettled(database);
      return left === 0;
    },
    { everyMs: 250, withinMs },
  ).catch((error: Error) => {
    throw new Error(`${error.message}; ${left} deliveries are left`);
  });
}

/** Deliveries that are still to come, over all consumers. */
export async function unsettled(database: ProofDatabase): Promise<number> {
  const [row] = await database.query<{ unsettled: number }>(UNSETTLED);
  return row?.unsettled ?? 0;
}

/** Of these positions, those that the consumer has not saved: they will be run again. */
export async function unreadOf(
  database: ProofDatabase,
  consumer: string,
  positions: readonly number[],
): Promise<number[]> {
  const rows = await database.query<{ position: number }>(UNREAD_OF, [consumer, positions]);
  return rows.map(({ position }) => position);
}

/** Resolves when somebody holds every lease. */
export async function untilLeased(database: ProofDatabase): Promise<void> {
  await until('all leases are held', async () => {
    const [row] = await database.query<{ cursors: number; held: number }>(LEASES);
    return row !== undefined && row.cursors > 0 && row.cursors === row.held;
  });
}
