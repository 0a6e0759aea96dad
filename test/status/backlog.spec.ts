import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type ConsumerBacklog,
  ConsumerBacklogService,
  countText,
  type DomainEvent,
  NonRetryableError,
  ProblemService,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { pauseAndWait } from '../support/pause.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const HOUR_MS = 3_600_000;
const SLOW_RETRIES = { settings: { retryBaseDelayMs: HOUR_MS, retryMaxDelayMs: HOUR_MS } };

let database: TestDatabase;
let app: TestApp;
let backlogs: ConsumerBacklogService;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

async function start(subscribers: object[], options: object = {}): Promise<void> {
  app = await startApp(database, subscribers as AnySubscriberDefinition[], options);
  backlogs = app.context.get(ConsumerBacklogService, { strict: false });
}

const publish = (aggregateIds: readonly string[], more: object = {}) =>
  app.api.publishEvents(
    aggregateIds.map((aggregateId) => ({
      eventName: 'invoice.created',
      sourceModule: 's',
      aggregateType: 'invoice',
      aggregateId,
      ...more,
    })),
  );

async function backlogOf(consumerName: string): Promise<ConsumerBacklog> {
  const found = (await backlogs.list()).find((each) => each.consumerName === consumerName);
  if (found === undefined) throw new Error(`there is no ${consumerName}`);
  return found;
}

const exactly = (count: number) => ({ count, atLeast: false });
const NOTHING = {
  pending: exactly(0),
  running: exactly(0),
  retrying: exactly(0),
  waiting: exactly(0),
  delayed: exactly(0),
  failedForGood: exactly(0),
  deadLetters: exactly(0),
};

/** A registered consumer, and rows of its inbox at these positions. */
const cursor = (name: string, partition = 0, partitions = 1) =>
  database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, partition, partitions, event_names, unread) VALUES ($1, $2, $3, '{*}', '{}')`,
    [name, partition, partitions],
  );
const rows = (name: string, status: string, availableAt: string, positions: string, partition = '0') =>
  database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id, status, available_at)
     SELECT gen_random_uuid(), p, $1, ${partition}, 'thing', 'a', '${status}', ${availableAt} FROM generate_series(${positions}) AS p`,
    [name],
  );

