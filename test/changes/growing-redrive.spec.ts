import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { NonRetryableError, OperationService } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { publishOrders } from '../support/orders.js';
import { operationEnded } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const ALL = 10_000;
const RATE = 1_000;

let database: TestDatabase;
let app: TestApp;
let fails: (aggregateId: string) => boolean = () => false;

const operations = () => app.context.get(OperationService);

async function count(status: string): Promise<number> {
  const { rows } = await database.pool.query(
    'SELECT count(*)::int AS n FROM integration.inbox_event WHERE status = $1',
    [status],
  );
  return rows[0].n;
}

/** All events are dead, as if each had failed a moment ago. */
async function makeAllDead(): Promise<void> {
  await database.pool.query(
    `UPDATE integration.inbox_event SET status = 'dead_letter', error_fingerprint = 'f', last_error = 'down', attempt_count = 1,
       operation_id = NULL, available_at = NULL, updated_at = clock_timestamp()`,
  );
}

/** Milliseconds until all events of a redrive are handled. */
async function timeOf(request: { rate: number; stopAbovePercent?: number }): Promise<number> {
  await makeAllDead();
  const { id } = await operations().plan({
    kind: 'redrive',
    filter: { consumerName: 'billing' },
    ...request,
  });
  const begun = performance.now();
  await operations().run(id);
  expect(await operationEnded(operations(), id)).toMatchObject({ state: 'done', changed: ALL });
  await until('all are handled', async () => (await count('processed')) === ALL);
  return performance.now() - begun;
}

beforeAll(async () => {
  database = await createTestDatabase();
  app = await startApp(database, [
    {
      eventName: 'order.placed',
      consumerName: 'billing',
      startFrom: 'earliest',
      handler: async ({ aggregateId }) => {
        if (fails(aggregateId)) throw new NonRetryableError('the receiver is down');
      },
    },
  ]);
  fails = () => true;
  await publishOrders(app, ALL);
  await until('all are dead', async () => (await count('dead_letter')) === ALL);
  fails = () => false;
}, 120_000);
afterAll(async () => {
  await app.close();
  await database.drop();
});

it('takes at most twice the time that the rate alone takes, for 10,000 events of which none fails', async () => {
  const alone = await timeOf({ rate: RATE });
  const growing = await timeOf({ rate: RATE, stopAbovePercent: 5 });
  expect(growing).toBeLessThanOrEqual(2 * alone);
}, 240_000);

it('of 10,000 of which half fail from the 40th on, stops before more than 10 × 40 + 5 were sent', async () => {
  await makeAllDead();
  fails = (aggregateId) => Number(aggregateId.slice(1)) >= 39 && Number(aggregateId.slice(1)) % 2 === 1;
  const filter = { consumerName: 'billing' };
  const { id } = await operations().plan({ kind: 'redrive', filter, rate: RATE, stopAbovePercent: 5 });
  await operations().run(id);
  const { state, changed } = await operationEnded(operations(), id);
  expect(state).toBe('failed');
  expect(changed).toBeGreaterThan(39);
  // The bound of docs/decisions/0113, for the 40th event.
  expect(changed).toBeLessThanOrEqual(10 * 40 + 5);
  await until('what was sent has its outcome', async () => (await operations().verdict(id)).pending === 0);
  const { failedTheSameWay, failedOtherwise } = await operations().verdict(id);
  expect(failedTheSameWay + failedOtherwise).toBeLessThan(300);
}, 240_000);
