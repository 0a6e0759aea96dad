import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AnySubscriberDefinition } from '../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from './support/app.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

const EVENTS = 16;
const TEXT = 'x'.repeat(1024 * 1024 - 64);
/** A page has 4 MiB. */
const MOST_WAITING = 4;

let database: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await app?.close();
  await database.drop();
});

it('of large events no more than a page waits in memory while handlers are slow', async () => {
  const waiting: number[] = [];
  const handler = async () => {
    await database.pool.query('SELECT pg_sleep(0.1)');
    waiting.push(...app.processor.activeWorkers.map((worker) => worker.waitingEvents));
  };
  const subscriber = { consumerName: 'slow', eventName: 'large', concurrency: 1, handler };
  app = await startApp(database, [subscriber as AnySubscriberDefinition], {
    settings: { 'processor.enabled': false },
  });
  for (let n = 0; n < EVENTS; n++) {
    await app.api.publishEvent('large', 'test', 'thing', `t${n}`, { text: TEXT });
  }
  await app.processor.drain();
  expect(waiting).toHaveLength(EVENTS);
  expect(Math.max(...waiting)).toBeGreaterThan(0);
  expect(Math.max(...waiting)).toBeLessThanOrEqual(MOST_WAITING);
});
