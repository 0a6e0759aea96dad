import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type DomainEvent,
  type DomainEventInput,
  type InboxFilter,
  IntegrationError,
  NonRetryableError,
  OperationService,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { DELIVERY_TABLES, emptyTablesAnew } from '../support/empty-tables.js';
import { inboxRows, unreadOf } from '../support/inbox-rows.js';
import { Recorder } from '../support/recorder.js';
import { changedBy } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
const apps: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => emptyTablesAnew(database.pool, ...DELIVERY_TABLES, 'integration.integration_sample'));
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
});
afterAll(() => database.drop());

async function start(subscribers: AnySubscriberDefinition[], settings: object = {}): Promise<TestApp> {
  const app = await startApp(database, subscribers, { settings });
  apps.push(app);
  return app;
}

const event = (aggregateId: string, more: Partial<DomainEventInput> = {}): DomainEventInput => ({
  eventName: 'order.placed',
  sourceModule: 'test',
  aggregateType: 'order',
  aggregateId,
  ...more,
});

const consumer = (
  handle: (event: DomainEvent) => unknown,
  more: Partial<AnySubscriberDefinition> = {},
): AnySubscriberDefinition =>
  ({
    eventName: 'order.*',
    consumerName: 'billing',
    handler: async (given: DomainEvent) => handle(given),
    ...more,
  }) as AnySubscriberDefinition;

const ownerIsGone = () =>
  until('the lease is given back', async () => {
    const { rows } = await database.pool.query(
      'SELECT 1 FROM integration.inbox_cursor WHERE lease_token IS NOT NULL',
    );
    return rows.length === 0;
  });

describe('a paused consumer', () => {
  it('starts nothing more within a beat, finishes and saves what runs, and gives its lease back', async () => {
    const begun = new Recorder<string>();
    let finish = () => {};
    const app = await start(
      [
        consumer(
          async ({ aggregateId }) => {
            begun.record(aggregateId);
            await new Promise<void>((resolve) => {
              finish = resolve;
            });
          },
          { concurrency: 1 },
        ),
      ],
      // Its lease is renewed only after 200 seconds. What it learns before, a beat has told it.
      { processingLeaseMs: 600_000 },
    );
    await app.api.publishEvents([event('a'), event('b'), event('c')]);
    await begun.first(1);
    await app.consumers.pause('billing');
    await until('the owner has seen it', async () => app.workers.active.length === 0);
    expect((await app.consumers.list())[0]).toMatchObject({ paused: true, owner: expect.anything() });
    finish();
    await ownerIsGone();
    expect(begun.all).toEqual(['a']);
    expect(await unreadOf(database, 'billing')).toBe('{[2,)}');
  });

  it('is taken by nobody, keeps its events, and goes on where it stopped when it is resumed', async () => {
    const handled = new Recorder<string>();
    const subscribers = [consumer(({ aggregateId }) => handled.record(aggregateId))];
    const first = await start(subscribers);
    await start(subscribers);
    await first.api.publishEvent(event('before'));
    await handled.first(1);
    await first.consumers.pause('billing');
    await ownerIsGone();
    await first.api.publishEvents([event('while 1'), event('while 2')]);
    await first.processor.processBatch();
    await start(subscribers);
    expect(handled.all).toEqual(['before']);
    expect((await first.consumers.list())[0]).toMatchObject({
      paused: true,
      owner: null,
      pendingPositions: 2,
    });
    await first.consumers.resume('billing');
    await handled.first(3);
    expect(handled.all).toEqual(['before', 'while 1', 'while 2']);
  });

  it('is named when there is none of that name', async () => {
    const app = await start([]);
    const unknown = { code: 'INTEGRATION_CONSUMER_UNKNOWN' };
    await expect(app.consumers.pause('nobody')).rejects.toMatchObject(unknown);
    await expect(app.consumers.resume('nobody')).rejects.toMatchObject(unknown);
  });
});

