import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { InboxCursorStore } from '../../src/inbox/inbox-cursor.store.js';
import type { DomainEvent, DomainEventInput, PublishedEvent, SubscriberContext } from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { DELIVERY_TABLES, emptyTables, emptyTablesAnew } from '../support/empty-tables.js';
import { gate } from '../support/gate.js';
import { inboxRows, unreadOf } from '../support/inbox-rows.js';
import { pauseAndWait } from '../support/pause.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
const apps: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => emptyTablesAnew(database.pool, ...DELIVERY_TABLES));
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});
afterAll(() => database.drop());

async function start(subscribers: AnySubscriberDefinition[], settings: object = {}): Promise<TestApp> {
  const app = await startApp(database, subscribers, { settings });
  apps.push(app);
  return app;
}

const event = (aggregateId: string, payload: string): DomainEventInput => ({
  eventName: 'order.placed',
  sourceModule: 'test',
  aggregateType: 'order',
  aggregateId,
  payload,
});

/** What a handler throws whose database is gone: no attempt is counted, the event runs again. */
const outOfReach = () =>
  Object.assign(new Error('terminating connection due to administrator command'), { code: '57P01' });

/** Handles all events but the stuck one, which fails again and again with nothing counted. */
class Orders {
  readonly handled = new Recorder<string>();
  readonly stuckRuns = new Recorder<number>();

  handle(given: DomainEvent): void {
    if (given.payload === 'stuck') {
      this.stuckRuns.record(this.stuckRuns.all.length + 1);
      throw outOfReach();
    }
    this.handled.record(`${given.aggregateId}:${given.payload}`);
  }

  subscriber(more: Partial<AnySubscriberDefinition> = {}): AnySubscriberDefinition {
    return {
      eventName: 'order.*',
      consumerName: 'billing',
      handler: async (given: DomainEvent | DomainEvent[]) => {
        for (const each of Array.isArray(given) ? given : [given]) this.handle(each);
      },
      ...more,
    } as AnySubscriberDefinition;
  }
}

/** The position of what was published first. */
const first = (published: readonly PublishedEvent[]): number => published[0]?.position ?? 0;

const kinds: [string, Partial<AnySubscriberDefinition>][] = [
  ['plain', {}],
  ['transactional', { transactional: true }],
  ['batch', { batch: { maxSize: 10 } }],
  ['transactional batch', { transactional: true, batch: { maxSize: 10 } }],
  ['unordered', { ordered: false }],
];

describe('an event of the log that ends again and again with nothing counted', () => {
  it.each(kinds)('is discarded by its position, and its aggregate goes on (%s)', async (_, more) => {
    const orders = new Orders();
    const app = await start([orders.subscriber(more)]);
    const published = await app.api.publishEvents([event('a', 'stuck'), event('a', 'next')]);
    await orders.stuckRuns.first(2);
    expect(await inboxRows(database, 'billing')).toEqual([]);
    const filter = { consumerName: 'billing', position: first(published) };
    expect(await app.consumers.discardOne(filter, 'its receiver is gone for good')).toBe(true);
    await orders.handled.find((what) => what === 'a:next');
    await app.api.publishEvent(event('a', 'later'));
    await orders.handled.find((what) => what === 'a:later');
    await until('all is settled', async () => (await unreadOf(database, 'billing')) === '{[4,)}');
    expect((await inboxRows(database, 'billing')).filter(({ status }) => status !== 'processed')).toEqual([
      expect.objectContaining({
        status: 'skipped',
        error: null,
        resolution: expect.objectContaining({ reason: 'its receiver is gone for good' }),
        attempts: 0,
      }),
    ]);
    // The others of an ordered aggregate ran because the owner knew of the change. Those of an unordered one
    // do not wait for that: the owner learns of it with its next beat, and may run the event until then.
    if (more.ordered === false) {
      await until('the owner knows', async () => {
        const before = orders.stuckRuns.all.length;
        await app.processor.drain();
        return orders.stuckRuns.all.length === before;
      });
    }
    const runs = orders.stuckRuns.all.length;
    await app.processor.drain();
    expect(orders.stuckRuns.all).toHaveLength(runs);
    expect(await app.consumers.discardOne(filter, 'once more')).toBe(false);
  });

  it('is discarded by its id while its retry runs so', async () => {
    const orders = new Orders();
    let failed = false;
    const app = await start([
      orders.subscriber({
        handler: async (given: DomainEvent) => {
          if (!failed) {
            failed = true;
            throw new Error('a failure of its own');
          }
          orders.handle(given);
        },
      }),
    ]);
    const [stuck] = await app.api.publishEvents([event('a', 'stuck'), event('a', 'next')]);
    await orders.stuckRuns.first(2);
    const isItsRow = (status: string) => async () =>
      (await inboxRows(database, 'billing')).some(
        (row) => row.outboxEventId === stuck?.outboxEventId && row.status === status,
      );
    await until('its retry runs', isItsRow('processing'));
    const filter = { consumerName: 'billing', outboxEventId: stuck?.outboxEventId };
    expect(await app.consumers.discardOne(filter, 'given up', { states: ['unread', 'failed'] })).toBe(false);
    expect(await app.consumers.discardOne(filter, 'given up')).toBe(true);
    await orders.handled.find((what) => what === 'a:next');
    await app.processor.drain();
    expect(await isItsRow('skipped')()).toBe(true);
  });

  it('does not keep a pause of its consumer from taking effect, and is still there afterwards', async () => {
    const orders = new Orders();
    const app = await start([orders.subscriber()]);
    await app.api.publishEvents([event('a', 'stuck'), event('a', 'next')]);
    await orders.stuckRuns.first(2);
    await pauseAndWait(app.consumers, 'billing');
    expect(await unreadOf(database, 'billing')).toBe('{[1,)}');
    const runs = orders.stuckRuns.all.length;
    expect(await app.consumers.discardOne({ consumerName: 'billing', position: 1 }, 'while paused')).toBe(
      true,
    );
    await app.consumers.resume('billing');
    await orders.handled.find((what) => what === 'a:next');
    expect(orders.stuckRuns.all).toHaveLength(runs);
  });
});

