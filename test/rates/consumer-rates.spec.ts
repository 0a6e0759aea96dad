import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AdminDatabase } from '../../src/database/admin-database.js';
import { ConsumerRatesService, ConsumerService } from '../../src/index.js';
import { SampleStore } from '../../src/rates/sample.store.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const MINUTE_MS = 60_000;
const EVERY_MS = 10_000;

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

const query = async (sql: string, values: unknown[] = []) => (await database.pool.query(sql, values)).rows;
const cursor = (name: string, unread: string, partition = 0, partitions = 1) =>
  query(
    `INSERT INTO integration.inbox_cursor (consumer_name, partition, partitions, event_names, unread) VALUES ($1, $2, $3, '{order.*}', $4)`,
    [name, partition, partitions, unread],
  );
const events = (count: number, name = 'order.placed') =>
  query(
    `INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, created_at)
     SELECT gen_random_uuid(), $2, 's', 'order', 'o' || n, '{}', now() - interval '1 hour' FROM generate_series(1, $1::int) AS n`,
    [count, name],
  );
const row = (name: string, position: number, status: string, availableAt = 'NULL') =>
  query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, available_at)
     VALUES (gen_random_uuid(), $1, $2, 'order', 'o', '${status}', ${availableAt})`,
    [position, name],
  );
const samples = () =>
  query(
    `SELECT consumer_name AS name, partition, head::int, backlog::int, lag_s AS lag, dead FROM integration.integration_sample ORDER BY 1, 2, at`,
  );
const take = (youngerThanMs = EVERY_MS) => new SampleStore(database.engine()).take(youngerThanMs);

describe('a sample', () => {
  it('has the head of the log, and of each partition the backlog, the lag and the dead letters', async () => {
    await events(2, 'other');
    await events(8);
    await cursor('done', '{[11,)}');
    await cursor('behind', '{[3,5),[8,)}');
    await cursor('uninterested', '{[1,3),[11,)}');
    await cursor('retrying', '{[11,)}');
    for (const partition of [0, 1]) await cursor('two', '{[11,)}', partition, 2);
    await row('retrying', 4, 'failed', `now() + interval '1 hour'`);
    for (const position of [5, 6, 7]) await row('two', position, 'dead_letter');
    expect(await take()).toBe(6);
    const old = expect.closeTo(3_600, -2);
    expect(await samples()).toEqual([
      { name: 'behind', partition: 0, head: 10, backlog: 5, lag: old, dead: 0 },
      { name: 'done', partition: 0, head: 10, backlog: 0, lag: null, dead: 0 },
      { name: 'retrying', partition: 0, head: 10, backlog: 0, lag: old, dead: 0 },
      { name: 'two', partition: 0, head: 10, backlog: 0, lag: null, dead: 3 },
      { name: 'two', partition: 1, head: 10, backlog: 0, lag: null, dead: 0 },
      { name: 'uninterested', partition: 0, head: 10, backlog: 2, lag: null, dead: 0 },
    ]);
  });

  it('is written by one of many who ask, and not again before its time', async () => {
    await cursor('billing', '{[1,)}');
    const stores = Array.from({ length: 8 }, () => new SampleStore(database.engine()));
    const written: number[] = [];
    for (let round = 1; round <= 5; round++) {
      const each = await Promise.all(stores.map((store) => store.take(EVERY_MS)));
      written.push(each.reduce((sum, rows) => sum + rows));
      await query(`UPDATE integration.integration_sample SET at = at - interval '10 seconds'`);
    }
    // Who looks before another has committed writes a sample of its own. That is rare, and a busy machine lets it happen.
    expect(Math.min(...written)).toBe(1);
    await take();
    const { length } = await samples();
    expect(await take()).toBe(0);
    expect(await samples()).toHaveLength(length);
  });

  it('is not written while somebody else writes one', async () => {
    await cursor('billing', '{[1,)}');
    const other = await database.pool.connect();
    await other.query(
      `BEGIN; SELECT pg_advisory_xact_lock(hashtextextended('nestjs-integration sample integration', 0))`,
    );
    expect(await take()).toBe(0);
    await other.query('COMMIT');
    other.release();
    expect(await take()).toBe(1);
  });

  it('is written although there are samples of the future, as after a change of the clock', async () => {
    await cursor('billing', '{[1,)}');
    await take();
    await query(`UPDATE integration.integration_sample SET at = at + interval '1 day'`);
    expect(await take()).toBe(1);
  });
});

describe('the rates of a consumer', () => {
  let admin: AdminDatabase;
  let rates: ConsumerRatesService;
  const now = Math.floor(Date.now() / 1_000) * 1_000;

  beforeEach(() => {
    admin = new AdminDatabase({ connectionString: database.url, schema: 'integration' });
    rates = new ConsumerRatesService(admin);
  });
  afterEach(() => admin.close());

  /** Samples of `billing`, each so many seconds ago: its head, its backlog, and what else it has. */
  const sample = (
    secondsAgo: number,
    head: number,
    backlog: number,
    partition = 0,
    lag: number | null = null,
    dead = 0,
  ) =>
    query(
      `INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, lag_s, dead) VALUES ($1, 'billing', $2, $3, $4, $5, $6)`,
      [new Date(now - secondsAgo * 1_000), partition, head, backlog, lag, dead],
    );
  const points = async (secondsAgo: number, step: number, toSecondsAgo = 0) => {
    const range = {
      from: new Date(now - secondsAgo * 1_000),
      to: new Date(now - toSecondsAgo * 1_000),
      step,
    };
    return (await rates.of('billing', range)).points.map((point) => [
      (point.at.getTime() - now) / -1_000,
      point.publishedPerSecond,
      point.settledPerSecond,
      point.backlog,
    ]);
  };

  it('are differences of heads and backlogs, also where samples and steps do not meet', async () => {
    await sample(65, 0, 0);
    await sample(53, 120, 60);
    await sample(43, 220, 60);
    await sample(31, 340, 0);
    const found = await points(60, 10, 30);
    expect(found.map(([at]) => at)).toEqual([60, 50, 40]);
    expect(found.map(([, published]) => published)).toEqual(
      [10, 10, 10].map((rate) => expect.closeTo(rate, 6)),
    );
    // 5 a second, then 10, then 15: each for as long as it was so.
    expect(found.map(([, , settled]) => settled)).toEqual(
      [0.7 * 5 + 0.3 * 10, 0.7 * 10 + 0.3 * 15, 15].map((rate) => expect.closeTo(rate, 6)),
    );
    expect(found.map(([, , , backlog]) => backlog)).toEqual([60, 60, 0]);
  });

  it('are null where nobody wrote samples, and 0 where nothing happened', async () => {
    for (const at of [100, 90, 80]) await sample(at, 500, 0);
    for (const at of [30, 20, 10]) await sample(at, 5_000, 0);
    expect(await points(100, 10)).toEqual([
      ...[100, 90].map((at) => [at, 0, 0, 0]),
      ...[80, 70, 60, 50, 40].map((at) => [at, null, null, null]),
      ...[30, 20].map((at) => [at, 0, 0, 0]),
      [10, null, null, null],
    ]);
  });

  it('are never negative: what a replay puts back is no rate, and what a discard takes out is settled', async () => {
    await sample(50, 1_000, 0);
    await sample(40, 1_010, 0);
    // A replay of 500 positions.
    await sample(30, 1_020, 500);
    await sample(20, 1_030, 400);
    // A discard of everything.
    await sample(10, 1_040, 0);
    const found = await points(50, 10);
    expect(found.map(([, published]) => published)).toEqual([1, 1, 1, 1, null]);
    expect(found.map(([, , settled]) => settled)).toEqual([1, null, 11, 41, null]);
    // A step that has both counts the time in which it is known.
    expect((await points(50, 20, 10)).map(([, , settled]) => settled)).toEqual([1, 26]);
  });

  it('are not those of a log that was restored', async () => {
    await sample(30, 1_000, 0);
    await sample(20, 10, 0);
    await sample(10, 20, 0);
    expect((await points(30, 10)).map(([, published]) => published)).toEqual([null, 1, null]);
  });

  it('are the mean of the partitions, with the largest lag and all dead letters', async () => {
    for (const [ago, head] of [
      [20, 0],
      [10, 100],
    ] as const) {
      await sample(ago, head, 0, 0, 3, 2);
      await sample(ago, head, head, 1, 7, 1);
    }
    const { points: found } = await rates.of('billing', {
      from: new Date(now - 20_000),
      to: new Date(now - 10_000),
      step: 10,
    });
    expect(found).toEqual([
      {
        at: new Date(now - 20_000),
        publishedPerSecond: 10,
        settledPerSecond: 5,
        backlog: 50,
        lagSeconds: 7,
        deadLetters: 3,
      },
    ]);
  });

  it('of samples that were thinned out have no gaps', async () => {
    for (let minute = 65; minute <= 75; minute++) await sample(minute * 60, (75 - minute) * 600, 0);
    const found = await points(75 * 60, 60, 65 * 60);
    expect(found.map(([, published]) => published)).toEqual(Array.from({ length: 10 }, () => 10));
  });

  it('of the last minute come with the list of consumers', async () => {
    const app = await startApp(
      database,
      [{ eventName: 'order.*', consumerName: 'billing', handler: async () => {} }],
      {},
      { sampleEveryMs: 60 * MINUTE_MS },
    );
    try {
      // With its first beat it takes a sample of its own.
      await until('it has taken one', async () => (await samples()).length > 0);
      await query('DELETE FROM integration.integration_sample');
      await query(
        `INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, dead)
         SELECT now() - n * interval '10 seconds', 'billing', 0, 1000 - 30 * n, 100 - 10 * n, 0 FROM generate_series(0, 4) AS n`,
      );
      const consumers = app.context.get(ConsumerService);
      const { consumers: views, rates: current } = await consumers.listWithRates();
      expect(views.map(({ consumerName }) => consumerName)).toEqual(['billing']);
      expect(current?.publishedPerSecond).toBeCloseTo(3, 6);
      expect(current?.settledPerSecond.billing).toBeCloseTo(2, 6);
      await query(`UPDATE integration.integration_sample SET at = at - interval '50 seconds'`);
      const { rates: old } = await consumers.listWithRates();
      expect(old).toEqual({ publishedPerSecond: null, settledPerSecond: {} });
    } finally {
      await app.close();
    }
  });

  it.each([
    [1, 10],
    [2, 60],
    [6, 60],
    [12, 120],
    [24, 300],
    [168, 1_800],
  ])('of %d hours have steps of %d seconds, if nobody says how long', async (hours, step) => {
    for (const more of [0, 59_000]) {
      const range = { from: new Date(now - hours * 60 * MINUTE_MS - more), to: new Date(now) };
      expect(await rates.of('billing', range)).toMatchObject({ step });
      expect(await rates.workOf('billing', range)).toMatchObject({ step: Math.max(step, 60) });
    }
  });

  it('are refused for a range that is none, or that has too many steps', async () => {
    const [early, late] = [new Date(now - 60 * MINUTE_MS), new Date(now)];
    for (const range of [
      { from: late, to: early },
      { from: early, to: late, step: 1 },
      { from: new Date(now - 7 * 24 * 60 * MINUTE_MS), to: late, step: 10 },
      { step: 1.5 },
      { since: early },
    ]) {
      await expect(rates.of('billing', range)).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
    }
    const week = await rates.of('nobody', { from: new Date(now - 7 * 24 * 60 * MINUTE_MS), to: late });
    expect(week.points.length).toBeLessThanOrEqual(1_000);
    expect(new Set(week.points.map(({ publishedPerSecond }) => publishedPerSecond))).toEqual(new Set([null]));
  });
});

describe('an application', () => {
  let apps: TestApp[] = [];
  afterEach(async () => {
    for (const app of apps) await app.close();
    apps = [];
  });
  const subscribers = [{ eventName: 'order.*', consumerName: 'billing', handler: async () => {} }];
  const start = async (options: object) => {
    const app = await startApp(database, subscribers, options, { sampleEveryMs: 200 });
    apps.push(app);
    return app;
  };

  it('writes samples as long as it runs consumers', async () => {
    await start({});
    await until('there are three samples', async () => (await samples()).length >= 3);
  });

  it('that only publishes writes none', async () => {
    await start({ role: 'publisher' });
    const worker = await start({});
    await until('the worker writes', async () => (await samples()).length >= 1);
    await worker.close();
    apps.pop();
    const { length } = await samples();
    const process = await until('only the publisher is there', async () => {
      const [first, ...others] = await query('SELECT seen_at FROM integration.integration_process');
      return others.length === 0 && first;
    });
    await until('the publisher has renewed itself', async () => {
      const [later] = await query('SELECT seen_at FROM integration.integration_process');
      return later?.seen_at > process.seen_at;
    });
    expect(await samples()).toHaveLength(length);
  });
});
