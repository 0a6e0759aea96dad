import type { TestDatabase } from './test-database.js';
import { until } from './until.js';
import { startWorker, type WorkerProcess } from './worker-process.js';

const MOST_ENDS = 20;
/** The exit code with which the handler of a worker ends it. */
export const BY_HANDLER = 9;

export interface WorkPlan {
  readonly consumers: readonly object[];
  /** How a handler ends its worker: the exit code, or the signal. An end of another kind fails. */
  readonly endedBy: number | NodeJS.Signals;
  /** Module options. */
  readonly options?: object;
  /** Is told of each worker that starts. */
  readonly follow?: (worker: WorkerProcess) => void;
}

/** Starts workers, one after another, until one lives through everything; resolves to how many ended before. */
export async function workUntilSettled(database: TestDatabase, plan: WorkPlan): Promise<number> {
  for (let ends = 0; ends < MOST_ENDS; ends++) {
    const worker = startWorker(database.url, plan.consumers, {}, plan.options);
    plan.follow?.(worker);
    try {
      const end = await Promise.race([worker.ended, untilSettled(database, worker)]);
      if (end === 'settled') {
        worker.kill('SIGTERM');
        await worker.ended;
        return ends;
      }
      if (end !== plan.endedBy) throw new Error(`a worker ended by something else than its handler: ${end}`);
    } finally {
      // Also where the database was dropped under it, because the test took too long.
      worker.kill('SIGKILL');
    }
  }
  throw new Error(`a worker still ends after ${MOST_ENDS} ends`);
}

/** Resolves when nothing is unread and nothing of the inbox is open; never, once the worker has ended. */
export async function untilSettled(database: TestDatabase, worker: WorkerProcess): Promise<'settled'> {
  let alive = true;
  worker.ended.then(() => {
    alive = false;
  });
  while (alive) {
    const { rows } = await database.pool.query(
      `SELECT NOT EXISTS (SELECT 1 FROM integration.inbox_cursor c
                          CROSS JOIN unnest(c.unread) r JOIN integration.outbox_event e ON e.position >= lower(r)
                           AND e.position < coalesce(upper(r), 9223372036854775807))
          AND NOT EXISTS (SELECT 1 FROM integration.inbox_event WHERE status IN ('received', 'processing', 'failed'))
          AND EXISTS (SELECT 1 FROM integration.inbox_cursor) AS settled`,
    );
    if (rows[0].settled) return 'settled';
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return new Promise(() => {});
}

/** Resolves when the consumer's cursor has settled everything and nothing of it is unresolved in the inbox. */
export async function untilConsumerSettled(database: TestDatabase, name: string): Promise<void> {
  await until(`${name} is settled`, async () => {
    const { rows } = await database.pool.query<{ settled: boolean }>(
      `SELECT NOT EXISTS (SELECT FROM integration.outbox_event e WHERE e.position <@ c.unread)
              AND NOT EXISTS (SELECT FROM integration.inbox_event i WHERE i.consumer_name = c.consumer_name
                              AND (i.status IN ('received', 'processing') OR (i.status = 'failed' AND i.available_at IS NOT NULL))) AS settled
       FROM integration.inbox_cursor c WHERE consumer_name = $1`,
      [name],
    );
    return rows[0]?.settled;
  });
}
