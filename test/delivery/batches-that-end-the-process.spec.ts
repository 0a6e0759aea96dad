import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { BY_HANDLER, workUntilSettled } from '../support/until-settled.js';

const MAX_ATTEMPTS = 3;

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await database.drop();
});

describe('an event in a batch that ends the process', () => {
  it.each([false, true])(
    'is found by halves among the events of a consumer of batches (transactional: %s), and takes no other with it',
    async (transactional) => {
      const EVENTS = 300;
      const POISON = 177;
      const name = transactional ? 'transactional-batches' : 'batches';
      const eventName = `${name}.wanted`;
      const publisher = await startApp(database, [], { role: 'publisher' });
      await publisher.api.publishEvents(
        Array.from({ length: EVENTS }, (_, n) => ({
          eventName,
          sourceModule: 'test',
          aggregateType: 'job',
          aggregateId: `${name}-${n % 40}`,
          payload: { n, exit: n === POISON },
        })),
      );
      await publisher.close();
      const workers: { batches: number[][]; handled: number[] }[] = [];
      const ends = await workUntilSettled(database, {
        consumers: [
          { consumerName: name, eventName, startFrom: 'earliest', batch: { maxSize: 400 }, transactional },
        ],
        endedBy: BY_HANDLER,
        follow: ({ lines$ }) => {
          const worker = { batches: [] as number[][], handled: [] as number[] };
          workers.push(worker);
          lines$.subscribe(({ batch, handled }) => {
            if (batch !== undefined) worker.batches.push(batch);
            if (handled !== undefined) worker.handled.push(handled);
          });
        },
      });
      expect(ends).toBeLessThanOrEqual(2 + Math.ceil(Math.log2(EVENTS)) + MAX_ATTEMPTS);
      expect(ends).toBeGreaterThan(2 + MAX_ATTEMPTS);
      const { rows } = await database.pool.query(
        `SELECT status, attempt_count, o.payload->>'n' AS n FROM integration.inbox_event i
         JOIN integration.outbox_event o ON o.position = i.position
         WHERE i.consumer_name = $1 AND status <> 'processed'`,
        [name],
      );
      expect(rows).toEqual([{ status: 'dead_letter', attempt_count: MAX_ATTEMPTS, n: String(POISON) }]);
      // The first owner that has suspects runs half of them, and each later one half of what is left.
      const firstBatches = workers.slice(2).map(({ batches }) => batches[0]?.length ?? 0);
      expect(firstBatches[0]).toBeLessThanOrEqual(EVENTS / 2);
      expect(firstBatches[0]).toBeGreaterThan(1);
      expect(workers.flatMap(({ batches }) => batches).length).toBeLessThan(EVENTS / 4);
      for (const { handled } of workers) expect(inOrder(handled)).toEqual(handled);
    },
    120_000,
  );
});

/** The numbers of one worker's log, sorted within each aggregate, which are 40. */
function inOrder(handled: readonly number[]): number[] {
  const waiting = new Map<number, number[]>();
  for (const n of handled)
    waiting.set(
      n % 40,
      [...(waiting.get(n % 40) ?? []), n].sort((a, b) => a - b),
    );
  return handled.map((n) => waiting.get(n % 40)?.shift() ?? Number.NaN);
}
