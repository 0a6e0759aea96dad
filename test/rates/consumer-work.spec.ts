import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AdminDatabase } from '../../src/database/admin-database.js';
import { ConsumerRatesService, SkipEventError } from '../../src/index.js';
import { WorkStore } from '../../src/rates/work.store.js';
import { LATENCY_BOUNDS_S } from '../../src/rates/work-counts.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { changedBy } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';

const MINUTE_MS = 60_000;

let database: TestDatabase;
let apps: TestApp[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const app of apps) await app.close();
  apps = [];
  await database.drop();
});

const query = async (sql: string, values: unknown[] = []) => (await database.pool.query(sql, values)).rows;
const start = async (subscribers: AnySubscriberDefinition[], options: object = {}) => {
  const app = await startApp(database, subscribers, options, { sampleEveryMs: 200 });
  apps.push(app);
  return app;
};
const publish = (app: TestApp, ids: readonly string[]) =>
  app.api.transaction(async (tx) => {
    for (const id of ids) await app.api.for('shop', 'order').publish('order.placed', id, {}, tx);
  });
/** What is written of each consumer: handled, failed, and how many latencies. */
const written = async () =>
  Object.fromEntries(
    (
      await query(
        `SELECT consumer_name AS name, sum(handled)::int AS handled, sum(failed)::int AS failed,
           sum((SELECT sum(n) FROM unnest(latency) AS n))::int AS latencies
         FROM integration.integration_work GROUP BY 1 ORDER BY 1`,
      )
    ).map(({ name, handled, failed, latencies }) => [name, [handled, failed, latencies]]),
  );
const untilWritten = async (expected: object) => {
  let found: object = {};
  await until(`${JSON.stringify(expected)} is written`, async () => {
    found = await written();
    return JSON.stringify(found) === JSON.stringify(expected);
  });
};

describe('what a process has done', () => {
  it('is written for handlers of every kind: what was handled, skipped, failed and given up', async () => {
    const failedOnce = new Set<string>();
    const app = await start(
      [
        {
          eventName: 'order.placed',
          consumerName: 'a.plain',
          handler: async ({ aggregateId }) => {
            if (aggregateId === '1' && !failedOnce.has(aggregateId)) {
              failedOnce.add(aggregateId);
              throw new Error('once');
            }
            if (aggregateId === '2') throw new Error('always');
            if (aggregateId === '3') throw new SkipEventError('not of interest');
          },
        },
        {
          eventName: 'order.placed',
          consumerName: 'b.transactional',
          transactional: true,
          handler: async () => {},
        },
        {
          eventName: 'order.placed',
          consumerName: 'c.batch',
          batch: { maxSize: 10 },
          handler: async () => {},
        },
      ],
      { settings: { maxAttempts: 2 } },
    );
    await publish(app, ['0', '1', '2', '3']);
    await untilWritten({ 'a.plain': [3, 3, 3], 'b.transactional': [4, 0, 4], 'c.batch': [4, 0, 4] });
  });

  it('is written later if it cannot be written now, and samples are taken nevertheless', async () => {
    const app = await start([{ eventName: 'order.placed', consumerName: 'a', handler: async () => {} }]);
    await query('ALTER TABLE integration.integration_work RENAME TO integration_work_elsewhere');
    await publish(app, ['0', '1']);
    const samples = async () => (await query('SELECT FROM integration.integration_sample')).length;
    const before = await samples();
    await until('more samples are taken', async () => (await samples()) > before + 1);
    await query('ALTER TABLE integration.integration_work_elsewhere RENAME TO integration_work');
    await untilWritten({ a: [2, 0, 2] });
  });

  it('is not counted twice if it is written twice', async () => {
    const store = new WorkStore(database.engine());
    const [at, process] = [MINUTE_MS * 1_000, '00000000-0000-4000-8000-000000000001'];
    const latency = [...LATENCY_BOUNDS_S, 0].map(() => 0);
    const minute = (handled: number, consumerName = 'a') => ({
      consumerName,
      at,
      upto: at + 10_000,
      handled,
      failed: 1,
      latency: latency.with(0, handled),
    });
    await store.write(process, [minute(3), minute(2, 'b')]);
    await store.write(process, [minute(3)]);
    await store.write(process, [minute(5)]);
    // Another process has a row of its own.
    await store.write(process.replace(/1$/, '2'), [minute(1)]);
    expect(await written()).toEqual({ a: [6, 2, 6], b: [2, 1, 2] });
  });
});

