import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DomainEvent } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { type StatementProxy, startStatementProxy } from '../support/statement-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const EVENTS = 2_000;
/** Each is what one consumer asks for, and the last one asks for all of them. */
const NAMES = ['order.placed', 'order.paid', 'order.sent', 'order.*'];
const PAGE = 50;
/** Where the backlog of each consumer begins, as an interrupted process leaves it: not where a page of the others does. */
const BEGINNINGS = { first: 1, second: 24, third: 68 };

let database: TestDatabase;
let app: TestApp;
let wire: StatementProxy;

beforeEach(async () => {
  database = await createTestDatabase();
  wire = await startStatementProxy(database.url);
});
afterEach(async () => {
  await app.close();
  await wire.close();
  await database.drop();
});

/** Consumers, each with the name that it asks for, and a backlog of events of these names; resolves to what each of them comes to handle. */
async function startBehind(
  consumers: Readonly<Record<string, string>>,
  eventNames: readonly string[],
): Promise<Map<string, number[]>> {
  const handled = new Map(Object.keys(consumers).map((name) => [name, [] as number[]]));
  const subscribers = [...handled].map(([consumerName, positions]) => ({
    consumerName,
    eventName: consumers[consumerName] ?? '',
    startFrom: 'earliest' as const,
    handler: async ({ position }: DomainEvent) => void positions.push(position),
  }));
  app = await startApp(database, subscribers, {
    connectionString: wire.url,
    settings: { 'processor.enabled': false, batchSize: PAGE, startupDrainBatchSize: PAGE },
  });
  await app.api.publishEvents(
    eventNames.map((eventName) => ({
      eventName,
      sourceModule: 'test',
      aggregateType: 'order',
      aggregateId: 'all of them',
    })),
  );
  return handled;
}

/** Works all of it off; resolves to the number of rows that the server has answered with meanwhile. */
async function drain(): Promise<number> {
  const answers = await wire.rowsDuring(() => app.processor.drain());
  return answers.reduce((sum, rows) => sum + rows, 0);
}

describe('consumers that are left at different places of a backlog', () => {
  it('read it once, and each gets what is its own in order', async () => {
    const consumers = Object.fromEntries(Object.keys(BEGINNINGS).map((name) => [name, 'order.placed']));
    const handled = await startBehind(
      consumers,
      Array.from({ length: EVENTS }, () => 'order.placed'),
    );
    for (const [name, from] of Object.entries(BEGINNINGS))
      await database.pool.query(
        'UPDATE integration.inbox_cursor SET unread = int8multirange(int8range($2, NULL)) WHERE consumer_name = $1',
        [name, from],
      );

    const read = await drain();

    for (const [name, from] of Object.entries(BEGINNINGS))
      expect(handled.get(name)).toEqual(Array.from({ length: EVENTS - from + 1 }, (_, i) => from + i));
    // Each would read nearly all events for itself. At the ends somebody may be too late for the others' page.
    // One that a busy machine holds up reads for itself until it has caught up.
    expect(read).toBeLessThan(2.5 * EVENTS);
  });
});

describe('consumers that want events of different names', () => {
  it('read a backlog once, and each gets what is its own in order', async () => {
    const names = Array.from({ length: EVENTS }, (_, i) => NAMES[i % 3] ?? '');
    const handled = await startBehind(Object.fromEntries(NAMES.map((name) => [`of ${name}`, name])), names);

    const read = await drain();

    for (const name of NAMES) {
      const own = names.flatMap((each, i) => (each === name || name === 'order.*' ? [i + 1] : []));
      expect(handled.get(`of ${name}`)).toEqual(own);
    }
    // Each would read all events for itself: the first ones it does, until it is known that all of them read on.
    // One that a busy machine holds up reads for itself until it has caught up.
    expect(read).toBeLessThan(3.5 * EVENTS);
  });
});
