import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AdminDatabase } from '../../src/database/admin-database.js';
import { ConsumerRatesService } from '../../src/index.js';
import { HourStore } from '../../src/rates/hour.store.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const HOUR_MS = 3_600_000;
const NOW_HOUR = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
const hoursAgo = (hours: number) => new Date(NOW_HOUR - hours * HOUR_MS);

let database: TestDatabase;
let store: HourStore;
let rates: ConsumerRatesService;
let admin: AdminDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
  store = new HourStore(database.engine());
  admin = new AdminDatabase({ connectionString: database.url, schema: 'integration' });
  rates = new ConsumerRatesService(admin);
});
afterEach(async () => {
  await admin.close();
  await database.drop();
});

const query = async (sql: string, values: unknown[] = []) => (await database.pool.query(sql, values)).rows;
/** One minute of work. It is the given number of minutes behind the beginning of an hour. */
const work = (hours: number, name: string, handled: number, failed = 0, minute = 0) =>
  query(
    `INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
     SELECT $1, at, gen_random_uuid(), at + interval '1 minute', $2, $3, ('{' || $2::int || repeat(',0', 15) || '}')::int[]
     FROM (SELECT $4::timestamptz + $5::int * interval '1 minute' AS at) AS t`,
    [name, handled, failed, hoursAgo(hours), minute],
  );
const samples = (hours: number, name: string, backlog: number) =>
  query(
    `INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, lag_s, dead)
     SELECT $1::timestamptz + n * interval '1 minute', $2, 0, n * 60, $3, 7, 2 FROM generate_series(0, 60) AS n`,
    [hoursAgo(hours), name, backlog],
  );
const make = async (db = store) => {
  const engine = database.engine();
  for (let more = true; more; ) more = await engine.transaction((session) => db.make(session));
};
const kept = () =>
  query(
    `SELECT consumer_name AS name, (extract(epoch FROM $1::timestamptz - at) / 3600)::int AS ago, handled, failed
     FROM integration.integration_hour WHERE handled + failed > 0 ORDER BY at, consumer_name`,
    [hoursAgo(0)],
  );

describe('hours', () => {
  it('are made of the minutes of each consumer and of all, three hours later and not before', async () => {
    await work(30, 'a', 10, 1);
    await work(30, 'a', 5, 0, 59);
    await work(30, 'b', 7);
    await work(20, 'a', 3);
    await work(1, 'a', 100);
    await make();
    expect(await kept()).toEqual([
      { name: '', ago: 30, handled: 22, failed: 1 },
      { name: 'a', ago: 30, handled: 15, failed: 1 },
      { name: 'b', ago: 30, handled: 7, failed: 0 },
      { name: '', ago: 20, handled: 3, failed: 0 },
      { name: 'a', ago: 20, handled: 3, failed: 0 },
    ]);
  });

  it('are the same if two processes make them at the same time, and if it is done again', async () => {
    for (let hours = 40; hours > 4; hours--) for (const name of ['a', 'b']) await work(hours, name, hours);
    const [one, two] = [database.engine(), database.engine()];
    const all = async (db: typeof one) => {
      for (let more = true; more; ) more = await db.transaction((session) => new HourStore(db).make(session));
    };
    await Promise.all([all(one), all(two)]);
    const rows = await kept();
    expect(rows).toHaveLength(36 * 3);
    expect(rows.filter(({ name, ago, handled }) => handled !== ago * (name === '' ? 2 : 1))).toEqual([]);
    await query(`DELETE FROM integration.integration_hour WHERE at >= $1`, [hoursAgo(20)]);
    await make();
    expect(await kept()).toEqual(rows);
  });

  it('are read together with the minutes behind them, each time once', async () => {
    for (const hours of [30, 20, 5]) await work(hours, 'a', 3_600);
    await work(2, 'a', 7_200, 3_600);
    await work(1, 'b', 3_600, 0, 59);
    const range = { from: hoursAgo(40), to: hoursAgo(0) };
    const handled = async () => {
      const { points } = await rates.ofAll(range);
      return points.flatMap(({ at, handledPerSecond }) =>
        handledPerSecond ? [[(NOW_HOUR - at.getTime()) / HOUR_MS, handledPerSecond]] : [],
      );
    };
    await make();
    const expected = [
      [30, 1],
      [20, 1],
      [5, 1],
      [2, 2],
      [1, 1],
    ];
    expect(await handled()).toEqual(expected);
    // What stands in both is not counted twice, and what the minutes have lost is still there.
    await query(`DELETE FROM integration.integration_work WHERE at < $1`, [hoursAgo(6)]);
    await make();
    expect(await handled()).toEqual(expected);
    const { points, busiest } = await rates.ofAll({ ...range, step: 4 * 3_600 });
    expect(points.reduce((sum, point) => sum + (point.handledPerSecond ?? 0) * 4, 0)).toBeCloseTo(6, 6);
    expect(busiest.map(({ consumerName }) => consumerName)).toEqual(['a']);
  });

  it('come to an end where a sample stands alone, and nothing is known of that time then', async () => {
    await query(
      `INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, dead) VALUES ($1, 'a', 0, 1, 1, 0)`,
      [hoursAgo(50)],
    );
    await work(45, 'a', 3_600);
    await make();
    const { points } = await rates.ofAll({ from: hoursAgo(50), to: hoursAgo(43), step: 3_600 });
    expect(points.map(({ handledPerSecond }) => handledPerSecond)).toEqual([
      null,
      null,
      null,
      null,
      null,
      1,
      null,
    ]);
  });

  it('have the levels of the samples, of one consumer and of all', async () => {
    await samples(30, 'a', 10);
    await samples(30, 'b', 4);
    await make();
    const range = { from: hoursAgo(30), to: hoursAgo(29), step: 3_600 };
    const [all] = (await rates.ofAll(range)).points;
    expect(all).toMatchObject({ backlog: 14, lagSeconds: 7, deadLetters: 4, handledPerSecond: 0 });
    expect(all?.publishedPerSecond).toBeCloseTo(1, 3);
    const [one] = (await rates.of('a', range)).points;
    expect(one).toMatchObject({ backlog: 10, lagSeconds: 7, deadLetters: 2 });
    expect(one?.settledPerSecond).toBeCloseTo(1, 3);
  });
});