describe('the list', () => {
  it('counts events that the consumer asks for: one that asks for none of them has no backlog and no lag', async () => {
    const app = await start(
      [consumer(() => {}), consumer(() => {}, { consumerName: 'others', eventName: 'invoice.*' })],
      { 'processor.enabled': false },
    );
    await app.api.publishEvents([event('a'), event('b')]);
    expect(await app.consumers.list()).toMatchObject([
      { consumerName: 'billing', pendingPositions: 2, pendingEvents: 2, lagSeconds: expect.any(Number) },
      { consumerName: 'others', pendingPositions: 2, pendingEvents: 0, lagSeconds: null },
    ]);
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT 'order.placed', 'test', 'order', i::text FROM generate_series(1, 3000) i`,
    );
    expect(await app.consumers.list()).toMatchObject([
      { pendingPositions: 3_002, pendingEvents: null, lagSeconds: expect.any(Number), lagIsAtMost: false },
      // It may ask for one of the others. It asks for none of those that were looked at.
      { pendingPositions: 3_002, pendingEvents: null, lagSeconds: expect.any(Number), lagIsAtMost: true },
    ]);
  });

  it('shows one consumer, or a page of them by name', async () => {
    const names = ['a', 'B', 'ä', 'c%', 'd_'];
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, partition, partitions, event_names, unread)
       SELECT name, n, 2, '{order.*}', '{[1,)}' FROM unnest($1::text[]) AS name CROSS JOIN generate_series(0, 1) AS n`,
      [names],
    );
    const { consumers } = await start([]);
    const partitionsOf = async (selection: object) =>
      (await consumers.list(selection)).map(({ consumerName, partition }) => `${consumerName}/${partition}`);
    expect(await partitionsOf({ consumerName: 'c%' })).toEqual(['c%/0', 'c%/1']);
    expect(await partitionsOf({ consumerName: 'nobody' })).toEqual([]);
    // A character is itself, and no placeholder.
    expect(await partitionsOf({ nameContains: '%' })).toEqual(['c%/0', 'c%/1']);
    await database.pool.query(
      "UPDATE integration.inbox_cursor SET paused_at = now() WHERE consumer_name = 'd_'",
    );
    expect(await partitionsOf({ paused: true, limit: 1 })).toEqual(['d_/0', 'd_/1']);
    expect(await partitionsOf({ paused: false, nameContains: '_' })).toEqual([]);
    const all = await partitionsOf({});
    expect(all).toHaveLength(10);
    const paged: string[] = [];
    for (let after: string | undefined; ; after = paged.at(-1)?.split('/')[0]) {
      const page = await partitionsOf({ limit: 2, after });
      if (page.length === 0) break;
      expect(page.length).toBeLessThanOrEqual(4);
      paged.push(...page);
    }
    expect(paged).toEqual(all);
    const invalid = { code: 'INTEGRATION_ADMIN_INVALID' };
    await expect(consumers.list({ limit: 0 })).rejects.toMatchObject(invalid);
    await expect(consumers.list({ paused: 1 } as object)).rejects.toMatchObject(invalid);
    await expect(consumers.list({ consumer: 'a' } as object)).rejects.toMatchObject(invalid);
  });

  it('takes event names as they are: none of their characters is a placeholder', async () => {
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
       VALUES ('percent', '{o%}', '{[1,)}'), ('underscore', '{order_placed}', '{[1,)}'),
         ('backslash', $1, '{[1,)}'), ('prefix', '{order_*}', '{[1,)}'), ('all', '{*}', '{[1,)}')`,
      [['back\\slash']],
    );
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT name, 'test', 'order', '1' FROM unnest($1::text[]) AS name`,
      [['order.placed', 'order_placed', 'back\\slash', 'order_', 'o%']],
    );
    const { consumers, outbox } = await start([]);
    const pending = Object.fromEntries(
      (await consumers.list()).map(({ consumerName, pendingEvents }) => [consumerName, pendingEvents]),
    );
    expect(pending).toEqual({ percent: 1, underscore: 1, backslash: 1, prefix: 2, all: 5 });
    const { items } = await outbox.findMany({}, { order: 'oldest' });
    const reports = await outbox.statusesOf(items);
    expect(reports.map((report) => report.consumers.map((each) => each.consumerName))).toEqual([
      ['all'],
      ['all', 'prefix', 'underscore'],
      ['all', 'backslash'],
      ['all', 'prefix'],
      ['all', 'percent'],
    ]);
  });
});

