import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { authorOf } from '../../src/audit/change-author.js';
import { RepartitionSteps } from '../../src/changes/repartition-steps.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import {
  type DomainEvent,
  type DomainEventInput,
  type IntegrationModuleOptions,
  NonRetryableError,
  type SubscriberContext,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { DELIVERY_TABLES, emptyTablesAnew } from '../support/empty-tables.js';
import { gate } from '../support/gate.js';
import { pauseAndWait } from '../support/pause.js';
import { Recorder } from '../support/recorder.js';
import { changedBy } from '../support/running-operation.js';
import { type StatementProxy, startStatementProxy } from '../support/statement-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const AUTHOR = authorOf({ by: 'somebody' });

let database: TestDatabase;
const apps: TestApp[] = [];
const proxies: StatementProxy[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => emptyTablesAnew(database.pool, ...DELIVERY_TABLES, 'effect'));
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  for (const proxy of proxies.splice(0)) await proxy.close();
});
afterAll(() => database.drop());

async function start(
  subscribers: AnySubscriberDefinition[],
  settings: object = {},
  options: IntegrationModuleOptions = {},
): Promise<TestApp> {
  const app = await startApp(database, subscribers, {
    ...options,
    settings: { processingLeaseMs: 3_000, ...settings },
  });
  apps.push(app);
  return app;
}

const event = (
  aggregateId: string,
  payload: unknown = null,
  more: Partial<DomainEventInput> = {},
): DomainEventInput => ({
  eventName: 'order.placed',
  sourceModule: 'test',
  aggregateType: 'order',
  aggregateId,
  payload,
  ...more,
});

/** What was handled, by whom, and whether anything of an aggregate came out of order, twice, or beside another of it. */
class Ledger {
  readonly handled: { app: string; position: number; aggregateId: string }[] = [];
  readonly violations: string[] = [];
  private readonly last = new Map<string, number>();
  private readonly running = new Set<string>();

  async note(app: string, { position, aggregateId }: DomainEvent, work: () => Promise<void>): Promise<void> {
    if (this.running.has(aggregateId)) this.violations.push(`${aggregateId}: two at once`);
    this.running.add(aggregateId);
    if ((this.last.get(aggregateId) ?? 0) >= position)
      this.violations.push(`${aggregateId}: ${position} is late`);
    try {
      await work();
      this.last.set(aggregateId, position);
      this.handled.push({ app, position, aggregateId });
    } finally {
      this.running.delete(aggregateId);
    }
  }

  get positions(): number[] {
    return this.handled.map(({ position }) => position).sort((a, b) => a - b);
  }
}

const consumer = (
  app: string,
  ledger: Ledger,
  partitions: number,
  handle: (event: DomainEvent, context: SubscriberContext) => unknown = () => {},
  more: Partial<AnySubscriberDefinition> = {},
): AnySubscriberDefinition =>
  ({
    eventName: 'order.*',
    consumerName: 'billing',
    partitions,
    handler: (given: DomainEvent, context: SubscriberContext) =>
      ledger.note(app, given, async () => {
        await handle(given, context);
      }),
    ...more,
  }) as AnySubscriberDefinition;

async function cursors() {
  const { rows } = await database.pool.query<{
    partition: number;
    partitions: number;
    unread: string;
    owner: string | null;
  }>(
    'SELECT partition, partitions, unread::text, lease_owner AS owner FROM integration.inbox_cursor ORDER BY partition',
  );
  return rows;
}

const spread = (owners: number) =>
  until(`the partitions are spread over ${owners}`, async () => {
    const by = (await cursors()).map(({ owner }) => owner);
    const counts = [...new Set(by)].map((owner) => by.filter((each) => each === owner).length);
    return !by.includes(null) && counts.length === owners && Math.max(...counts) - Math.min(...counts) <= 1;
  });

const settled = (count: number) =>
  until('everything is settled', async () => {
    const { rows } = await database.pool.query(
      `SELECT 1 FROM integration.inbox_event WHERE status NOT IN ('processed', 'skipped', 'dead_letter')`,
    );
    return rows.length === 0 && (await cursors()).every(({ unread }) => unread === `{[${count + 1},)}`);
  });

/** Positions of the small logs that are repartitioned at random. */
const LOG = 40;

