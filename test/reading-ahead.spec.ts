import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { DomainEvent } from '../src/index.js';
import { OutboxLogStore } from '../src/log/outbox-log.store.js';
import { startApp, type TestApp } from './support/app.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

const EVENTS = 40;
/** Fewer than begin between two looks at the clock (`ConcurrencyLimiter`): however slow the machine is, a page is worked off in one turn. */
const PAGE = 4;

let database: TestDatabase;
let app: TestApp;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  jest.restoreAllMocks();
  await app.close();
  await database.drop();
});

/** A backlog of one aggregate, and a consumer that is told to work it off by `drain`. */
async function startBehind(handle: (event: DomainEvent) => void): Promise<void> {
  const subscriber = {
    consumerName: 'reader',
    eventName: 'order.placed',
    startFrom: 'earliest' as const,
    handler: async (event: DomainEvent) => handle(event),
  };
  app = await startApp(database, [subscriber], {
    settings: { 'processor.enabled': false, batchSize: PAGE, startupDrainBatchSize: PAGE },
  });
  await app.api.publishEvents(
    Array.from({ length: EVENTS }, () => ({
      eventName: 'order.placed',
      sourceModule: 'test',
      aggregateType: 'order',
      aggregateId: 'the only one',
    })),
  );
}

const ALL = Array.from({ length: EVENTS }, (_, i) => i + 1);

describe('where handlers wait for pages', () => {
  it('the next page is asked for before the handlers of this one begin', async () => {
    const read = jest.spyOn(OutboxLogStore.prototype, 'readPage');
    const asked: number[] = [];
    await startBehind(({ position }) => {
      if (position % PAGE === 1) asked.push(read.mock.calls.length);
    });

    await app.processor.drain();

    // The last one is asked for in vain: it is the log's end.
    expect(asked).toEqual(Array.from({ length: EVENTS / PAGE }, (_, page) => page + 2));
  });

  it('a page that could not be read ahead is read again, and nothing is lost or handled twice', async () => {
    const handled: number[] = [];
    await startBehind(({ position }) => void handled.push(position));
    const { readPage } = OutboxLogStore.prototype;
    let pages = 0;
    jest.spyOn(OutboxLogStore.prototype, 'readPage').mockImplementation(function (
      this: OutboxLogStore,
      ...args
    ) {
      return ++pages % 3 === 2 ? Promise.reject(new Error('not now')) : readPage.apply(this, args);
    });

    await app.processor.drain();

    expect(handled).toEqual(ALL);
  });

  it('an application that closes meanwhile leaves nothing behind, and the rest to the next one', async () => {
    const handled: number[] = [];
    let closing: Promise<void> | undefined;
    await startBehind(({ position }) => {
      handled.push(position);
      if (position === 3 * PAGE) closing = app.close();
    });
    await app.processor.drain().catch(() => {});
    await closing;
    const before = [...handled];

    await startBehind(({ position }) => void handled.push(position));
    await app.processor.drain();

    expect(before.length).toBeLessThan(EVENTS);
    expect(handled.filter((position) => position <= EVENTS)).toEqual(ALL);
  });
});