describe('the overview', () => {
  it('is the sum of what the list shows, with at most 10,000 dead letters', async () => {
    const app = await start(
      [consumer(() => {}), consumer(() => {}, { consumerName: 'others', eventName: 'invoice.*' })],
      { 'processor.enabled': false },
    );
    expect(await app.consumers.overview()).toMatchObject({ pendingPositions: 0, lagSeconds: null });
    await app.api.publishEvents([event('a'), event('b')]);
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, served_at, paused_at, repartition_to)
       VALUES ('gone', '{order.*}', '{[1,)}', now() - interval '30 days', NULL, NULL),
         ('paused', '{order.*}', '{[1,)}', now(), now(), 3)`,
    );
    const list = await app.consumers.list();
    const { oldestSeconds: _, ...sum } = await app.consumers.overview();
    expect(sum).toEqual({
      consumers: 4,
      partitions: 4,
      paused: 1,
      unavailable: 0,
      unowned: list.filter(({ owner, paused }) => owner === null && !paused).length,
      orphaned: 1,
      unserved: 0,
      repartitioning: 1,
      pendingPositions: 8,
      pausedPositions: 2,
      toRead: 6,
      toReadAtMost: false,
      pausedToRead: 2,
      mostToRead: ['billing', 'gone', 'paused'].map((consumerName) => ({
        consumerName,
        toRead: 2,
        toReadAtMost: false,
        oldestSeconds: expect.any(Number),
      })),
      lagSeconds: expect.any(Number),
      deadLetters: 0,
      deadLettersAtLeast: false,
      publishedPerSecond: null,
      settledPerSecond: null,
      longRunning: [],
    });
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
       SELECT gen_random_uuid(), n, CASE WHEN n > 6000 THEN 'billing' ELSE 'others' END, 'order', '1', 'dead_letter' FROM generate_series(1, 10000) AS n`,
    );
    expect(await app.consumers.overview()).toMatchObject({ deadLetters: 10_000, deadLettersAtLeast: false });
    // The age is that of the latest sample, as charts have it, also of a consumer that is paused.
    await database.pool.query(
      `INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, lag_s, dead)
       VALUES (clock_timestamp(), 'billing', 0, 8, 2, 7, 0)`,
    );
    expect(await app.consumers.overview()).toMatchObject({ oldestSeconds: 7 });
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
       VALUES (gen_random_uuid(), 10001, 'billing', 'order', '1', 'dead_letter')`,
    );
    expect(await app.consumers.overview()).toMatchObject({ deadLetters: 10_000, deadLettersAtLeast: true });
  });

  it('of no consumers is nothing', async () => {
    expect(await (await start([])).consumers.overview()).toMatchObject({
      consumers: 0,
      partitions: 0,
      unowned: 0,
      lagSeconds: null,
      deadLetters: 0,
    });
  });
});

describe('redrive', () => {
  it('sends the oldest first, as many as asked for, and those of one kind of error', async () => {
    let healed = false;
    const handled = new Recorder<string>();
    const app = await start([
      consumer(({ aggregateId, eventName }) => {
        if (!healed) throw new NonRetryableError(eventName === 'order.placed' ? 'no stock' : 'no address');
        handled.record(aggregateId);
      }),
    ]);
    await app.api.publishEvents(
      ['1', '2', '3', '4', '5', '6'].map((id) =>
        event(id, { eventName: Number(id) % 2 === 0 ? 'order.shipped' : 'order.placed' }),
      ),
    );
    await app.processor.drain();
    const dead = await app.inbox.findDeadLetters({ consumerName: 'billing' });
    expect(dead).toHaveLength(6);
    const fingerprint = dead.find(({ aggregateId }) => aggregateId === '2')?.errorFingerprint ?? 'none';
    healed = true;
    const filter = { consumerName: 'billing', errorFingerprint: fingerprint };
    // A canary first.
    expect(await changedBy(app, app.consumers.redrive(filter, { maxEvents: 1 }))).toBe(1);
    expect(await handled.first(1)).toEqual(['2']);
    expect(await changedBy(app, app.consumers.redrive(filter))).toBe(2);
    await app.processor.drain();
    expect(handled.all.sort()).toEqual(['2', '4', '6']);
    expect(await app.inbox.findDeadLetters({ consumerName: 'billing' })).toHaveLength(3);
    expect(await changedBy(app, app.consumers.redrive({ eventName: 'order.placed' }))).toBe(3);
    await app.processor.drain();
    expect(handled.all).toHaveLength(6);
  });

  it('refuses a largest number that is no number of events', async () => {
    const app = await start([]);
    for (const maxEvents of [0, -1, 1.5, Number.NaN]) {
      await expect(app.consumers.redrive({}, { maxEvents })).rejects.toMatchObject({
        code: 'INTEGRATION_ADMIN_INVALID',
      });
    }
  });
});

describe('discard', () => {
  it('sets an event that is to be retried aside with its reason, and lets those behind it go on', async () => {
    const handled = new Recorder<string>();
    const app = await start(
      [
        consumer(({ payload, aggregateId }) => {
          if (payload === 'broken') throw new Error('again and again');
          handled.record(`${aggregateId}:${payload}`);
        }),
      ],
      { retryBaseDelayMs: 60_000, retryMaxDelayMs: 60_000 },
    );
    await app.api.publishEvents([
      event('a', { payload: 'broken' }),
      event('a', { payload: 'next' }),
      event('a', { payload: 'last' }),
    ]);
    await app.processor.drain();
    expect((await inboxRows(database, 'billing')).map(({ status }) => status)).toEqual([
      'failed',
      'received',
      'received',
    ]);
    const discarded = app.consumers.discard({ consumerName: 'billing' }, 'sent by mistake', {
      states: ['failed'],
    });
    expect(await changedBy(app, discarded)).toBe(1);
    expect(await handled.first(2)).toEqual(['a:next', 'a:last']);
    await app.processor.drain();
    expect(await inboxRows(database, 'billing')).toMatchObject([
      { status: 'skipped', error: 'Error: again and again', resolution: { reason: 'sent by mistake' } },
      { status: 'processed' },
      { status: 'processed' },
    ]);
  });

  it('takes dead, failed, waiting and delayed events; none of them runs', async () => {
    const handled = new Recorder<string>();
    const app = await start(
      [
        consumer(({ aggregateId, payload }) => {
          handled.record(`${aggregateId}:${payload}`);
          if (payload === 'dead') throw new NonRetryableError('dead');
          if (payload === 'failing') throw new Error('failing');
        }),
      ],
      { retryBaseDelayMs: 60_000, retryMaxDelayMs: 60_000 },
    );
    await app.api.publishEvents([
      event('d', { payload: 'dead' }),
      event('f', { payload: 'failing' }),
      event('f', { payload: 'waiting' }),
      event('l', { payload: 'delayed', delayMs: 60_000 }),
    ]);
    await app.processor.drain();
    const some = app.consumers.discard({ consumerName: 'billing' }, 'a test tenant', { maxEvents: 3 });
    expect(await changedBy(app, some)).toBe(3);
    const rest = app.consumers.discard({ consumerName: 'billing' }, 'a test tenant');
    expect(await changedBy(app, rest)).toBe(1);
    await app.processor.drain();
    expect(await inboxRows(database, 'billing')).toEqual(
      Array.from({ length: 4 }, () =>
        expect.objectContaining({
          status: 'skipped',
          resolution: expect.objectContaining({ action: 'discard', reason: 'a test tenant' }),
          availableAt: null,
        }),
      ),
    );
    expect(handled.all.sort()).toEqual(['d:dead', 'f:failing']);
    await app.api.publishEvent(event('f', { payload: 'new' }));
    expect((await handled.first(3))[2]).toBe('f:new');
  });

  it('leaves what runs at this moment', async () => {
    const begun = new Recorder<number>();
    let finish = () => {};
    const app = await start([
      consumer(async () => {
        begun.record(1);
        if (begun.all.length === 1) throw new Error('the first time');
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
      }),
    ]);
    await app.api.publishEvent(event('a'));
    await begun.first(2);
    expect(await changedBy(app, app.consumers.discard({ consumerName: 'billing' }, 'too late'))).toBe(0);
    finish();
    await app.processor.drain();
    expect(await inboxRows(database, 'billing')).toMatchObject([{ status: 'processed' }]);
  });

  it.each([
    ['no reason', { consumerName: 'billing' }, ' '],
    ['a filter that says nothing', {}, 'because'],
    ['a filter of undefined fields', { consumerName: undefined }, 'because'],
    ['a field that there is not', { consumer: 'billing' }, 'because'],
    ['a field beside one that there is not', { consumerName: 'billing', eventID: 'x' }, 'because'],
    ['a field that is no text', { consumerName: null }, 'because'],
  ])('refuses %s', async (_, filter, reason) => {
    const app = await start([]);
    await expect(app.consumers.discard(filter as InboxFilter, reason)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });

  it('of no states is refused, and discards nothing', async () => {
    const app = await start([
      consumer(() => {
        throw new NonRetryableError('dead');
      }),
    ]);
    await app.api.publishEvent(event('a'));
    await app.processor.drain();
    await expect(
      app.consumers.discard({ consumerName: 'billing' }, 'because', { states: [] }),
    ).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
    expect(await inboxRows(database, 'billing')).toMatchObject([{ status: 'dead_letter' }]);
  });
});

describe('remove', () => {
  it('is refused, naming the process, while one works on the consumer; afterwards nothing of it is left', async () => {
    const app = await start([
      consumer(() => {
        throw new NonRetryableError('dead');
      }),
    ]);
    await app.api.publishEvent(event('a'));
    await app.processor.drain();
    const replay = await app.consumers.replay('billing', { eventNames: ['order.lost'] });
    const refused = app.consumers.remove('billing');
    await expect(refused).rejects.toBeInstanceOf(IntegrationError);
    await expect(refused).rejects.toMatchObject({
      code: 'INTEGRATION_CONSUMER_ACTIVE',
      details: { processes: [expect.stringContaining(`:${process.pid}`)] },
    });
    await apps.pop()?.close();
    const admin = await start([]);
    await admin.consumers.remove('billing');
    expect(await admin.consumers.list()).toEqual([]);
    expect((await admin.context.get(OperationService).get(replay.id)).finishedAt).not.toBeNull();
    const { rows } = await database.pool.query('SELECT FROM integration.inbox_replay');
    expect(rows).toEqual([]);
    expect(await inboxRows(database, 'billing')).toEqual([]);
    await expect(admin.consumers.remove('billing')).rejects.toMatchObject({
      code: 'INTEGRATION_CONSUMER_UNKNOWN',
    });
  });

  it('is refused while a process has handlers for a paused consumer: it would register it again', async () => {
    const app = await start([consumer(() => {})]);
    await app.processor.drain();
    await app.consumers.pause('billing');
    await ownerIsGone();
    await expect(app.consumers.remove('billing')).rejects.toMatchObject({
      code: 'INTEGRATION_CONSUMER_ACTIVE',
    });
  });

  it('is refused while a process has handlers for it, though its processing is switched off', async () => {
    const app = await start([consumer(() => {})], { 'processor.enabled': false });
    await until('the process has said what it has handlers for', async () => {
      const { rows } = await database.pool.query('SELECT handles FROM integration.integration_process');
      return rows.some(({ handles }) => handles.includes('billing'));
    });
    await expect(app.consumers.remove('billing')).rejects.toMatchObject({
      code: 'INTEGRATION_CONSUMER_ACTIVE',
    });
  });

  it('fences a running owner off when it is forced', async () => {
    const handled = new Recorder<string>();
    const app = await start([consumer(({ aggregateId }) => handled.record(aggregateId))]);
    await app.api.publishEvent(event('a'));
    await app.processor.drain();
    await app.consumers.remove('billing', { force: true });
    await app.api.publishEvent(event('b'));
    await until('the owner gives up', async () => app.workers.active.length === 0);
    expect(await app.consumers.list()).toEqual([]);
  });
});

describe('removeNames', () => {
  it('lets a version of the code take the consumer that does not handle them, and passes their events over', async () => {
    const handled = new Recorder<string>();
    const handler = async ({ eventName }: DomainEvent) => handled.record(eventName);
    const old = await start([
      { eventName: ['order.placed', 'order.lost'], consumerName: 'billing', handler },
    ]);
    await old.api.publishEvent(event('a', { eventName: 'order.lost' }));
    await handled.first(1);
    expect(await old.consumers.removeNames('billing', ['order.lost'])).toEqual(['order.placed']);
    await until('the owner goes by the new names', async () => {
      await old.api.publishEvents([event('a', { eventName: 'order.lost' }), event('a')]);
      await old.processor.drain();
      return handled.all.at(-1) === 'order.placed' && handled.all.at(-2) === 'order.placed';
    });
    await apps.pop()?.close();
    const next = await start([{ eventName: 'order.placed', consumerName: 'billing', handler }]);
    const before = handled.all.length;
    await next.api.publishEvent(event('b'));
    await handled.first(before + 1);
    expect((await next.consumers.list())[0]).toMatchObject({ eventNames: ['order.placed'] });
  });

  it('refuses names that are not stored, and to leave none', async () => {
    const app = await start([consumer(() => {})]);
    for (const names of [['order.lost'], ['order.*']]) {
      await expect(app.consumers.removeNames('billing', names)).rejects.toMatchObject({
        code: 'INTEGRATION_ADMIN_INVALID',
      });
    }
  });
});

describe('list', () => {
  it('shows a consumer that no process could work on for days as orphaned', async () => {
    await start([consumer(() => {})]);
    await apps.pop()?.close();
    await database.pool.query(`UPDATE integration.inbox_cursor SET served_at = now() - interval '8 days'`);
    const admin = await start([]);
    expect(await admin.consumers.list()).toMatchObject([
      { consumerName: 'billing', owner: null, orphaned: true },
    ]);
  });
});
