import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplayWindowStore } from '../../src/changes/replay-window.store.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import {
  type DomainEvent,
  type DomainEventInput,
  NonRetryableError,
  type Operation,
  OperationService,
  type ReplayFilter,
  type ReplayRange,
  SkipEventError,
  type SubscriberContext,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { DELIVERY_TABLES, emptyTablesAnew } from '../support/empty-tables.js';
import { inboxRows, unreadOf } from '../support/inbox-rows.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { startWorker } from '../support/worker-process.js';

let database: TestDatabase;
const apps: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() =>
  emptyTablesAnew(database.pool, ...DELIVERY_TABLES, 'integration.integration_operation', 'effect'),
);
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});
afterAll(() => database.drop());

async function start(subscribers: AnySubscriberDefinition[], settings: object = {}): Promise<TestApp> {
  const app = await startApp(database, subscribers, { settings });
  apps.push(app);
  return app;
}

async function stopAll(): Promise<void> {
  for (const app of apps.splice(0)) await app.close();
}

const event = (aggregateId: string, more: Partial<DomainEventInput> = {}): DomainEventInput => ({
  eventName: 'order.placed',
  sourceModule: 'test',
  aggregateType: 'order',
  aggregateId,
  ...more,
});

const events = (count: number, more: Partial<DomainEventInput> = {}): DomainEventInput[] =>
  Array.from({ length: count }, (_, n) => event(`o${n}`, { payload: n, ...more }));

const consumer = (
  handle: (event: DomainEvent, context: SubscriberContext) => unknown,
  more: Partial<AnySubscriberDefinition> = {},
): AnySubscriberDefinition =>
  ({
    eventName: 'order.*',
    consumerName: 'billing',
    handler: async (given: DomainEvent, context: SubscriberContext) => handle(given, context),
    ...more,
  }) as AnySubscriberDefinition;

const recording = (calls: Recorder<number>, more: Partial<AnySubscriberDefinition> = {}) =>
  consumer(({ position }) => calls.record(position), more);

async function replaysOf(app: TestApp): Promise<Operation[]> {
  return (await app.context.get(OperationService).list({ kind: 'replay' })).operations;
}

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

