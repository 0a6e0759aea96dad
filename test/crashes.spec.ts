import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp } from './support/app.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';
import { startWorker, type WorkerProcess } from './support/worker-process.js';

const MAX_ATTEMPTS = 3;
/** The exit code with which the worker's handler ends it. */
const BY_HANDLER = 9;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

/** Starts workers, one after another, until one lives through everything. */
async function workUntilSettled(consumers: readonly object[]): Promise<number> {
  for (let ends = 0; ends < 20; ends++) {
    const worker = startWorker(database.url, consumers);
    const end = await Promise.race([worker.ended, untilSettled(worker)]);
    if (end === 'settled') {
      worker.kill('SIGTERM');
      await worker.ended;
      return ends;
    }
    if (end !== BY_HANDLER) throw new Error(`a worker ended by something else than its handler: ${end}`);
  }
  throw new Error('a worker still ends after twenty ends');
}

async function untilSettled(worker: WorkerProcess): Promise<'settled'> {
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

describe('an event whose handler ends the process', () => {
  it('is a dead letter after at most 2 + maxAttempts ends, and takes no other event with it', async () => {
    const publisher = await startApp(database, [], { role: 'publisher' });
    await publisher.api.publishEvents(
      Array.from({ length: 200 }, (_, n) => ({
        eventName: 'job.wanted',
        sourceModule: 'test',
        aggregateType: 'job',
        aggregateId: `j${n % 50}`,
        payload: { n, exit: n === 77 },
      })),
    );
    await publisher.close();
    const consumers = [
      { consumerName: 'plain', eventName: 'job.*', startFrom: 'earliest' },
      { consumerName: 'transactional', eventName: 'job.*', startFrom: 'earliest', transactional: true },
    ];
    const ends = await workUntilSettled(consumers.slice(0, 1));
    expect(ends).toBeLessThanOrEqual(2 + MAX_ATTEMPTS);
    const { rows } = await database.pool.query(
      `SELECT status, attempt_count, o.payload->>'n' AS n FROM integration.inbox_event i
       JOIN integration.outbox_event o ON o.position = i.position WHERE status <> 'processed'`,
    );
    expect(rows).toEqual([{ status: 'dead_letter', attempt_count: MAX_ATTEMPTS, n: '77' }]);
  }, 120_000);
});