describe('an event that was discarded before its inbox row was there', () => {
  it('is read by nobody: discarded while no process has the consumer, by one without handlers', async () => {
    const orders = new Orders();
    const before = await start([orders.subscriber()]);
    await before.processor.drain();
    await apps.pop()?.close();
    const admin = await start([]);
    const published = await admin.api.publishEvents([event('a', 'bad'), event('a', 'next')]);
    const filter = { consumerName: 'billing', position: first(published) };
    expect(await admin.consumers.discardOne(filter, 'sent by mistake')).toBe(true);
    expect(await admin.inbox.isProcessed(published[0]?.outboxEventId ?? '', 'billing')).toBe(false);
    await start([orders.subscriber()]);
    await orders.handled.first(1);
    await admin.processor.drain();
    expect(orders.handled.all).toEqual(['a:next']);
  });

  it('does not run though its owner had still to read it', async () => {
    const orders = new Orders();
    const begun = new Recorder<string>();
    const hold = gate();
    const app = await start(
      [
        orders.subscriber({
          concurrency: 1,
          handler: async (given: DomainEvent) => {
            begun.record(given.aggregateId);
            if (given.aggregateId === '1') await hold.opened;
            orders.handle(given);
          },
        }),
      ],
      { batchSize: 1, startupDrainBatchSize: 1 },
    );
    const ids = Array.from({ length: 30 }, (_, i) => String(i + 1));
    await app.api.publishEvents(ids.map((id) => event(id, 'x')));
    await begun.first(1);
    const looks = new Recorder<string | undefined>();
    const cursors = app.context.get(InboxCursorStore, { strict: false });
    const settledOf = cursors.settledOf.bind(cursors);
    cursors.settledOf = async (...asked) => {
      const settled = await settledOf(...asked);
      looks.record(settled);
      return settled;
    };
    expect(await app.consumers.discardOne({ consumerName: 'billing', position: 30 }, 'a mistake')).toBe(true);
    await looks.find((settled) => settled === '{[30,31)}');
    await new Promise((resolve) => setImmediate(resolve));
    hold.open();
    await app.processor.drain();
    expect(begun.all).toEqual(ids.slice(0, -1));
    expect(await unreadOf(database, 'billing')).toBe('{[31,)}');
  });

  it.each([
    ['succeeds', undefined],
    ['fails', new Error('too late')],
  ])('stays discarded when a run that had begun %s', async (_, error) => {
    const orders = new Orders();
    const begun = new Recorder<string>();
    const hold = gate();
    const app = await start([
      orders.subscriber({
        handler: async (given: DomainEvent) => {
          begun.record(`${given.payload}`);
          if (given.payload === 'slow') {
            await hold.opened;
            if (error !== undefined) throw error;
          }
          orders.handle(given);
        },
      }),
    ]);
    const published = await app.api.publishEvents([event('a', 'slow'), event('a', 'next')]);
    await begun.first(1);
    expect(
      await app.consumers.discardOne({ consumerName: 'billing', position: first(published) }, 'no'),
    ).toBe(true);
    hold.open();
    await orders.handled.find((what) => what === 'a:next');
    await app.processor.drain();
    expect(begun.all).toEqual(['slow', 'next']);
    const [row] = await inboxRows(database, 'billing');
    expect(row).toMatchObject({ status: 'skipped', resolution: { reason: 'no' }, attempts: 0 });
  });

  it('comes back with a replay, also while its owner still has it in hand', async () => {
    const orders = new Orders();
    let healed = false;
    const app = await start([
      orders.subscriber({
        handler: async (given: DomainEvent) => {
          orders.handle(healed ? { ...given, payload: 'healed' } : given);
        },
      }),
    ]);
    const published = await app.api.publishEvents([event('a', 'stuck')]);
    await orders.stuckRuns.first(2);
    const position = first(published);
    expect(await app.consumers.discardOne({ consumerName: 'billing', position }, 'not now')).toBe(true);
    healed = true;
    await app.consumers.replayAtOnce('billing', { from: position, to: position });
    await orders.handled.find((what) => what === 'a:healed');
    await until('it is settled', async () => (await unreadOf(database, 'billing')) === '{[2,)}');
    expect(await inboxRows(database, 'billing')).toEqual([]);
  });

  it('is none that another consumer wants, that is processed, that is not for it, or that the log does not have', async () => {
    const orders = new Orders();
    const app = await start([orders.subscriber()]);
    await app.api.publishEvents([event('a', 'x'), { ...event('a', 'y'), eventName: 'invoice.created' }]);
    await app.processor.drain();
    for (const filter of [
      { consumerName: 'billing', position: 1 },
      { consumerName: 'billing', position: 2 },
      { consumerName: 'billing', position: 3 },
      { consumerName: 'nobody', position: 1 },
    ])
      expect(await app.consumers.discardOne(filter, 'because')).toBe(false);
    expect(await inboxRows(database, 'billing')).toEqual([]);
  });

  it.each(['unread', 'running'] as const)('is named: the state %s is refused for many', async (state) => {
    const app = await start([]);
    await expect(
      app.consumers.discard({ consumerName: 'billing' }, 'because', { states: [state] }),
    ).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
    await expect(
      app.consumers.discardOne({ position: 1 }, 'because', { states: [state] }),
    ).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
  });
});