describe('latency', () => {
  const everyKind = [
    { eventName: 'order.placed', consumerName: 'a.plain', handler: async () => {} },
    {
      eventName: 'order.placed',
      consumerName: 'b.transactional',
      transactional: true,
      handler: async () => {},
    },
    { eventName: 'order.placed', consumerName: 'c.batch', batch: { maxSize: 10 }, handler: async () => {} },
  ];
  const names = everyKind.map(({ consumerName }) => consumerName);
  /** Waits until each consumer has handled `handled` events. `latencies` of them must have a latency. */
  const untilHandled = async (handled: number, latencies: number) => {
    await untilWritten(Object.fromEntries(names.map((name) => [name, [handled, 0, latencies]])));
    // An attempt is counted when it ends, and saved a little later. A replay leaves out what is not saved.
    for (const name of names) await untilConsumerSettled(database, name);
  };

  it('is that of the first delivery: a replay has none, whether of a range or of chosen events', async () => {
    const app = await start(everyKind);
    await publish(app, ['0', '1', '2']);
    await untilHandled(3, 3);
    for (const name of names) await app.consumers.replayAtOnce(name, { from: 1 });
    await untilHandled(6, 3);
    for (const name of names) await app.consumers.replay(name, { eventNames: ['order.placed'] });
    await untilHandled(9, 3);
    await publish(app, ['3']);
    await untilHandled(10, 4);
  });

  it('is not that of a replay which an owner finds when it takes over', async () => {
    const app = await start(everyKind);
    await publish(app, ['0', '1']);
    await untilHandled(2, 2);
    await app.close();
    apps = [];
    const admin = await start([]);
    for (const name of names) await admin.consumers.replayAtOnce(name, { from: 1 });
    await start(everyKind);
    await untilHandled(4, 2);
  });

  it('is not that of a dead letter that was sent again, and counts the retries of a first delivery', async () => {
    let isMended = false;
    const failedOnce = new Set<string>();
    const app = await start(
      [
        {
          eventName: 'order.placed',
          consumerName: 'a',
          handler: async ({ aggregateId }) => {
            if (aggregateId === 'dead' && !isMended) throw new Error('out for lunch');
            if (aggregateId === 'retried' && !failedOnce.has(aggregateId)) {
              failedOnce.add(aggregateId);
              throw new Error('once');
            }
          },
        },
      ],
      { settings: { maxAttempts: 2 } },
    );
    await publish(app, ['dead', 'retried']);
    await untilWritten({ a: [1, 3, 1] });
    await untilConsumerSettled(database, 'a');
    isMended = true;
    expect(await changedBy(app, app.consumers.redrive({ consumerName: 'a' }))).toBe(1);
    await untilWritten({ a: [2, 3, 1] });
  });

  it('is not that of events that are older than their consumer', async () => {
    const first = await start([{ eventName: 'order.placed', consumerName: 'a', handler: async () => {} }]);
    await publish(first, ['0', '1']);
    await untilWritten({ a: [2, 0, 2] });
    const app = await start([
      { eventName: 'order.placed', consumerName: 'b', startFrom: 'earliest', handler: async () => {} },
    ]);
    await untilWritten({ a: [2, 0, 2], b: [2, 0, 0] });
    await publish(app, ['2']);
    await untilWritten({ a: [3, 0, 3], b: [3, 0, 1] });
  });
});