const cursorStates = fc
  .record({ from: fc.integer({ min: 1, max: 5 }), to: fc.integer({ min: 1, max: 5 }) })
  .chain(({ from, to }) => {
    const positions = fc.uniqueArray(fc.integer({ min: 1, max: LOG }), { maxLength: LOG });
    const each = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: from, maxLength: from });
    return fc.record({
      from: fc.constant(from),
      to: fc.constant(to),
      missing: fc.uniqueArray(fc.integer({ min: 1, max: LOG }), { maxLength: 8 }),
      settledIn: each(positions),
      tails: each(fc.integer({ min: 1, max: LOG + 1 })),
    });
  });

const range = (to: number) => Array.from({ length: to }, (_, n) => n + 1);

describe('four partitions', () => {
  it('are spread over two processes, which both work, in order per aggregate', async () => {
    const ledger = new Ledger();
    const first = await start([consumer('first', ledger, 4)]);
    await start([consumer('second', ledger, 4)]);
    await spread(2);
    for (let round = 0; round < 10; round++) {
      await first.api.publishEvents(range(100).map((n) => event(`o${n % 40}`)));
    }
    await settled(1_000);
    expect(ledger.violations).toEqual([]);
    expect(ledger.positions).toEqual(range(1_000));
    const by = (app: string) =>
      new Set(ledger.handled.filter((each) => each.app === app).map((each) => each.aggregateId));
    const [one, two] = [by('first'), by('second')];
    expect(one.size + two.size).toBe(40);
    expect(Math.min(one.size, two.size)).toBeGreaterThan(5);
  });

  it('move to the process that is left, and each failed, waiting or delayed event is found in its own', async () => {
    const ledger = new Ledger();
    const handle = ({ payload }: DomainEvent, { attempt }: SubscriberContext) => {
      if (payload === 'fails' && attempt === 1) throw new Error('the first time');
    };
    const slow = { retryBaseDelayMs: 2_000, retryMaxDelayMs: 2_000 };
    const first = await start([consumer('first', ledger, 4, handle)], slow);
    const second = await start([consumer('second', ledger, 4, handle)], slow);
    await spread(2);
    await first.api.publishEvents(
      range(20).flatMap((n) => [
        event(`o${n}`, 'fails'),
        event(`o${n}`, 'waits'),
        event(`late${n}`, 'delayed', { delayMs: 1_000 }),
      ]),
    );
    await until('all are in the inbox', async () => {
      const { rows } = await database.pool.query(
        `SELECT count(*)::int AS count FROM integration.inbox_event`,
      );
      return rows[0].count === 60;
    });
    const { rows } = await database.pool.query(
      `SELECT count(*)::int AS rows, count(DISTINCT partition)::int AS partitions,
         count(*) FILTER (WHERE partition <> integration.integration_partition(aggregate_type, aggregate_id, 4))::int AS wrong
       FROM integration.inbox_event`,
    );
    expect(rows).toEqual([{ rows: 60, partitions: 4, wrong: 0 }]);
    apps.splice(apps.indexOf(second), 1);
    await second.close();
    await settled(60);
    expect(ledger.violations).toEqual([]);
    expect(ledger.positions).toEqual(range(60));
  });

  it('of one process read the log once, and each gets its own', async () => {
    const ledger = new Ledger();
    const wire = await startStatementProxy(database.url);
    proxies.push(wire);
    const app = await start(
      [consumer('app', ledger, 4)],
      {
        'processor.enabled': false,
        batchSize: 50,
        startupDrainBatchSize: 50,
      },
      { connectionString: wire.url },
    );
    await app.api.publishEvents(range(1_000).map((n) => event(`o${n % 200}`)));
    const answers = await wire.rowsDuring(async () => {
      expect(await app.processor.drain()).toMatchObject({ processed: 1_000, drained: true });
    });
    await settled(1_000);
    expect(ledger.violations).toEqual([]);
    expect(ledger.positions).toEqual(range(1_000));
    // Four times as many rows would come, were each partition to read for itself.
    expect(answers.reduce((sum, rows) => sum + rows, 0)).toBeLessThan(1_500);
  });
});

