import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { DomainEvent, IntegrationModuleOptions } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { startCountingProxy } from '../support/counting-proxy.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const EVENTS = 40;
/** Fewer than begin between two looks at the clock (`ConcurrencyLimiter`): however slow the machine is, a page is worked off in one turn. */
const PAGE = 4;

let database: TestDatabase;
let app: TestApp;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  silenceLog();
  await app.close();
  await database.drop();
});

/** A backlog of one aggregate, and a consumer that is told to work it off by `drain`. */
async function startBehind(
  handle: (event: DomainEvent) => unknown,
  options: IntegrationModuleOptions = {},
): Promise<void> {
  const subscriber = {
    consumerName: 'reader',
    eventName: 'order.placed',
    startFrom: 'earliest' as const,
    handler: async (event: DomainEvent) => handle(event),
  };
  app = await startApp(database, [subscriber], {
    ...options,
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

/**
 * Cancels what waits for the log, and returns how many pages are among it. Logs of other databases have the
 * same number.
 */
async function refuseReading(): Promise<number> {
  const { rows } = await database.pool.query<{ isPage: boolean }>(
    `SELECT a.query LIKE '%e.wanted%' AS "isPage" FROM pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE l.relation = 'integration.outbox_event'::regclass AND NOT l.granted AND a.datname = current_database()
       AND l.database = a.datid AND pg_cancel_backend(l.pid)`,
  );
  return rows.filter(({ isPage }) => isPage).length;
}

const ALL = Array.from({ length: EVENTS }, (_, i) => i + 1);

describe('where handlers wait for pages', () => {
  it('the server has been asked for the next page before the handlers of this one begin', async () => {
    const wire = await startCountingProxy(database.url, 'integration_page');
    const asked: boolean[] = [];
    try {
      await startBehind(
        ({ position }) => {
          // Nothing of this process runs while it waits, so that whoever has not asked by now does not ask either.
          if (position % PAGE === 1) asked.push(wire.hasCome(Math.floor(position / PAGE) + 2));
        },
        { connectionString: wire.url },
      );

      await app.processor.drain();

      // The last one is asked for in vain: it is the log's end.
      expect(asked).toEqual(Array.from({ length: EVENTS / PAGE }, () => true));
    } finally {
      await app.close();
      await wire.close();
    }
  });

  it('a page that the server refuses is read again, and nothing is lost or handled twice', async () => {
    const handled: number[] = [];
    const holder = await database.pool.connect();
    const lines = hearLog();
    let refusals = 0;
    // How many pages have been asked for when the log is locked depends on the machine. The next one is refused.
    async function refuseOnePage(): Promise<void> {
      await until('a page is refused', async () => (await refuseReading()) > 0);
      refusals++;
      await holder.query('ROLLBACK');
    }
    let refused = Promise.resolve();
    await startBehind(async ({ position }) => {
      handled.push(position);
      if (position % (3 * PAGE) !== PAGE || position > EVENTS - 3 * PAGE) return;
      await refused;
      await holder.query('BEGIN; LOCK TABLE integration.outbox_event IN ACCESS EXCLUSIVE MODE');
      refused = refuseOnePage();
    });

    await app.processor.drain();

    await refused;
    holder.release();
    expect(handled).toEqual(ALL);
    expect(refusals).toBeGreaterThanOrEqual(3);
    // A failure that repeats is said once a minute.
    expect(lines.texts('warn').filter((text) => text.includes('Reading failed'))).not.toEqual([]);
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