describe('the rates of all', () => {
  let admin: AdminDatabase;
  let rates: ConsumerRatesService;
  /** A minute that is long over. */
  const from = Math.floor(Date.now() / MINUTE_MS - 30) * MINUTE_MS;
  const range = { from: new Date(from), to: new Date(from + 3 * MINUTE_MS), step: 60 };

  beforeEach(() => {
    admin = new AdminDatabase({ connectionString: database.url, schema: 'integration' });
    rates = new ConsumerRatesService(admin);
  });
  afterEach(() => admin.close());

  const sample = (
    second: number,
    consumer: string,
    head: number,
    backlog: number,
    lag: number | null,
    dead: number,
  ) =>
    query(
      `INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, lag_s, dead) VALUES ($1, $2, 0, $3, $4, $5, $6)`,
      [new Date(from + second * 1_000), consumer, head, backlog, lag, dead],
    );
  const work = (
    minute: number,
    consumer: string,
    handled: number,
    failed: number,
    latency: Record<number, number>,
  ) =>
    query(
      `INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency) VALUES ($1, $2, gen_random_uuid(), $3, $4, $5, $6)`,
      [
        consumer,
        new Date(from + minute * MINUTE_MS),
        new Date(from + (minute + 0.5) * MINUTE_MS),
        handled,
        failed,
        [...LATENCY_BOUNDS_S, -1].map((bound) => latency[bound] ?? 0),
      ],
    );

  it('add up consumers and processes, and tell the busiest apart', async () => {
    for (let second = 0; second <= 120; second += 10) {
      await sample(second, 'a', second * 6, second === 0 ? 40 : 10, null, 1);
      await sample(second, 'b', second * 6, 5, 7, 2);
    }
    await work(0, 'a', 60, 6, { 0.005: 60 });
    await work(0, 'a', 60, 0, { 0.005: 60 });
    await work(0, 'b', 30, 0, { 60: 30 });
    const { points, busiest, step } = await rates.ofAll(range);
    expect(step).toBe(60);
    expect(points).toEqual([
      {
        at: new Date(from),
        publishedPerSecond: expect.closeTo(6, 6),
        handledPerSecond: 2.5,
        failedPerSecond: 0.1,
        latencyMedianSeconds: expect.closeTo(0.003125, 6),
        latencyP95Seconds: expect.closeTo(52.5, 6),
        backlog: 15,
        lagSeconds: 7,
        deadLetters: 3,
      },
      // Nothing was done here, and somebody was there.
      expect.objectContaining({
        handledPerSecond: 0,
        failedPerSecond: 0,
        latencyMedianSeconds: null,
        backlog: 15,
      }),
      // Nobody was there.
      expect.objectContaining({ handledPerSecond: null, failedPerSecond: null, publishedPerSecond: null }),
    ]);
    expect(
      busiest.map(({ consumerName, points: [first] }) => [consumerName, first?.handledPerSecond]),
    ).toEqual([
      ['a', 2],
      ['b', 0.5],
    ]);
    const { points: ofB } = await rates.workOf('b', range);
    expect(ofB.map(({ handledPerSecond }) => handledPerSecond)).toEqual([0.5, 0, null]);
  });

  it('of a minute that is not over are those of the time that is known', async () => {
    await work(0, 'a', 60, 0, { 0.005: 60 });
    const { points } = await rates.ofAll({ ...range, to: new Date(from + 40_000) });
    expect(points.map(({ handledPerSecond }) => handledPerSecond)).toEqual([2]);
  });

  it('name five consumers at most', async () => {
    for (let n = 1; n <= 8; n++) await work(1, `c${n}`, n, 0, { 1: n });
    const { busiest, points } = await rates.ofAll(range);
    expect(busiest.map(({ consumerName }) => consumerName)).toEqual(['c8', 'c7', 'c6', 'c5', 'c4']);
    expect(points[1]?.handledPerSecond).toBeCloseTo(36 / 30, 6);
  });

  it('are refused for more than a day in minutes, for steps that are no minutes, and for a range that is none', async () => {
    const day = 24 * 60 * MINUTE_MS;
    const to = new Date(from + 2 * day);
    for (const wrong of [
      { from: new Date(from), to, step: 1_800 },
      { from: new Date(from), to: new Date(from + day), step: 90 },
      { from: new Date(from), to: new Date(from + day), step: 60 },
      { from: to, to: new Date(from) },
      { since: to },
    ])
      await expect(rates.ofAll(wrong)).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
    const { points } = await rates.ofAll({ from: new Date(from), to: new Date(from + day) });
    expect(points.length).toBeLessThanOrEqual(1_000);
    const { points: ofWeek } = await rates.workOf('nobody', { from: new Date(from - 6 * day), to });
    expect(new Set(ofWeek.map(({ handledPerSecond }) => handledPerSecond))).toEqual(new Set([null]));
  });
});