describe('discarding while transactional handlers run', () => {
  const writing = async (given: DomainEvent, { transaction }: SubscriberContext) => {
    await transaction.$executeRawUnsafe(
      `INSERT INTO effect (consumer, event_id) VALUES ('billing', $1)`,
      String(given.position),
    );
  };

  it('waits for the transaction of an event that runs: what it has processed is not discarded', async () => {
    const hold = gate();
    const begun = new Recorder<number>();
    const app = await start([
      new Orders().subscriber({
        transactional: true,
        handler: async (given: DomainEvent, context: SubscriberContext) => {
          await writing(given, context);
          begun.record(given.position);
          await hold.opened;
        },
      }),
    ]);
    const position = first(await app.api.publishEvents([event('a', 'x')]));
    await begun.first(1);
    const discarded = app.consumers.discardOne({ consumerName: 'billing', position }, 'too late');
    await until('it waits for the row', async () => {
      const { rows } = await database.pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%WITH e AS MATERIALIZED%' AND datname = current_database()`,
      );
      return rows.length > 0;
    });
    hold.open();
    expect(await discarded).toBe(false);
    await app.processor.drain();
    expect((await database.pool.query('SELECT event_id FROM effect')).rows).toEqual([
      { event_id: String(position) },
    ]);
  });

  it.each([
    ['one by one', {}],
    ['in batches', { batch: { maxSize: 7 } }],
  ])('each event has its effect once, or was discarded and has none (%s)', async (_, more) => {
    await emptyTables(database.pool, 'effect');
    const app = await start([
      new Orders().subscriber({
        transactional: true,
        concurrency: 4,
        handler: async (given: DomainEvent | DomainEvent[], context: SubscriberContext) => {
          for (const each of Array.isArray(given) ? given : [given]) await writing(each, context);
        },
        ...more,
      }),
    ]);
    const positions: number[] = [];
    const discarded: number[] = [];
    for (let round = 0; round < 5; round++) {
      const published = await app.api.publishEvents(
        Array.from({ length: 40 }, (_, i) => event(`a${i % 9}`, 'x')),
      );
      positions.push(...published.map(({ position }) => position));
      const chosen = published.filter((_, i) => i % 3 === round % 3);
      await Promise.all(
        chosen.map(async ({ position }) => {
          const isDiscarded = await app.consumers.discardOne(
            { consumerName: 'billing', position },
            'at random',
          );
          if (isDiscarded) discarded.push(position);
        }),
      );
    }
    await app.processor.drain();
    const { rows } = await database.pool.query<{ id: string }>('SELECT event_id AS id FROM effect');
    const all = [...rows.map(({ id }) => Number(id)), ...discarded];
    expect(all.sort((a, b) => a - b)).toEqual(positions);
    expect(discarded.length).toBeGreaterThan(0);
    expect(await unreadOf(database, 'billing')).toBe(`{[${(positions.at(-1) ?? 0) + 1},)}`);
  });
});
