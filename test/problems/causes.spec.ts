import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  FailureGroupService,
  NonRetryableError,
  OperationService,
  type Problem,
  ProblemService,
} from '../../src/index.js';
import { CauseStore } from '../../src/problems/cause.store.js';
import { FailureGroupStore } from '../../src/status/failure-group.store.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilSignedIn } from '../support/until-signed-in.js';

/* Dead letters by their cause over all consumers: how many, since when, how fast, and what was changed before. */

let database: TestDatabase;
let app: TestApp;
let problems: ProblemService;

beforeEach(async () => {
  database = await createTestDatabase();
  app = await startApp(database, []);
  problems = app.context.get(ProblemService, { strict: false });
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

/** Dead letters of one kind: one at each of the consumers and of the ages in seconds. */
const bury = (
  kind: string | null,
  consumers: string,
  agesS: string,
  error = 'connect ECONNREFUSED 10.0.0.5:443',
) =>
  database.pool.query(
    `INSERT INTO integration.inbox_event
       (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, error_fingerprint, updated_at)
     SELECT gen_random_uuid(), row_number() OVER (ORDER BY age DESC), consumer, 'thing', 't', 'dead_letter', $2, $1, now() - age * interval '1 second'
     FROM (${consumers}) AS c (consumer), (${agesS}) AS a (age)`,
    [kind, `${error}\n  at connect`],
  );
const consumersTo = (number: number) =>
  `SELECT 'consumer-' || lpad(n::text, 3, '0') FROM generate_series(1, ${number}) AS n`;
const ONE = `SELECT 'billing'`;

async function causes(limit?: number): Promise<Problem[]> {
  return (await problems.list({ sources: ['dead-letters', 'changes'], limit })).problems;
}
async function onlyCause(): Promise<Problem> {
  const [cause, ...others] = await causes();
  expect(others).toEqual([]);
  if (cause === undefined) throw new Error('there is no cause');
  return cause;
}

describe('300 consumers', () => {
  it('with one cause are one problem, and with two causes two', async () => {
    await bury('refused', consumersTo(300), 'SELECT 30');
    const cause = await onlyCause();
    expect(cause).toMatchObject({
      key: 'dead-letters/refused',
      severity: 'critical',
      consumers: { count: 300, first: ['001', '002', '003', '004', '005'].map((n) => `consumer-${n}`) },
      deadLetters: { count: 300, atLeast: false, estimate: 300 },
      perMinute: 30,
      trend: 'growing',
      says: '300 consumers: connect ECONNREFUSED 10.0.0.5:443: 300 dead letters, 30 a minute, growing',
    });
    await bury(null, consumersTo(3), 'SELECT 40', 'no such customer');
    expect((await causes()).map(({ fingerprint, consumers }) => [fingerprint, consumers.count])).toEqual([
      ['refused', 300],
      [null, 3],
    ]);
  });

  it('that throw one error at a place of their own each are one problem, also found by steps', async () => {
    await bury('replaced', consumersTo(300), 'SELECT 30');
    await bury('fedcba98765432100123456789abcdef', ONE, 'SELECT 30', 'no such customer');
    await database.pool.query(
      `UPDATE integration.inbox_event SET error_fingerprint = '0123456789abcdef' || left(md5(consumer_name), 16)
       WHERE error_fingerprint = 'replaced'`,
    );
    const { problems: listed } = await problems.list({ sources: ['dead-letters'] });
    expect(listed.map(({ key, fingerprint, says }) => [key, fingerprint, says])).toEqual([
      [
        'dead-letters/0123456789abcdef',
        null,
        '300 consumers: connect ECONNREFUSED 10.0.0.5:443: 300 dead letters, 30 a minute, growing',
      ],
      [
        'dead-letters/fedcba9876543210',
        'fedcba98765432100123456789abcdef',
        'billing: no such customer: 1 dead letter, less than one a minute, growing',
      ],
    ]);
    for (const rows of [1_000, 10]) {
      const causes = await new CauseStore(database.engine(), rows).list(10, 'consumer-007');
      expect(causes.map(({ cause, size }) => [cause, size])).toEqual([['0123456789abcdef', 300]]);
      expect(causes[0]?.details).toMatchObject({ kind: null, consumers: 300, counted: 300 });
    }
  });

  it('with more causes than are asked for have the worst ones, and the number of the others', async () => {
    for (let n = 1; n <= 13; n++) await bury(`kind-${n}`, consumersTo(n), 'SELECT 60');
    const { problems: shown, more } = await problems.list({ sources: ['dead-letters'] });
    expect(shown.map(({ fingerprint }) => fingerprint)).toEqual(
      Array.from({ length: 10 }, (_, n) => `kind-${13 - n}`),
    );
    expect(more).toBe(3);
    const ofOne = await problems.list({ sources: ['dead-letters'], consumerName: 'consumer-013' });
    expect(ofOne.problems.map(({ says }) => says)).toEqual([
      '13 consumers: connect ECONNREFUSED 10.0.0.5:443: 13 dead letters, 1 a minute, growing',
    ]);
  });
});

describe('handlers in files of their own', () => {
  it('that fail because one address refuses them are one problem, and another error is another one', async () => {
    const failing = (consumerName: string, message: string) => ({
      eventName: 'order.placed',
      consumerName,
      startFrom: 'earliest' as const,
      handler: () => {
        const error = new NonRetryableError(message);
        error.stack = `NonRetryableError: ${message}\n    at send (file:///app/dist/${consumerName}.js:1:1)`;
        throw error;
      },
    });
    const REFUSED = 'connect ECONNREFUSED 10.0.0.5:443';
    const consumers = ['billing', 'mail', 'search'].map((name) => failing(name, REFUSED));
    const shop = await startApp(database, [...consumers, failing('stock', 'no such customer')]);
    try {
      await shop.api.publishEvent({
        eventName: 'order.placed',
        sourceModule: 'test',
        aggregateType: 'order',
        aggregateId: 'o1',
      });
      await until('all have failed', async () => (await shop.consumers.overview()).deadLetters === 4);
      const { items } = await shop.context.get(FailureGroupService, { strict: false }).list();
      expect(new Set(items.map(({ fingerprint }) => fingerprint)).size).toBe(4);
      expect((await causes()).map(({ says }) => says)).toEqual([
        `3 consumers: NonRetryableError: ${REFUSED}: 3 dead letters, less than one a minute, growing`,
        'stock: NonRetryableError: no such customer: 1 dead letter, less than one a minute, growing',
      ]);
    } finally {
      await shop.close();
    }
  });
});

describe('a cause', () => {
  it('begins behind the last hour without a dead letter, and counts each minute', async () => {
    // Long ago, then an hour and a half of nothing, then one every 30 seconds for two hours.
    await bury('slow', ONE, `SELECT 7200 + 5400 + n * 60 FROM generate_series(0, 5) AS n`);
    await bury('slow', ONE, `SELECT 10 + n * 30 FROM generate_series(0, 239) AS n`);
    const { since, minutes, perMinute, trend, deadLetters } = await onlyCause();
    const age = (Date.now() - (since?.getTime() ?? 0)) / 1_000;
    expect(age).toBeGreaterThan(7_100);
    expect(age).toBeLessThan(7_800);
    expect(minutes).toHaveLength(60);
    expect([perMinute, trend, deadLetters?.estimate]).toEqual([2, 'steady', 246]);
    expect(minutes.every((each) => each >= 1 && each <= 3)).toBe(true);
  });

  it.each([
    ['growing', 'SELECT n * 5 FROM generate_series(0, 60) AS n'],
    ['falling', 'SELECT 590 + n * 5 FROM generate_series(0, 60) AS n'],
    ['over', 'SELECT 1000 + n * 5 FROM generate_series(0, 60) AS n'],
  ])('is %s by what came in the last ten minutes', async (trend, ages) => {
    await bury('kind', ONE, ages);
    const cause = await onlyCause();
    expect(cause.trend).toBe(trend);
    if (trend === 'over') expect(cause.says).toMatch(/61 dead letters, none in the last 10 minutes$/);
  });

  it('that goes on comes before a larger one that is over', async () => {
    await bury('over', consumersTo(20), 'SELECT 5000');
    await bury('now', ONE, 'SELECT 5');
    expect((await causes()).map(({ fingerprint }) => fingerprint)).toEqual(['now', 'over']);
  });

  it('is counted up to 10,000, and estimated beyond', async () => {
    await bury('counted', ONE, 'SELECT n / 10.0 FROM generate_series(1, 10000) AS n');
    await bury('many', ONE, 'SELECT n / 20.0 FROM generate_series(1, 40000) AS n');
    await bury('more', ONE, 'SELECT n / 80.0 FROM generate_series(1, 160000) AS n');
    const sizes = Object.fromEntries((await causes()).map((cause) => [cause.fingerprint, cause]));
    expect(sizes.counted?.deadLetters).toEqual({ count: 10_000, atLeast: false, estimate: 10_000 });
    for (const [kind, size] of [
      ['many', 40_000],
      ['more', 160_000],
    ] as const) {
      const { estimate = 0, ...counted } = sizes[kind]?.deadLetters ?? {};
      expect(counted).toEqual({ count: 10_000, atLeast: true });
      expect(Math.abs(estimate - size)).toBeLessThan(size / 10);
      expect(sizes[kind]?.says).toContain(`~${estimate.toLocaleString('en')} dead letters`);
    }
    // A minute with more than 1,000 is estimated too: 20 and 80 a second.
    const busiest = (kind: string) => Math.max(...(sizes[kind]?.minutes ?? []));
    expect(busiest('many')).toBeGreaterThan(1_080);
    expect(busiest('many')).toBeLessThan(1_320);
    expect(busiest('more')).toBeGreaterThan(4_300);
    expect(busiest('more')).toBeLessThan(5_300);
  }, 120_000);
});

describe('beside a cause stands', () => {
  it('each change of the ten minutes before it, and none from before that or from behind', async () => {
    const { pool } = database;
    // Only the latest five changes are asked for, and the start of the process itself is to be before them.
    await untilSignedIn(database);
    await app.settings.set('maxAttempts', 3, 'too early');
    await pool.query(
      `UPDATE integration.integration_audit SET at = now() - interval '20 minutes';
       UPDATE integration.integration_setting_change SET changed_at = now() - interval '20 minutes'`,
    );
    await pool.query(
      `INSERT INTO integration.integration_setting (key, value, updated_by) VALUES ('core.integration.outbox.retryMaxDelayMs', '9000', 'by SQL')`,
    );
    await pool.query(
      `INSERT INTO integration.integration_start (minute, version, processes, first_at, host, pid)
       SELECT date_bin('1 minute', at, 'epoch'), '1.0.0', 1, at, 'web-0', 1 FROM (SELECT now() - interval '1 day' AS at) AS t`,
    );
    await app.settings.set('batchSize', 5, 'ann');
    await pool.query(
      `INSERT INTO integration.integration_start (minute, version, processes, first_at, host, pid)
       SELECT date_bin('1 minute', at, 'epoch'), '1.1.0', 1, at, 'web-1', 7 FROM (SELECT clock_timestamp() AS at) AS t`,
    );
    await pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, unread, event_names) VALUES ('billing', '{[1,)}', '{order.placed}')`,
    );
    await app.consumers.pause('billing', { by: 'ben', reason: 'deploy' });
    await bury('earlier', ONE, 'SELECT 100000');
    const operations = app.context.get(OperationService, { strict: false });
    const { id } = await operations.plan({ kind: 'redrive', filter: { consumerName: 'billing' } });
    await operations.run(id, { by: 'cleo' });
    await pool.query(`DELETE FROM integration.inbox_event`);
    await bury('kind', ONE, 'SELECT -1');
    await app.settings.set('maxAttempts', 4, 'too late');
    await pool.query(
      `UPDATE integration.integration_setting_change SET changed_at = now() + interval '1 hour' WHERE changed_by = 'too late'`,
    );
    const { changedBefore } = await onlyCause();
    expect(changedBefore.map(({ kind, says }) => [kind, says])).toEqual([
      ['operation', 'cleo started the redrive of billing'],
      ['consumer', 'ben paused consumer billing: deploy'],
      ['process', 'Process web-1:7 was started with the new version 1.1.0'],
      ['setting', 'ann set core.integration.outbox.batchSize to 5'],
      ['setting', 'by SQL set core.integration.outbox.retryMaxDelayMs to 9000'],
    ]);
    expect(changedBefore[0]?.target).toBe(`operation/${id}`);
  });
});

describe('groups of failures', () => {
  it('are in the order of their sizes at 10,000 kinds, also behind the rows that are read in turn', async () => {
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, error_fingerprint)
       SELECT gen_random_uuid(), row_number() OVER (), 'billing', 'thing', 't', 'dead_letter', kind
       FROM (SELECT 'kind-' || lpad(n::text, 5, '0') AS kind, CASE n WHEN 9997 THEN 1001 WHEN 9998 THEN 1200 WHEN 9999 THEN 4000 ELSE 1 + n % 2 END AS size
             FROM generate_series(1, 10000) AS n) AS k, generate_series(1, size)`,
    );
    await database.pool.query('ANALYZE integration.inbox_event');
    const expected = [
      ['kind-09999', 4_000],
      ['kind-09998', 1_200],
      ['kind-09997', 1_001],
      ['kind-00001', 2],
    ];
    const groups = app.context.get(FailureGroupService, { strict: false });
    const { items, isPartial } = await groups.list({}, { order: 'size', limit: 4 });
    expect(isPartial).toBe(false);
    expect(items.map(({ fingerprint, deadLetters }) => [fingerprint, deadLetters.estimate])).toEqual(
      expected,
    );
    const stepping = new FailureGroupStore(database.engine(), { groups: 20_000, rows: 1_000, few: 1 });
    const first = { consumerName: '', fingerprint: null };
    const stepped = await stepping.listBy('size', first, undefined, false, 3);
    expect(stepped.items.map(({ fingerprint }) => fingerprint)).toEqual(
      expected.slice(0, 3).map(([kind]) => kind),
    );
    for (const [n, { deadLetters }] of stepped.items.entries()) {
      const size = Number(expected[n]?.[1]);
      expect([deadLetters.count, deadLetters.atLeast]).toEqual([1_000, true]);
      expect(Math.abs(deadLetters.estimate - size)).toBeLessThan(size / 5);
    }
  }, 120_000);
});