describe('a range', () => {
  it('is delivered again by an owner that runs, each event once', async () => {
    const calls = new Recorder<number>();
    const app = await start([recording(calls)]);
    await app.api.publishEvents(events(20));
    await calls.first(20);
    await app.processor.drain();
    const again = await app.consumers.replayAtOnce('billing', { from: 5, to: 9 });
    expect(again).toEqual({ from: 5, to: 9, positions: 5 });
    // Nobody tells the owner but its own next beat.
    await calls.first(25);
    await app.processor.drain();
    expect(calls.all).toHaveLength(25);
    expect(sorted(calls.all.slice(20))).toEqual([5, 6, 7, 8, 9]);
    expect(await unreadOf(database, 'billing')).toBe('{[21,)}');
  });

  it('reaches to the end of the log without an end, and begins with the first event that is left', async () => {
    const calls = new Recorder<number>();
    const app = await start([recording(calls)]);
    await app.api.publishEvents(events(10));
    await app.processor.drain();
    await database.pool.query('DELETE FROM integration.outbox_event WHERE position <= 3');
    expect(await app.consumers.replayAtOnce('billing', { from: 1 })).toMatchObject({
      from: 4,
      to: 10,
      positions: 7,
    });
    await app.processor.drain();
    expect(sorted(calls.all.slice(10))).toEqual([4, 5, 6, 7, 8, 9, 10]);
    expect(await app.consumers.replayAtOnce('billing', { from: 11 })).toMatchObject({ positions: 0 });
  });

  it('brings what a new consumer has left out, which it is asked for from then on', async () => {
    const publisher = await start([]);
    await publisher.api.publishEvents(events(4));
    const calls = new Recorder<number>();
    const app = await start([recording(calls, { startFrom: 'latest' })]);
    expect((await app.outbox.getStats()).consumers[0]).toMatchObject({ total: 0 });
    await app.consumers.replayAtOnce('billing', { from: 1, to: 4 });
    await app.processor.drain();
    expect(sorted(calls.all)).toEqual([1, 2, 3, 4]);
    expect((await app.outbox.getStats()).consumers[0]).toMatchObject({ total: 4, processed: 4 });
  });

  it('leaves alone what is running, or waits for a retry; what is dead or was skipped runs again', async () => {
    const calls = new Recorder<number>();
    let healed = false;
    let finish = () => {};
    const app = await start(
      [
        consumer(
          async ({ position, payload }) => {
            calls.record(position);
            if (payload === 'slow' && !healed) {
              await new Promise<void>((resolve) => {
                finish = resolve;
              });
            }
            if (healed) return;
            if (payload === 'dead') throw new NonRetryableError('dead');
            if (payload === 'skip') throw new SkipEventError('not for us');
            if (payload === 'retry') throw new Error('later');
          },
          { ordered: false },
        ),
      ],
      { retryBaseDelayMs: 60_000, retryMaxDelayMs: 60_000 },
    );
    await app.api.publishEvents(
      ['fine', 'dead', 'skip', 'retry', 'slow'].map((payload) => event(payload, { payload })),
    );
    await until(
      'all but the slow one are settled',
      async () => (await unreadOf(database, 'billing')) === '{[5,)}',
    );
    healed = true;
    expect(await app.consumers.replayAtOnce('billing', { from: 1 })).toMatchObject({ positions: 3 });
    await calls.first(8);
    expect(sorted(calls.all.slice(5))).toEqual([1, 2, 3]);
    finish();
    await app.processor.drain();
    expect(calls.all).toHaveLength(8);
    expect(await inboxRows(database, 'billing')).toMatchObject([{ aggregateId: 'retry', status: 'failed' }]);
    expect(await unreadOf(database, 'billing')).toBe('{[6,)}');
  });

  it('may have more rows in the inbox than one transaction takes', async () => {
    const publisher = await start([]);
    for (let i = 0; i < 5; i++) await publisher.api.publishEvents(events(1_000));
    const calls = new Recorder<number>();
    const app = await start([recording(calls, { startFrom: 'latest' })]);
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, available_at)
       SELECT id, position, 'billing', aggregate_type, aggregate_id, CASE WHEN position % 1000 = 0 THEN 'received' ELSE 'dead_letter' END,
         CASE WHEN position % 1000 = 0 THEN now() + interval '1 hour' END
       FROM integration.outbox_event`,
    );
    expect(await app.consumers.replayAtOnce('billing', { from: 1 })).toEqual({
      from: 1,
      to: 5_000,
      positions: 4_995,
    });
    await app.processor.drain();
    expect(calls.all).toHaveLength(4_995);
    expect((await inboxRows(database, 'billing')).map(({ status }) => status)).toEqual(
      Array(5).fill('received'),
    );
    const { rows } = await database.pool.query(
      'SELECT starts_at::int AS "startsAt" FROM integration.inbox_cursor',
    );
    expect(rows).toEqual([{ startsAt: 1 }]);
  });

  it('is read by whoever owns the consumer next, if nobody does', async () => {
    const calls = new Recorder<number>();
    const app = await start([recording(calls)]);
    await app.api.publishEvents(events(3));
    await app.processor.drain();
    await stopAll();
    const admin = await start([]);
    await admin.consumers.replayAtOnce('billing', { from: 2 });
    const next = await start([recording(calls)]);
    await next.processor.drain();
    expect(sorted(calls.all)).toEqual([1, 2, 2, 3, 3]);
  });

  it('loses no event whose transaction is open meanwhile', async () => {
    const calls = new Recorder<number>();
    const app = await start([recording(calls)]);
    const writer = await database.pool.connect();
    await app.api.publishEvents(events(3));
    await writer.query('BEGIN');
    await insert(writer);
    await app.api.publishEvents(events(3));
    await app.processor.drain();
    await writer.query('SAVEPOINT s');
    await insert(writer);
    await writer.query('ROLLBACK TO s');
    await app.api.publishEvents(events(1));
    await calls.first(7);
    await app.processor.drain();
    await app.consumers.replayAtOnce('billing', { from: 1 });
    await calls.first(14);
    await writer.query('COMMIT');
    writer.release();
    await calls.find((position) => position === 4);
    await until('the hole is swept', async () => (await unreadOf(database, 'billing')) === '{[10,)}');
    expect(sorted(calls.all)).toEqual([1, 1, 2, 2, 3, 3, 4, 5, 5, 6, 6, 7, 7, 9, 9]);
  });

  it('waits for a batch whose commit its owner does not know of yet, and delivers it once more then', async () => {
    const prisma = database.prisma();
    const answered = new Recorder<string>();
    let hasBooted = false;
    let answer = () => {};
    const gate = new Promise<void>((resolve) => {
      answer = resolve;
    });
    const client = new Proxy(prisma, {
      get: (target, name) =>
        name === '$transaction'
          ? async (...given: Parameters<typeof prisma.$transaction>) => {
              const result = await target.$transaction(...given);
              // The boot looks through a transaction where the client leads.
              if (!hasBooted) return result;
              answered.record('committed');
              await gate;
              return result;
            }
          : Reflect.get(target, name),
    });
    const calls = new Recorder<number>();
    const app = await startApp(
      database,
      [
        {
          eventName: 'order.*',
          consumerName: 'billing',
          transactional: true,
          batch: { maxSize: 10 },
          handler: async (batch: DomainEvent[]) => {
            for (const { position } of batch) calls.record(position);
          },
        } as AnySubscriberDefinition,
      ],
      { client },
    );
    apps.push(app);
    hasBooted = true;
    await app.api.publishEvents(events(3));
    await answered.first(1);
    expect(await app.consumers.replayAtOnce('billing', { from: 1 })).toMatchObject({ positions: 3 });
    await until('the owner gives the consumer back', async () => app.workers.active.length === 0);
    expect(calls.all).toEqual([1, 2, 3]);
    answer();
    await calls.first(6);
    await app.processor.drain();
    expect(calls.all).toEqual([1, 2, 3, 1, 2, 3]);
    expect(await unreadOf(database, 'billing')).toBe('{[4,)}');
  });

  it.each([
    ['one by one', {}],
    ['unordered', { ordered: false, concurrency: 50 }],
    ['transactional', { transactional: true }],
    ['transactional batches', { transactional: true, batch: { maxSize: 20 }, concurrency: 4 }],
  ])(
    'is exact on a busy consumer (%s): as many more deliveries as positions put back, none beside another of the same event',
    async (_, options) => {
      const running = new Set<number>();
      const overlaps: number[] = [];
      const deliver = async (given: DomainEvent, context: SubscriberContext) => {
        if (running.has(given.position)) overlaps.push(given.position);
        running.add(given.position);
        await effect(given, context);
        running.delete(given.position);
      };
      const isTransactional = 'transactional' in options;
      const effect = async (given: DomainEvent, context: SubscriberContext) => {
        const sql = 'INSERT INTO effect (consumer, event_id) VALUES ($1, $2)';
        if (isTransactional) {
          await context.transaction.$executeRawUnsafe(sql, 'billing', String(given.position));
        } else await database.pool.query(sql, ['billing', String(given.position)]);
      };
      const app = await start([
        {
          eventName: 'order.*',
          consumerName: 'billing',
          ...options,
          handler: async (given: DomainEvent | DomainEvent[], context: SubscriberContext) => {
            for (const each of [given].flat()) await deliver(each, context);
          },
        } as AnySubscriberDefinition,
      ]);
      let published = 0;
      let putBack = 0;
      for (let round = 0; round < 12; round++) {
        await app.api.publishEvents(events(60));
        published += 60;
        const head = published;
        // Near the head, where much is in hand, and far behind it.
        const from = round % 2 === 0 ? Math.max(1, head - 80) : 1 + Math.floor(head / 3);
        const result = await app.consumers.replayAtOnce('billing', { from, to: from + 70 });
        putBack += result.positions;
        if (round % 3 === 0) await app.processor.drain();
      }
      await app.processor.drain();
      await until(
        'everything is settled',
        async () => (await unreadOf(database, 'billing')) === `{[${published + 1},)}`,
      );
      const { rows } = await database.pool.query(
        'SELECT count(*)::int AS effects, count(DISTINCT event_id)::int AS events FROM effect',
      );
      expect(putBack).toBeGreaterThan(0);
      expect(rows).toEqual([{ effects: published + putBack, events: published }]);
      expect(overlaps).toEqual([]);
      expect((await inboxRows(database, 'billing')).filter(({ status }) => status !== 'processed')).toEqual(
        [],
      );
    },
  );
});

describe('a filtered replay', () => {
  const noise = (count: number) => events(count, { eventName: 'order.shipped' });

  it('delivers the events of some names again, window by window, and says how far it is', async () => {
    const calls = new Recorder<number>();
    const app = await start([recording(calls, { concurrency: 50 })]);
    for (let i = 0; i < 12; i++) await app.api.publishEvents([...events(100), ...noise(50)]);
    await calls.first(1_800);
    await app.processor.drain();
    const asked = await app.consumers.replay('billing', { eventNames: ['order.placed'] }, { by: 'a test' });
    expect(asked).toMatchObject({
      kind: 'replay',
      state: 'running',
      filter: { consumerName: 'billing', eventNames: ['order.placed'] },
      plannedEvents: 1_200,
      nextPosition: 1,
      toPosition: 1_800,
      changed: 0,
      requestedBy: 'a test',
      finishedAt: null,
    });
    await app.api.publishEvents(events(5));
    await calls.first(1_805 + 1_200);
    await app.processor.drain();
    expect(calls.all).toHaveLength(3_005);
    expect(await replaysOf(app)).toMatchObject([
      { changed: 1_200, state: 'done', finishedAt: expect.any(Date) },
    ]);
    const { rows } = await database.pool.query(
      `SELECT event_name, count(*)::int AS count FROM integration.inbox_event i JOIN integration.outbox_event USING (position)
       WHERE status = 'processed' GROUP BY 1`,
    );
    expect(rows).toEqual([{ event_name: 'order.placed', count: 1_200 }]);
  });

  it.each<[string, (times: Date[]) => ReplayFilter, number[]]>([
    ['an aggregate', () => ({ aggregateType: 'order', aggregateId: 'b' }), [2, 5]],
    ['a type of aggregate', () => ({ aggregateType: 'invoice' }), [3]],
    ['a prefix of names', () => ({ eventNames: ['order.sh*'] }), [4, 5]],
    ['a time', (times) => ({ since: times[1] ?? new Date(0), until: times[3] ?? new Date(0) }), [2, 3]],
    ['names within a range', () => ({ eventNames: ['order.placed'], from: 2, to: 4 }), [2, 3]],
    ['names that the consumer does not handle', () => ({ eventNames: ['invoice.paid'] }), []],
  ])('takes %s', async (_, filter, expected) => {
    const calls = new Recorder<number>();
    const app = await start([recording(calls)]);
    await app.api.publishEvents([
      event('a'),
      event('b'),
      event('b', { aggregateType: 'invoice' }),
      event('a', { eventName: 'order.shipped' }),
      event('b', { eventName: 'order.shipped' }),
      event('a', { eventName: 'invoice.paid' }),
    ]);
    await app.processor.drain();
    await database.pool.query(
      `UPDATE integration.outbox_event SET created_at = clock_timestamp() - (10 - position) * interval '1 minute'`,
    );
    const { rows } = await database.pool.query(
      'SELECT created_at FROM integration.outbox_event ORDER BY position',
    );
    await app.consumers.replay('billing', filter(rows.map((row) => row.created_at as Date)));
    await app.processor.drain();
    expect(sorted(calls.all.slice(5))).toEqual(expected);
    expect(await replaysOf(app)).toMatchObject([{ changed: expected.length, finishedAt: expect.any(Date) }]);
  });

  it('brings the events of a name that was added to the consumer after they had been passed over', async () => {
    const calls = new Recorder<number>();
    const old = await start([recording(calls, { eventName: 'order.placed' })]);
    await old.api.publishEvents([event('a'), ...noise(3), event('b')]);
    await old.processor.drain();
    await stopAll();
    const app = await start([recording(calls, { eventName: ['order.placed', 'order.shipped'] })]);
    await app.processor.drain();
    expect(calls.all).toEqual([1, 5]);
    await app.consumers.replay('billing', { eventNames: ['order.shipped'], to: 5 });
    await app.processor.drain();
    expect(sorted(calls.all)).toEqual([1, 2, 3, 4, 5]);
  });

  it('passes over what is unread or has a retry to come, and sends dead ones with all their attempts', async () => {
    const calls: string[] = [];
    let healed = false;
    const app = await start(
      [
        consumer(({ payload }, { attempt }) => {
          calls.push(`${payload} ${attempt}`);
          if (healed) return;
          if (payload === 'dead') throw new NonRetryableError('dead');
          if (payload === 'retry') throw new Error('later');
        }),
      ],
      { retryBaseDelayMs: 60_000, retryMaxDelayMs: 60_000 },
    );
    await app.api.publishEvents(['dead', 'retry', 'fine'].map((payload) => event(payload, { payload })));
    await app.processor.drain();
    await app.consumers.pause('billing');
    await until('it is paused', async () => app.workers.active.length === 0);
    await app.api.publishEvent(event('unread', { payload: 'unread' }));
    healed = true;
    await app.consumers.replay('billing', { aggregateType: 'order' });
    await app.consumers.resume('billing');
    await until('it is finished', async () => (await replaysOf(app))[0]?.finishedAt !== null);
    await app.processor.drain();
    expect(calls.slice(0, 3)).toEqual(['dead 1', 'retry 1', 'fine 1']);
    expect(calls.slice(3).sort()).toEqual(['dead 1', 'fine 1', 'unread 1']);
  });

  it('sends each event once, whoever works on it: several processes with a partition each, and more than one at a time', async () => {
    const calls = new Recorder<number>();
    const subscribers = [recording(calls, { partitions: 4 })];
    const first = await start(subscribers);
    for (let i = 0; i < 6; i++) await first.api.publishEvents(events(250));
    await calls.first(1_500);
    await first.processor.drain();
    await start(subscribers);
    const others = [1, 2].map(
      () => new EngineDatabase({ connectionString: database.url, schema: 'integration' }),
    );
    await first.consumers.replay('billing', { eventNames: ['order.placed'] });
    const racing = others.map(async (db) => {
      const store = new ReplayWindowStore(db);
      while ((await store.sendWindow('billing')).state !== 'none') {}
      await db.close();
    });
    await Promise.all(racing);
    await calls.first(3_000);
    await first.processor.drain();
    expect(calls.all).toHaveLength(3_000);
    expect(new Set(calls.all.slice(1_500)).size).toBe(1_500);
    expect((await replaysOf(first))[0]).toMatchObject({ changed: 1_500, finishedAt: expect.any(Date) });
  });

  it('goes on where it was when its process is killed, and repeats transactional effects once', async () => {
    const admin = await start([]);
    for (let i = 0; i < 2; i++) {
      await admin.api.publishEvents(events(500).map((each, n) => ({ ...each, payload: { n: i * 500 + n } })));
    }
    const consumers = [
      { consumerName: 'transactional', eventName: 'order.*', startFrom: 'earliest', transactional: true },
    ];
    const effects = async () => {
      const { rows } = await database.pool.query('SELECT count(*)::int AS count FROM effect');
      return rows[0].count as number;
    };
    const workers = [startWorker(database.url, consumers)];
    try {
      await until('all are settled', async () => (await unreadOf(database, 'transactional')) === '{[1001,)}');
      await admin.consumers.replay('transactional', { eventNames: ['order.*'] });
      await until('some are handled again', async () => (await effects()) > 1_100);
      workers[0]?.kill('SIGKILL');
      await workers[0]?.ended;
      workers.push(startWorker(database.url, consumers));
      await until('all are handled again', async () => (await effects()) >= 2_000);
      await until('it is finished', async () => (await replaysOf(admin))[0]?.finishedAt !== null);
    } finally {
      for (const worker of workers) worker.kill('SIGTERM');
      await Promise.all(workers.map((worker) => worker.ended));
    }
    const { rows } = await database.pool.query(
      'SELECT times, count(*)::int AS events FROM (SELECT count(*)::int AS times FROM effect GROUP BY event_id) t GROUP BY 1',
    );
    expect(rows).toEqual([{ times: 2, events: 1_000 }]);
    expect((await replaysOf(admin))[0]).toMatchObject({ changed: 1_000 });
  });

  it('repeats transactional effects once, and waits until rows are worked off before it adds more', async () => {
    const app = await start([
      consumer(
        async ({ position }, { transaction }) => {
          await transaction.$executeRawUnsafe(
            'INSERT INTO effect (consumer, event_id) VALUES ($1, $2)',
            'billing',
            String(position),
          );
        },
        { transactional: true },
      ),
    ]);
    await app.api.publishEvents(events(120));
    await app.processor.drain();
    await app.consumers.replay('billing', { eventNames: ['order.*'] });
    await app.processor.drain();
    const { rows } = await database.pool.query(
      'SELECT times, count(*)::int AS events FROM (SELECT count(*)::int AS times FROM effect GROUP BY event_id) t GROUP BY 1',
    );
    expect(rows).toEqual([{ times: 2, events: 120 }]);
  });
});

describe('a selection that makes no sense', () => {
  it.each<[string, ReplayFilter]>([
    ['nothing at all', {}],
    ['an end alone', { to: 5 }],
    ['a position that is none', { from: 0 }],
    ['an end before the beginning', { from: 5, to: 4 }],
    ['no names', { eventNames: [] }],
    ['an id without its type', { aggregateId: '1' }],
    ['a date that is none', { since: new Date('yesterday') }],
  ])('(%s) is refused', async (_, filter) => {
    const app = await start([]);
    await expect(app.consumers.replay('billing', filter)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });

  it.each<[string, object]>([
    ['no beginning', { to: 5 }],
    ['a position that is none', { from: 0 }],
    ['an end before the beginning', { from: 5, to: 4 }],
    ['a choice by name', { from: 1, eventNames: ['order.placed'] }],
  ])('(%s) is refused for a range at once', async (_, range) => {
    const app = await start([]);
    await expect(app.consumers.replayAtOnce('billing', range as ReplayRange)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });

  it('is a consumer that there is not', async () => {
    const app = await start([]);
    for (const replay of [
      app.consumers.replay('nobody', { from: 1 }),
      app.consumers.replay('nobody', { eventNames: ['a'] }),
      app.consumers.replayAtOnce('nobody', { from: 1 }),
    ]) {
      await expect(replay).rejects.toMatchObject({ code: 'INTEGRATION_CONSUMER_UNKNOWN' });
    }
    expect(await replaysOf(app)).toEqual([]);
  });
});

async function insert(client: Pick<TestDatabase['pool'], 'query'>): Promise<void> {
  await client.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id) VALUES ('order.placed', 'test', 'order', 'late')`,
  );
}
