import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { textsOf, wireMessages } from '../support/wire-messages.js';

const EVENTS = 16;
const TEXT = 'x'.repeat(1024 * 1024 - 64);
/** A page has 4 MiB. A whole one is read where no more than a quarter of that waits. */
const MOST_WAITING = 5;

const SETTINGS = { settings: { 'processor.enabled': false } };

let database: TestDatabase;
let app: TestApp;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app?.close();
  await database.drop();
});

it('of large events no more than a page and a quarter waits in memory while handlers are slow', async () => {
  const waiting: number[] = [];
  const handler = async () => {
    await database.pool.query('SELECT pg_sleep(0.1)');
    waiting.push(...app.workers.active.map((worker) => worker.waitingEvents));
  };
  const subscriber = { consumerName: 'slow', eventName: 'large', concurrency: 1, handler };
  app = await startApp(database, [subscriber as AnySubscriberDefinition], SETTINGS);
  for (let n = 0; n < EVENTS; n++) {
    await app.api.publishEvent('large', 'test', 'thing', `t${n}`, { text: TEXT });
  }
  await app.processor.drain();
  expect(waiting).toHaveLength(EVENTS);
  expect(Math.max(...waiting)).toBeGreaterThan(0);
  expect(Math.max(...waiting)).toBeLessThanOrEqual(MOST_WAITING);
});

it('events too large for a page’s share come along with their rows from the second page on', async () => {
  const bound: string[] = [];
  const proxy = await startTcpProxy(database.url, () =>
    wireMessages(false, (type, body) => {
      if (type === 'B') bound.push(textsOf(body)[1] ?? '');
    }),
  );
  const times = (name: string) => bound.filter((statement) => statement === name).length;
  const handled: number[] = [];
  const subscriber = {
    consumerName: 'plain',
    eventName: 'large',
    handler: (event: { payload: { n: number } }) => void handled.push(event.payload.n),
  };
  app = await startApp({ ...database, url: proxy.url }, [subscriber as AnySubscriberDefinition], SETTINGS);
  const text = 'x'.repeat(20_000);
  await app.api.publishEvents(
    Array.from({ length: 600 }, (_, n) => ({
      eventName: 'large',
      sourceModule: 'test',
      aggregateType: 'thing',
      aggregateId: 'one',
      payload: { n, text },
    })),
  );
  await app.processor.drain();
  await proxy.close();
  expect(handled).toEqual(Array.from({ length: 600 }, (_, n) => n));
  expect(times('integration_page')).toBeGreaterThan(4);
  expect(times('integration_payloads')).toBe(1);
});
