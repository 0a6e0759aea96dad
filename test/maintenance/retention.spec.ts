import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { EngineSession } from '../../src/database/sql/engine-session.js';
import { tablesOf } from '../../src/database/sql/tables.js';
import { NonRetryableError, SkipEventError } from '../../src/errors.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { Retention, type RetentionResult } from '../../src/maintenance/retention.js';
import { RetentionStore } from '../../src/maintenance/retention.store.js';
import { startApp, type TestApp } from '../support/app.js';
import { changedBy } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const RETENTION_DAYS = 10;
const SETTINGS = { retentionDays: RETENTION_DAYS, 'processor.enabled': false };
const NOTHING = { events: 0, inboxRows: 0 };

let database: TestDatabase;
let apps: TestApp[];

beforeEach(async () => {
  database = await createTestDatabase();
  apps = [];
});
afterEach(async () => {
  for (const app of apps) await app.close();
  await database.drop();
});

type Subscribers = Parameters<typeof startApp>[1];

async function start(subscribers: Subscribers, settings: object = {}): Promise<TestApp> {
  const app = await startApp(database, subscribers, { settings: { ...SETTINGS, ...settings } });
  apps.push(app);
  return app;
}

function consumer(consumerName: string, handler: (n: number) => void = () => {}): Subscribers[number] {
  return {
    consumerName,
    eventName: 'thing.happened',
    startFrom: 'earliest',
    handler: async (event: { payload: { n: number } }) => handler(event.payload.n),
  } as Subscribers[number];
}

async function publish(app: TestApp, numbers: readonly number[], options: object = {}): Promise<void> {
  await app.api.publishEvents(
    numbers.map((n) => ({
      eventName: 'thing.happened',
      sourceModule: 'test',
      aggregateType: 'thing',
      aggregateId: String(n),
      payload: { n },
      ...options,
    })),
  );
}

async function age(days: number, where = 'true'): Promise<void> {
  await database.pool.query(
    `UPDATE integration.outbox_event SET created_at = created_at - $1 * interval '1 day' WHERE ${where}`,
    [days],
  );
}

function clean(app: TestApp): Promise<RetentionResult> {
  return app.context.get(Retention, { strict: false }).run(0, new AbortController().signal);
}

/** A day later the task begins at the log's head again. */
async function aDayLater(): Promise<void> {
  await database.pool.query(
    `UPDATE integration.integration_maintenance SET began_at = began_at - interval '25 hours'`,
  );
}

async function numbersLeft(): Promise<number[]> {
  const { rows } = await database.pool.query(
    `SELECT (payload->>'n')::int AS n FROM integration.outbox_event ORDER BY position`,
  );
  return rows.map((row) => row.n);
}

async function inboxRowsLeft(): Promise<number> {
  const { rows } = await database.pool.query('SELECT count(*)::int AS count FROM integration.inbox_event');
  return rows[0].count;
}

it('a deduplicationKey protects as long as retention keeps the event, and no longer', async () => {
  const app = await start([]);
  const reminder = () =>
    app.api.publishEvent({
      eventName: 'thing.happened',
      sourceModule: 'test',
      aggregateType: 'thing',
      aggregateId: '1',
      deduplicationKey: 'reminder/1',
    });
  const first = await reminder();
  await age(RETENTION_DAYS - 1);
  await clean(app);
  expect(await reminder()).toMatchObject({ outboxEventId: first.outboxEventId, duplicate: true });
  await age(2);
  await aDayLater();
  expect(await clean(app)).toMatchObject({ events: 1 });
  expect(await reminder()).toMatchObject({
    duplicate: false,
    outboxEventId: expect.not.stringMatching(first.outboxEventId),
  });
});