describe('repartition', () => {
  it.each([
    [1, 4],
    [4, 6],
    [6, 2],
    [3, 1],
  ])(
    'from %d to %d: nothing is lost or done twice, order per aggregate is kept, while two processes work',
    async (from, to) => {
      const ledger = new Ledger();
      const handle = async (
        { position, payload }: DomainEvent,
        { transaction, attempt }: SubscriberContext,
      ) => {
        await transaction.$executeRawUnsafe(
          'INSERT INTO effect (consumer, event_id) VALUES ($1, $2)',
          'billing',
          String(position),
        );
        if (payload === 'fails' && attempt === 1) throw new Error('the first time');
      };
      const define = (app: string) => consumer(app, ledger, from, handle, { transactional: true });
      const first = await start([define('first')]);
      await start([define('second')]);
      let published = 0;
      let stop = false;
      const publishing = (async () => {
        while (!stop) {
          // As fast as it is worked off, so that the test takes as long as it must.
          await until('there is room', async () => stop || published - ledger.handled.length < 100);
          await first.api.publishEvents(
            range(20).map((n) => event(`o${n % 13}`, n === 10 ? 'fails' : 'fine')),
          );
          published += 20;
        }
      })();
      try {
        await until('some are done', async () => ledger.handled.length > 100);
        const states = new Set<string>();
        const onProgress = (state: string) => states.add(state);
        expect(await first.consumers.repartition('billing', to, { onProgress })).toBe('done');
        expect(states).toContain('handing over');
        const changedAt = ledger.handled.length;
        await until('some more are done', async () => ledger.handled.length > changedAt + 100);
      } finally {
        stop = true;
        await publishing;
      }
      await settled(published);
      expect(ledger.violations).toEqual([]);
      expect(ledger.positions).toEqual(range(published));
      expect(await cursors()).toMatchObject(
        range(to).map((n) => ({ partition: n - 1, partitions: to, unread: `{[${published + 1},)}` })),
      );
      const { rows } = await database.pool.query(
        'SELECT count(*)::int AS effects, count(DISTINCT event_id)::int AS events FROM effect',
      );
      expect(rows).toEqual([{ effects: published, events: published }]);
    },
  );

  it('lets partitions that are far behind catch up first, and the others wait for them', async () => {
    const ledger = new Ledger();
    const [stuck, cutOver] = [gate(), gate()];
    // Whatever lies in partition 0 of 2 is stuck at first, and not caught up before that was seen.
    const handle = async ({ payload, aggregateId }: DomainEvent) => {
      if (payload === 'stuck') await stuck.opened;
      else if (of(0).includes(aggregateId)) await cutOver.opened;
    };
    const { rows: hashes } = await database.pool.query(
      `SELECT 'o' || n AS id, integration.integration_partition('order', 'o' || n, 2) AS partition FROM generate_series(1, 40) n`,
    );
    const of = (partition: number): string[] =>
      hashes.filter((row) => row.partition === partition).map((row) => row.id);
    const app = await start([consumer('only', ledger, 2, handle, { concurrency: 1 })], { batchSize: 100 });
    await app.api.publishEvent(event(of(0)[0] ?? '', 'stuck'));
    for (let round = 0; round < 100; round++) {
      await app.api.publishEvents([...of(0), ...of(1)].map((id) => event(id)));
    }
    await until('the other partition is done', async () => ledger.handled.length === of(1).length * 100);
    const states: string[] = [];
    const repartitioned = app.consumers.repartition('billing', 3, {
      onProgress: (state) => states.push(state),
    });
    await until('only the stuck one is waited for', async () => app.workers.active.length === 0);
    stuck.open();
    await until('the cut-over is fixed', async () => states.includes('catching up'));
    cutOver.open();
    await app.api.publishEvents([...of(0), ...of(1)].map((id) => event(id, 'after')));
    expect(await repartitioned).toBe('done');
    expect([...new Set(states)]).toEqual(['handing over', 'catching up', 'done']);
    await settled(4_041);
    expect(ledger.violations).toEqual([]);
    expect(ledger.positions).toEqual(range(4_041));
    expect(await cursors()).toHaveLength(3);
  });

  it('moves dead letters with their aggregates: they can be redriven afterwards', async () => {
    const ledger = new Ledger();
    let healed = false;
    const app = await start([
      consumer('only', ledger, 3, () => {
        if (!healed) throw new NonRetryableError('down');
      }),
    ]);
    await app.api.publishEvents(range(30).map((n) => event(`o${n}`)));
    await until(
      'all are dead',
      async () => (await app.inbox.findDeadLetters({}, { limit: 100 })).length === 30,
    );
    expect(await app.consumers.repartition('billing', 2)).toBe('done');
    healed = true;
    expect(await changedBy(app, app.consumers.redrive({ consumerName: 'billing' }))).toBe(30);
    await settled(30);
    expect(ledger.positions).toEqual(range(30));
  });

  describe('of a consumer with more waiting events than one transaction moves', () => {
    const DEAD = 12_000;

    async function withDeadLetters(partitions: number): Promise<void> {
      await database.pool.query(
        `INSERT INTO integration.inbox_event
           (outbox_event_id, position, consumer_name, partition, aggregate_type, aggregate_id, status, attempt_count)
         SELECT gen_random_uuid(), i, 'billing', integration.integration_partition('order', i::text, $2), 'order', i::text,
           CASE WHEN i % 3 = 0 THEN 'dead_letter' WHEN i % 3 = 1 THEN 'failed' ELSE 'skipped' END, 3
         FROM generate_series(1, $1::int) i`,
        [DEAD, partitions],
      );
    }

    /** How many rows stand where they do not belong. */
    async function misplaced(partitions: number): Promise<number> {
      const { rows } = await database.pool.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM integration.inbox_event WHERE status <> 'skipped'
           AND partition <> integration.integration_partition(aggregate_type, aggregate_id, $1)`,
        [partitions],
      );
      return rows[0]?.count ?? -1;
    }

    it('moves them in portions, and nobody takes the consumer before the last is moved', async () => {
      const ledger = new Ledger();
      const app = await start([consumer('only', ledger, 2)]);
      await withDeadLetters(2);
      const states: string[] = [];
      const onProgress = (state: string) => void states.push(state);
      // Where nobody works on it, the first portion is moved at once, and said.
      await pauseAndWait(app.consumers, 'billing');
      expect(await app.consumers.repartition('billing', 3, { onProgress })).toBe('done');
      expect(states).toContain('moving');
      await app.consumers.resume('billing');
      expect(await misplaced(3)).toBe(0);
      await app.api.publishEvents(range(30).map((n) => event(`o${n}`)));
      await until('they are handled', async () => ledger.handled.length === 30);
      expect(ledger.violations).toEqual([]);
    });

    it('goes on where a process left off, and another number waits until they are moved', async () => {
      const ledger = new Ledger();
      const app = await start([consumer('only', ledger, 2)]);
      await withDeadLetters(2);
      await pauseAndWait(app.consumers, 'billing');
      await app.close();
      // A process that takes the change up to the first portion, and ends.
      const ended = new RepartitionSteps(database.engine());
      await ended.requestChange('billing', 3, AUTHOR);
      expect(await ended.advance('billing')).toEqual({ state: 'moving' });
      expect(await cursors()).toHaveLength(3);
      expect(await misplaced(3)).toBeGreaterThan(0);
      const held = `SELECT bool_and(held_back) AS held FROM integration.inbox_cursor`;
      expect((await database.pool.query(held)).rows).toEqual([{ held: true }]);
      const next = new RepartitionSteps(database.engine());
      await next.requestChange('billing', 5, AUTHOR);
      expect(await misplaced(3)).toBe(0);
      // The first one wakes up: what it remembers is of a change that has ended.
      for (let step = await ended.advance('billing'); step.state !== 'done'; )
        step = await ended.advance('billing');
      expect(await misplaced(5)).toBe(0);
      expect((await database.pool.query(held)).rows).toEqual([{ held: false }]);
      expect(await cursors()).toHaveLength(5);
    });
  });

  it('is done at once where nobody works, also on a paused consumer, which stays paused', async () => {
    const ledger = new Ledger();
    const app = await start([consumer('only', ledger, 1)]);
    await app.api.publishEvents(range(10).map((n) => event(`o${n}`)));
    await settled(10);
    await pauseAndWait(app.consumers, 'billing');
    await app.api.publishEvents(range(10).map((n) => event(`o${n}`)));
    expect(await app.consumers.repartition('billing', 5)).toBe('done');
    expect((await app.consumers.list()).map(({ paused }) => paused)).toEqual([true, true, true, true, true]);
    expect(await app.consumers.repartition('billing', 5)).toBe('done');
    await app.consumers.resume('billing');
    await settled(20);
    expect(ledger.violations).toEqual([]);
    expect(ledger.positions).toEqual(range(20));
  });

  it('says what it waits for when the time is up, and is finished by the processes themselves', async () => {
    const ledger = new Ledger();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const begun = new Recorder<string>();
    const handler = () => {
      begun.record('o1');
      return held;
    };
    const app = await start([consumer('only', ledger, 1, handler)]);
    await app.api.publishEvent(event('o1'));
    await begun.first(1);
    expect(await app.consumers.repartition('billing', 2, { timeoutMs: 300 })).toBe('handing over');
    release();
    await until('it is done', async () => (await cursors()).length === 2);
    await settled(1);
    expect(ledger.positions).toEqual([1]);
  });

  it('keeps the place of what a late transaction has not committed yet', async () => {
    const ledger = new Ledger();
    const app = await start([consumer('only', ledger, 3)]);
    await app.api.publishEvents(range(5).map((n) => event(`o${n}`)));
    const writer = await database.pool.connect();
    try {
      await writer.query('BEGIN');
      await writer.query(
        `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id) VALUES ('order.placed', 'test', 'order', 'late')`,
      );
      await app.api.publishEvents(range(5).map((n) => event(`o${n}`)));
      await until('the others are done', async () => ledger.handled.length === 10);
      expect(await app.consumers.repartition('billing', 2)).toBe('done');
      expect((await cursors()).map(({ unread }) => unread)).toEqual(['{[6,7),[12,)}', '{[6,7),[12,)}']);
      await writer.query('COMMIT');
    } finally {
      writer.release(true);
    }
    await settled(11);
    expect(ledger.positions).toEqual(range(11));
  });

  it('finds for every event, whatever the old partitions have settled, whether its new one has', async () => {
    const db = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
    const store = new RepartitionSteps(db);
    const assertion = fc.assert(
      fc.asyncProperty(cursorStates, async ({ from, to, missing, settledIn, tails }) => {
        await emptyTablesAnew(database.pool, 'integration.outbox_event', 'integration.inbox_cursor');
        await database.pool.query(
          `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
           SELECT 'order.placed', 'test', 'order', 'o' || n FROM generate_series(1, ${LOG}) n`,
        );
        await database.pool.query('DELETE FROM integration.outbox_event WHERE position = ANY ($1)', [
          missing,
        ]);
        const unreadOf = range(from).map((_, partition) =>
          range(LOG).filter((p) => p >= (tails[partition] ?? 1) || !settledIn[partition]?.includes(p)),
        );
        for (const [partition, unread] of unreadOf.entries()) {
          await database.pool.query(
            `INSERT INTO integration.inbox_cursor (consumer_name, partition, partitions, event_names, unread)
             SELECT 'billing', $1, $2, '{order.*}', coalesce(range_agg(int8range(p, p, '[]')), '{}') + '{[${LOG + 1},)}'
             FROM unnest($3::bigint[]) p`,
            [partition, from, unread],
          );
        }
        expect(await store.requestChange('billing', to, AUTHOR)).toBe(from === to ? 'done' : 'handing over');
        expect(await store.advance('billing')).toMatchObject({ state: 'done' });
        const { rows } = await database.pool.query(
          `SELECT p::int AS position, o.position IS NOT NULL AS visible, p::bigint <@ c.unread AS unread,
             integration.integration_partition('order', 'o' || p, $1) AS old, c.partition AS own
           FROM generate_series(1, ${LOG}) p
           JOIN integration.inbox_cursor c ON c.partition = integration.integration_partition('order', 'o' || p, $2)
           LEFT JOIN integration.outbox_event o ON o.position = p`,
          [from, to],
        );
        expect(rows).toHaveLength(LOG);
        for (const { position, visible, unread, old } of rows) {
          const expected = visible
            ? unreadOf[old]?.includes(position)
            : from === to || to % from === 0
              ? unread
              : unreadOf.every((each) => each.includes(position));
          expect({ position, unread }).toEqual({ position, unread: expected });
        }
        expect((await cursors()).every((each) => each.partitions === to && each.unread.endsWith(',)}'))).toBe(
          true,
        );
      }),
      { numRuns: 60 },
    );
    await assertion.finally(() => db.close());
  });

  it.each([0, -1, 1.5, 1_025])('refuses %d partitions', async (partitions) => {
    const app = await start([]);
    await expect(app.consumers.repartition('billing', partitions)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });

  it('names a consumer that there is not', async () => {
    const app = await start([]);
    await expect(app.consumers.repartition('nobody', 1_024)).rejects.toMatchObject({
      code: 'INTEGRATION_CONSUMER_UNKNOWN',
    });
  });
});