describe('the backlog of a consumer', () => {
  it('counts what is pending of one consumer up to 10,000, as far as 20,000 events of the log say', async () => {
    await start([]);
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, partition, partitions, event_names, unread)
       SELECT 'asks', p, 2, '{invoice.*}', '{[1,)}' FROM generate_series(0, 1) AS p`,
    );
    const log = (eventName: string, events: number) =>
      database.pool.query(
        `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
         SELECT $1, 's', 'invoice', n::text FROM generate_series(1, $2::int) AS n`,
        [eventName, events],
      );
    const pending = async () => (await backlogs.of('asks')).pending;
    await log('invoice.created', 4_000);
    await log('order.placed', 9_000);
    expect(await pending()).toEqual(exactly(4_000));
    await log('order.placed', 7_001);
    expect(await pending()).toEqual({ count: 4_000, atLeast: true });
    await database.pool.query(`DELETE FROM integration.outbox_event WHERE event_name = 'order.placed'`);
    await log('invoice.created', 6_000);
    expect(await pending()).toEqual(exactly(10_000));
    await log('invoice.created', 1);
    expect(await pending()).toEqual({ count: 10_000, atLeast: true });
  });

  it('tells pending, running, retrying, waiting, delayed, failed for good and dead apart', async () => {
    const hold = gate();
    const handler = async ({ aggregateId }: DomainEvent, { attempt }: { attempt: number }) => {
      if (aggregateId === 'dead') throw new NonRetryableError('no');
      if (aggregateId === 'running' && attempt === 2) await hold.opened;
      if (aggregateId === 'running') throw new Error('now');
    };
    await start([{ eventName: 'invoice.*', consumerName: 'billing', handler, retry: { baseDelayMs: 100 } }], {
      settings: { retryBaseDelayMs: 100, retryMaxDelayMs: HOUR_MS },
    });
    try {
      await publish(['running']);
      await until('a retry runs', async () => (await backlogOf('billing')).running.count === 1);
      await publish(['dead', 'fine']);
      await publish(['later'], { delayMs: HOUR_MS });
      await until('the others have ended', async () => {
        const { deadLetters, delayed, pending } = await backlogOf('billing');
        return deadLetters.count === 1 && delayed.count === 1 && pending.count === 0;
      });
      expect(await backlogOf('billing')).toMatchObject({
        ...NOTHING,
        partitions: 1,
        running: exactly(1),
        delayed: exactly(1),
        deadLetters: exactly(1),
        paused: null,
        owners: [{ id: expect.any(String), host: expect.any(String), pid: process.pid, partitions: [0] }],
      });
    } finally {
      hold.open();
    }
  });

  it('has the retry and what waits behind it, which blocking() names', async () => {
    const handler = async ({ aggregateId }: DomainEvent) => {
      if (aggregateId === 'broken') throw new TypeError('no room');
    };
    await start([{ eventName: '*', consumerName: 'billing', handler }], SLOW_RETRIES);
    const published = await publish(['fine', 'broken', 'broken', 'fine', 'broken', 'alone']);
    await app.processor.drain();
    expect(await backlogOf('billing')).toMatchObject({
      ...NOTHING,
      retrying: exactly(1),
      waiting: exactly(2),
      lag: { positions: 5, seconds: expect.any(Number) },
    });
    const [blocking, ...others] = await backlogs.blocking();
    expect(others).toEqual([]);
    expect(blocking).toEqual({
      consumerName: 'billing',
      partition: 0,
      outboxEventId: published[1]?.outboxEventId,
      position: published[1]?.position,
      aggregateType: 'invoice',
      aggregateId: 'broken',
      attemptCount: 1,
      lastError: 'TypeError: no room',
      errorFingerprint: expect.stringMatching(/^[0-9a-f]{32}$/),
      retryAt: expect.any(Date),
      postponedSince: null,
      behind: exactly(2),
    });
    expect(await backlogs.blocking({ consumerName: 'other' })).toEqual([]);
  });

  it('has the lag of what lies in the inbox, also where the log is read to its end', async () => {
    const handler = async () => {
      throw new Error('later');
    };
    await start([{ eventName: '*', consumerName: 'billing', handler }], SLOW_RETRIES);
    await publish(['a', 'b', 'c']);
    await app.processor.drain();
    await database.pool.query(
      `UPDATE integration.outbox_event SET created_at = created_at - interval '1 hour' WHERE aggregate_id = 'b'`,
    );
    await database.pool.query(
      `UPDATE integration.inbox_event SET status = 'skipped' WHERE aggregate_id = 'a'`,
    );
    const { lag } = await backlogOf('billing');
    expect(lag?.positions).toBe(2);
    expect(lag?.seconds).toBeGreaterThanOrEqual(3_600);
    await database.pool.query(
      `UPDATE integration.inbox_event SET status = 'dead_letter', available_at = NULL`,
    );
    expect((await backlogOf('billing')).lag).toBeNull();
  });

  it('has the lag of whichever is older, what lies in the inbox or what is unread in the log', async () => {
    await start([]);
    await publish(['a', 'b', 'c', 'd']);
    await database.pool.query(
      `UPDATE integration.outbox_event SET created_at = created_at - (5 - position) * interval '1 hour'`,
    );
    for (const name of ['log', 'inbox']) await cursor(name);
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET unread = CASE consumer_name WHEN 'log' THEN '{[1,2),[5,)}' ELSE '{[3,4),[5,)}' END::int8multirange`,
    );
    await rows('log', 'failed', 'now()', '3, 3');
    await rows('inbox', 'failed', 'now()', '2, 2');
    const lags = [(await backlogOf('log')).lag, (await backlogOf('inbox')).lag];
    expect(lags.map((lag) => lag?.positions)).toEqual([4, 3]);
    expect(lags.map((lag) => Math.floor((lag?.seconds ?? 0) / 3_600))).toEqual([4, 3]);
  });

  it('has no age of a row whose event is gone from the log', async () => {
    await start([]);
    await cursor('gone');
    await rows('gone', 'failed', 'now()', '1, 1');
    expect(await backlogOf('gone')).toMatchObject({
      lag: { positions: 1, seconds: 0, isAtMost: false, since: expect.any(Date), caughtUpInSeconds: null },
      says: 'It is 0 s behind.',
    });
  });

  it('says since when it is behind, and in which time it has caught up', async () => {
    await start([]);
    await publish(['a', 'b', 'c']);
    await database.pool.query(
      `UPDATE integration.outbox_event SET created_at = now() - interval '5 minutes'`,
    );
    await cursor('billing');
    await database.pool.query(`UPDATE integration.inbox_cursor SET unread = '{[1,)}', read_upto = NULL`);
    // In ten seconds it has settled 20 positions, while 10 have come.
    await database.pool.query(
      `INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, dead) VALUES
         (now() - interval '12 seconds', 'billing', 0, 100, 20, 0), (now() - interval '2 seconds', 'billing', 0, 110, 10, 0)`,
    );
    const { lag, says } = await backlogOf('billing');
    expect(lag?.caughtUpInSeconds).toBeCloseTo(3, 1);
    expect(says).toBe('It is 5 min behind, and caught up in about 3 s at this rate.');
    const { problems } = await app.context.get(ProblemService).list({ sources: ['consumers'] });
    expect(problems.find(({ kind }) => kind === 'behind')?.says).toBe(
      'billing is 5 min behind, with 3 events to read, and caught up in about 3 s at this rate',
    );
    expect(lag?.since.getTime()).toBeCloseTo(Date.now() - 5 * 60_000, -5);
    await database.pool.query('UPDATE integration.inbox_cursor SET paused_at = now()');
    expect((await backlogOf('billing')).says).toBe('It is 5 min behind.');
  });

  it('is not called behind by events that it does not ask for, but by what it tries again', async () => {
    await start([]);
    await cursor('billing');
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
         SELECT 'invoice.created', 'billing', 'invoice', n::text FROM generate_series(1, 2500) AS n;
       UPDATE integration.inbox_cursor SET unread = '{[1,)}', read_upto = NULL, event_names = '{other.*}'`,
    );
    expect(await backlogOf('billing')).toMatchObject({
      lag: { isAtMost: true },
      says: 'It asks for none of the events that were looked at, and has more to pass.',
    });
    await rows('billing', 'failed', 'now()', '1, 1');
    expect(await backlogOf('billing')).toMatchObject({ lag: { isAtMost: false }, says: 'It is 0 s behind.' });
    await database.pool.query(`UPDATE integration.inbox_cursor SET unread = '{[2501,)}'`);
    await database.pool.query(`UPDATE integration.inbox_event SET status = 'skipped', available_at = NULL`);
    expect(await backlogOf('billing')).toMatchObject({ lag: null, says: 'It is up to date.' });
  });

  it('has what is unread, and who paused it', async () => {
    await start([{ eventName: '*', consumerName: 'billing', handler: async () => {} }]);
    await pauseAndWait(app.consumers, 'billing', { by: 'anna', reason: 'the bank is closed' });
    await publish(['a', 'b', 'c']);
    expect(await backlogOf('billing')).toMatchObject({
      ...NOTHING,
      pending: exactly(3),
      lag: { positions: 3 },
      paused: { since: expect.any(Date), by: 'anna', reason: 'the bank is closed' },
      owners: [],
    });
  });

  it('is counted exactly up to 10,000 of each kind, and is 10000+ from there on', async () => {
    await start([]);
    for (const name of ['exact', 'more', 'mixed']) await cursor(name);
    await rows('exact', 'failed', 'now()', '1, 10000');
    await rows('exact', 'failed', 'NULL', '10001, 20000');
    await rows('exact', 'received', `'infinity'`, '1, 10000');
    await rows('exact', 'received', 'now()', '1, 10000');
    await rows('exact', 'dead_letter', 'NULL', '1, 10000');
    await rows('more', 'failed', 'now()', '1, 10001');
    await rows('more', 'received', `'-infinity'`, '1, 10001');
    await rows('more', 'dead_letter', 'NULL', '1, 10001');
    await rows('mixed', 'failed', 'now()', '1, 15000');
    await rows('mixed', 'failed', 'NULL', '20000, 20006');
    const ten = exactly(10_000);
    const more = { count: 10_000, atLeast: true };
    expect(await backlogOf('exact')).toMatchObject({
      ...{ retrying: ten, waiting: ten, delayed: ten, failedForGood: ten, deadLetters: ten },
    });
    expect(await backlogOf('more')).toMatchObject({
      ...{ retrying: more, waiting: more, delayed: exactly(0), failedForGood: exactly(0), deadLetters: more },
    });
    expect(await backlogOf('mixed')).toMatchObject({ retrying: more, failedForGood: exactly(7) });
    expect([ten, more].map(countText)).toEqual(['10000', '10000+']);
    await rows('mixed', 'failed', 'NULL', '30000, 40000');
    // More of both kinds than are looked at: neither number is known to be all.
    expect(await backlogOf('mixed')).toMatchObject({
      retrying: { count: 10_000, atLeast: true },
      failedForGood: { atLeast: true },
    });
  });

  it('is counted so also where it is delayed, runs, or is unread', async () => {
    await start([]);
    for (const name of ['exact', 'more']) await cursor(name);
    for (const [name, most] of [
      ['exact', 10_000],
      ['more', 10_001],
    ] as const) {
      await rows(name, 'received', 'now()', `1, ${most}`);
      await rows(name, 'processing', 'NULL', `1, ${most}`);
      await rows(name, 'failed', 'NULL', `1, ${most}`);
    }
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT 'thing.happened', 'test', 'thing', 'a' FROM generate_series(1, 10001)`,
    );
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET unread = CASE consumer_name WHEN 'exact' THEN '{[2,)}' ELSE '{[1,)}' END::int8multirange`,
    );
    const ten = exactly(10_000);
    const more = { count: 10_000, atLeast: true };
    expect(await backlogOf('exact')).toMatchObject({
      pending: ten,
      delayed: ten,
      running: ten,
      failedForGood: ten,
    });
    expect(await backlogOf('more')).toMatchObject({
      ...{ pending: more, delayed: more, running: more, failedForGood: more },
    });
  });

  it('of the list counts the dead letters of each partition, up to 10,000 of a consumer', async () => {
    await start([]);
    await cursor('one');
    for (const partition of [0, 1]) await cursor('two', partition, 2);
    await cursor('none');
    for (const partition of [0, 1]) await cursor('half', partition, 2);
    await rows('half', 'dead_letter', 'NULL', '1, 3', '1');
    await rows('one', 'dead_letter', 'NULL', '1, 10001');
    await rows('two', 'dead_letter', 'NULL', '1, 30', 'p % 3 % 2');
    const dead = async () =>
      (await app.consumers.list()).map(({ consumerName, partition, deadLetters, deadLettersAtLeast }) => [
        consumerName,
        partition,
        deadLetters,
        deadLettersAtLeast,
      ]);
    expect(await dead()).toEqual([
      ['half', 0, 0, false],
      ['half', 1, 3, false],
      ['none', 0, 0, false],
      ['one', 0, 10_000, true],
      ['two', 0, 20, false],
      ['two', 1, 10, false],
    ]);
    await rows('two', 'dead_letter', 'NULL', '31, 10031', '1');
    expect((await dead()).slice(4)).toEqual([
      ['two', 0, 20, true],
      ['two', 1, 9_981, true],
    ]);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a filter that is not known', () => backlogs.blocking({ consumer: 'a' } as object)],
    ['a consumer that is too long', () => backlogs.blocking({ consumerName: 'a'.repeat(128) })],
    ['no place', () => backlogs.blocking({}, { limit: 0 })],
    ['more places than are looked at', () => backlogs.blocking({}, { limit: 101 })],
  ])('is refused with %s', async (_, call) => {
    await start([]);
    await expect(call()).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
  });
});