describe('retention', () => {
  it('deletes events past retentionDays that every consumer has settled, and no younger ones', async () => {
    const app = await start([consumer('a'), consumer('b')]);
    await publish(app, [1, 2, 3, 4]);
    await app.processor.drain();
    await age(RETENTION_DAYS - 1, `payload->>'n' = '3'`);
    await age(RETENTION_DAYS + 1, `payload->>'n' IN ('1', '2')`);
    expect(await clean(app)).toEqual({ events: 2, inboxRows: 0 });
    expect(await numbersLeft()).toEqual([3, 4]);
    expect(await clean(app)).toEqual(NOTHING);
  });

  it('keeps what some consumer has not read, however old, and delivers it when the consumer runs again', async () => {
    const handled: number[] = [];
    const fast = await start([consumer('fast'), consumer('slow', (n) => handled.push(n))]);
    await fast.consumers.pause('slow');
    await publish(fast, [1, 2, 3]);
    await fast.processor.drain();
    await age(RETENTION_DAYS * 3);
    expect(await clean(fast)).toEqual(NOTHING);
    await fast.consumers.resume('slow');
    await fast.processor.drain();
    expect(handled).toEqual([1, 2, 3]);
    expect(await clean(fast)).toMatchObject({ events: 3 });
  });

  it('keeps what fails, is delayed, dead or failed for good; what was skipped goes with its row', async () => {
    const app = await start(
      [
        consumer('all', (n) => {
          if (n === 2) throw new Error('tried again');
          if (n === 3) throw new NonRetryableError('dead');
          if (n === 4) throw new SkipEventError('not for me');
        }),
      ],
      { retryBaseDelayMs: 60_000, retryMaxDelayMs: 60_000 },
    );
    await publish(app, [1, 2, 3, 4]);
    await publish(app, [5], { delayMs: 60_000 });
    await app.processor.drain();
    await app.settings.set('deadLetterEnabled', false, 'test');
    await publish(app, [3]);
    await app.processor.drain();
    await age(RETENTION_DAYS + 1);
    expect(await clean(app)).toEqual({ events: 2, inboxRows: 1 });
    expect(await numbersLeft()).toEqual([2, 3, 5, 3]);
    expect(await inboxRowsLeft()).toBe(4);
  });

  it('deletes a dead letter once it was redriven and processed', async () => {
    let broken = true;
    const app = await start([
      consumer('all', () => {
        if (broken) throw new NonRetryableError('dead');
      }),
    ]);
    await publish(app, [1, 2]);
    await app.processor.drain();
    await age(RETENTION_DAYS + 1);
    expect(await clean(app)).toEqual(NOTHING);
    broken = false;
    expect(await changedBy(app, app.consumers.redrive({}))).toBe(2);
    await app.processor.drain();
    await aDayLater();
    expect(await clean(app)).toEqual({ events: 2, inboxRows: 2 });
    expect(await inboxRowsLeft()).toBe(0);
  });

  it('deletes the rows of transactional handlers with their events', async () => {
    const app = await start([{ ...consumer('all'), transactional: true } as Subscribers[number]]);
    await publish(app, [1]);
    await app.processor.drain();
    await age(RETENTION_DAYS + 1);
    expect(await clean(app)).toMatchObject({ events: 1 });
    expect(await inboxRowsLeft()).toBe(0);
  });

  it('keeps what a replay that is not finished has still to look at', async () => {
    const app = await start([consumer('all')]);
    await publish(app, [1, 2, 3]);
    await app.processor.drain();
    await age(RETENTION_DAYS + 1);
    await app.consumers.replay('all', { eventNames: ['thing.happened'] });
    expect(await clean(app)).toEqual(NOTHING);
    await app.processor.drain();
    expect(await clean(app)).toMatchObject({ events: 3 });
  });

  it('deletes events of names that nobody consumes, and those that no consumer was there for', async () => {
    const app = await start([consumer('all')]);
    await publish(app, [1, 2], { eventName: 'nobody.asks' });
    await app.processor.drain();
    await age(RETENTION_DAYS + 1);
    expect(await clean(app)).toMatchObject({ events: 2 });
  });

  it('is held by a paused consumer for ever, as long as a process has handlers for it, also one that works only when told to', async () => {
    const handled: number[] = [];
    const app = await start([consumer('paused', (n) => handled.push(n))]);
    await app.processor.drain();
    await app.consumers.pause('paused');
    await publish(app, [1, 2]);
    await age(RETENTION_DAYS * 3);
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET served_at = clock_timestamp() - $1 * interval '1 day'`,
      [RETENTION_DAYS * 2 + 1],
    );
    await app.context.get(MaintenanceJob, { strict: false }).runRound();
    expect(await numbersLeft()).toEqual([1, 2]);
    await app.consumers.resume('paused');
    await app.processor.drain();
    expect(handled).toEqual([1, 2]);
  });

  it('is held by an orphaned consumer for twice retentionDays and no longer', async () => {
    const app = await start([
      consumer('live'),
      consumer('orphan', () => {
        throw new NonRetryableError('dead');
      }),
    ]);
    await publish(app, [1]);
    await app.processor.drain();
    await app.consumers.pause('orphan');
    await publish(app, [2, 3]);
    await app.processor.drain();
    await age(RETENTION_DAYS * 3);
    const unservedFor = (days: number) =>
      database.pool.query(
        `UPDATE integration.inbox_cursor SET served_at = clock_timestamp() - $1 * interval '1 day' WHERE consumer_name = 'orphan'`,
        [days],
      );
    await unservedFor(RETENTION_DAYS * 2 - 1);
    expect(await clean(app)).toEqual(NOTHING);
    await unservedFor(RETENTION_DAYS * 2 + 1);
    await aDayLater();
    expect(await clean(app)).toEqual({ events: 3, inboxRows: 1 });
    expect(await inboxRowsLeft()).toBe(0);
  });

  it('goes batch by batch, on from where it was, and looks at what it kept once a day', async () => {
    const app = await start([
      consumer('all', (n) => {
        if (n === 0) throw new NonRetryableError('dead');
      }),
    ]);
    await publish(
      app,
      Array.from({ length: 2_500 }, (_, n) => n),
    );
    await app.processor.drain();
    await age(RETENTION_DAYS + 1);
    expect(await clean(app)).toMatchObject({ events: 2_499 });
    expect(await changedBy(app, app.consumers.discard({ consumerName: 'all' }, 'seen to'))).toBe(1);
    expect(await clean(app)).toEqual(NOTHING);
    await aDayLater();
    expect(await clean(app)).toEqual({ events: 1, inboxRows: 1 });
  });

  it('is done by one process at a time', async () => {
    const app = await start([consumer('all')]);
    await publish(app, [1, 2, 3]);
    await app.processor.drain();
    await age(RETENTION_DAYS + 1);
    await clean(app);
    await publish(app, [4]);
    await app.processor.drain();
    await age(RETENTION_DAYS + 1);
    const other = await database.pool.connect();
    await other.query('BEGIN');
    await other.query(
      `SELECT 1 FROM integration.integration_maintenance WHERE task = 'retention' FOR UPDATE`,
    );
    expect(await clean(app)).toEqual(NOTHING);
    await other.query('ROLLBACK');
    other.release();
    expect(await clean(app)).toMatchObject({ events: 1 });
  });
});

describe('the statement of retention', () => {
  const BATCH = { from: 1, limit: 1_000, retentionDays: RETENTION_DAYS };

  /** A session that sees the statement with its text changed. */
  async function withSession<R>(
    change: (sql: string) => string,
    work: (session: EngineSession) => Promise<R>,
  ): Promise<R> {
    const db = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
    try {
      return await work({ query: (sql, params) => db.query(change(sql), params) });
    } finally {
      await db.close();
    }
  }

  it('reads the log by ranges of positions: no scan of a table, no sort', async () => {
    const app = await start([consumer('all')]);
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, created_at)
       SELECT 'thing.happened', 'test', 'thing', (n % 100)::text, now() - interval '20 days' FROM generate_series(1, 60000) n`,
    );
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
       SELECT id, position, 'all', 'thing', aggregate_id, 'processed' FROM integration.outbox_event WHERE position % 3 = 0`,
    );
    await database.pool.query(`UPDATE integration.inbox_cursor SET unread = '{[60001,)}'`);
    await database.pool.query('ANALYZE integration.outbox_event, integration.inbox_event');
    const plan: string[] = [];
    await withSession(
      (sql) => `EXPLAIN ${sql}`,
      (session) =>
        new RetentionStore({ tables: tablesOf('integration') } as EngineDatabase).deleteBatch(
          {
            query: async <Row>(sql: string, params?: readonly unknown[]) => {
              const rows = await session.query<{ 'QUERY PLAN': string }>(sql, params);
              plan.push(...rows.map((row) => row['QUERY PLAN']));
              return rows as Row[];
            },
          },
          BATCH,
        ),
    );
    expect(plan.join('\n')).toMatch(/Index Scan using outbox_event_pkey/);
    expect(plan.filter((line) => /Seq Scan on (outbox|inbox)_event|Sort/.test(line))).toEqual([]);
    expect(await clean(app)).toEqual({ events: 60_000, inboxRows: 20_000 });
  });

  it.each([
    ['ignored what is unread', ' - held.positions', ''],
    ['ignored rows of the inbox', ' AND id NOT IN (SELECT outbox_event_id FROM needed)', ''],
    ['gave consumers up too soon', '2 * $3', '0 * $3'],
    [
      'ignored how old an event is',
      'position = ANY (ARRAY(\n          SELECT position FROM candidate WHERE old AND',
      'position = ANY (ARRAY(\n          SELECT position FROM candidate WHERE',
    ],
  ])('would lose events if it %s', async (_, rule, mutant) => {
    const app = await start([
      consumer('busy', (n) => {
        if (n === 1) throw new NonRetryableError('dead');
      }),
    ]);
    await publish(app, [1, 2]);
    await app.processor.drain();
    await app.consumers.pause('busy');
    await publish(app, [3]);
    await age(RETENTION_DAYS + 1, `payload->>'n' <> '2'`);
    const lossOf = (change: (sql: string) => string) =>
      withSession(change, async (session) => {
        await new RetentionStore({ tables: tablesOf('integration') } as EngineDatabase).deleteBatch(
          session,
          BATCH,
        );
        return numbersLeft();
      });
    expect(await lossOf((sql) => sql)).toEqual([1, 2, 3]);
    const left = await lossOf((sql) => {
      expect(sql).toContain(rule);
      return sql.replace(rule, mutant);
    });
    expect(left).not.toEqual([1, 2, 3]);
  });
});

describe('an event that plain SQL wrote with a time ahead', () => {
  it('does not keep those behind it, and goes with them', async () => {
    const app = await start([consumer('all')]);
    await publish(app, [1, 2, 3, 4]);
    await app.processor.drain();
    await age(RETENTION_DAYS + 1, `payload->>'n' <> '4'`);
    await database.pool.query(
      `UPDATE integration.outbox_event SET created_at = 'infinity' WHERE payload->>'n' = '1'`,
    );
    await database.pool.query(
      `UPDATE integration.outbox_event SET created_at = now() + interval '1 year' WHERE payload->>'n' = '2'`,
    );
    expect(await clean(app)).toEqual({ events: 3, inboxRows: 0 });
    expect(await numbersLeft()).toEqual([4]);
  });

  it('is kept, and ends no round, as long as none behind it is old', async () => {
    const app = await start([consumer('all')]);
    await publish(app, [1, 2]);
    await app.processor.drain();
    await database.pool.query(`UPDATE integration.outbox_event SET created_at = 'infinity'`);
    expect(await clean(app)).toEqual(NOTHING);
    await publish(app, [3, 4]);
    await app.processor.drain();
    await age(RETENTION_DAYS + 1, `payload->>'n' = '3'`);
    expect(await clean(app)).toMatchObject({ events: 1 });
    await aDayLater();
    await age(RETENTION_DAYS + 1, `payload->>'n' = '4'`);
    expect(await clean(app)).toMatchObject({ events: 3 });
  });
});
