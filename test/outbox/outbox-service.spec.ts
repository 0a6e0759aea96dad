import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DeliveryStatus } from '../../src/log/outbox-event.js';
import { OutboxStatsStore } from '../../src/log/outbox-stats.store.js';
import { emptyTablesAnew } from '../support/empty-tables.js';
import { type OutboxRoom, openOutbox } from '../support/outbox-room.js';
import { quickest } from '../support/quickest.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let room: OutboxRoom;

beforeAll(async () => {
  database = await createTestDatabase();
  room = openOutbox({ url: database.url });
});
beforeEach(() =>
  emptyTablesAnew(
    database.pool,
    'integration.outbox_event',
    'integration.inbox_event',
    'integration.inbox_cursor',
  ),
);
afterAll(async () => {
  await room?.close();
  await database?.drop();
});

/** Publishes events named so, in one statement: positions 1, 2, … after the truncation. */
function publish(...names: string[]) {
  return room.publisher.publishEvents(
    names.map((eventName, index) => ({
      eventName,
      sourceModule: 'm',
      aggregateType: 't',
      aggregateId: `a-${index % 3}`,
      payload: { index },
    })),
  );
}

interface Cursor {
  consumer: string;
  names: string[];
  unread: string;
  startsAt?: number;
  partition?: number;
  partitions?: number;
}

async function cursor({
  consumer,
  names,
  unread,
  startsAt = 1,
  partition = 0,
  partitions = 1,
}: Cursor): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, partition, partitions, event_names, starts_at, unread)
     VALUES ($1, $2, $3, $4, $5, $6::int8multirange)`,
    [consumer, partition, partitions, names, startsAt, unread],
  );
}

async function inbox(
  consumer: string,
  position: number,
  status: string,
  rest: { availableAt?: string; error?: string; attempts?: number } = {},
): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status,
       available_at, last_error, attempt_count)
     SELECT id, position, $1, aggregate_type, aggregate_id, $3, $4, $5, $6 FROM integration.outbox_event WHERE position = $2`,
    [consumer, position, status, rest.availableAt ?? null, rest.error ?? null, rest.attempts ?? 0],
  );
}

async function statusesAt(position: number): Promise<[status: string | undefined, ...consumers: string[]]> {
  const { rows } = await database.pool.query('SELECT id FROM integration.outbox_event WHERE position = $1', [
    position,
  ]);
  const report = await room.outbox.statusOf(rows[0].id);
  return [report?.status, ...(report?.consumers ?? []).map((c) => `${c.consumerName}:${c.status}`)];
}

describe('finding events', () => {
  it('by id gives what was published', async () => {
    const availableAt = new Date('2031-01-01T00:00:00Z');
    const { outboxEventId, position } = await room.outbox.append({
      eventName: 'invoice.created',
      sourceModule: 'finance',
      aggregateType: 'invoice',
      aggregateId: 'i-1',
      payload: { total: 1 },
      metadata: { tenantId: 't' },
      eventVersion: 3,
      deduplicationKey: 'k',
      availableAt,
    });
    expect(await room.outbox.findById(outboxEventId)).toEqual({
      outboxEventId,
      position,
      eventName: 'invoice.created',
      eventVersion: 3,
      sourceModule: 'finance',
      aggregateType: 'invoice',
      aggregateId: 'i-1',
      payload: { total: 1 },
      metadata: { tenantId: 't', correlationId: outboxEventId },
      timestamp: expect.any(Date),
      payloadBytes: 12,
      deduplicationKey: 'k',
      availableAt,
    });
  });

  it('by an id that is unknown or none gives undefined', async () => {
    expect(await room.outbox.findById('018f3c2a-0000-7000-8000-000000000001')).toBeUndefined();
    expect(await room.outbox.findById('seven')).toBeUndefined();
    expect(await room.outbox.statusOf('seven')).toBeUndefined();
  });

  it('goes page by page, each event once, in either order', async () => {
    await publish(...Array.from({ length: 25 }, () => 'n'));
    for (const order of ['newest', 'oldest'] as const) {
      const seen: number[] = [];
      let after: number | undefined;
      do {
        const page = await room.outbox.findMany({}, { limit: 10, after, order });
        seen.push(...page.items.map((event) => event.position));
        after = page.next ?? undefined;
      } while (after !== undefined);
      const ascending = Array.from({ length: 25 }, (_, index) => index + 1);
      expect(seen).toEqual(order === 'oldest' ? ascending : ascending.reverse());
    }
  });

  it('filters by each field', async () => {
    await publish('order.created', 'order.paid', 'invoice.created');
    const positions = async (filter: Parameters<typeof room.outbox.findMany>[0]) =>
      (await room.outbox.findMany(filter)).items.map((event) => event.position);
    expect(await positions({ eventName: 'order.paid' })).toEqual([2]);
    expect(await positions({ eventName: 'order.*' })).toEqual([2, 1]);
    expect(await positions({ eventName: '*' })).toEqual([3, 2, 1]);
    expect(await positions({ aggregateType: 't', aggregateId: 'a-2' })).toEqual([3]);
    expect(await positions({ sourceModule: 'other' })).toEqual([]);
    expect(await positions({ to: new Date(Date.now() - 60_000) })).toEqual([]);
    expect(await positions({ from: new Date(Date.now() - 60_000), eventName: 'order.created' })).toEqual([1]);
  });
});

describe('what makes no sense', () => {
  const refused = (field: string) => ({ code: 'INTEGRATION_ADMIN_INVALID', details: { field } });

  it.each([
    ['from', { from: new Date(Number.NaN) }],
    ['to', { to: new Date(Date.UTC(10_000, 0)) }],
    ['to', { to: '2026-01-01' as never }],
    ['eventName', { eventName: 'order\0' }],
    ['aggregateId', { aggregateId: '\ud800' }],
    ['aggregateType', { aggregateType: null as never }],
  ])('is refused in the %s of a filter, before any SQL: %j', async (field, filter) => {
    await expect(room.outbox.findMany(filter)).rejects.toMatchObject(refused(field));
  });

  it.each([
    ['limit', { limit: Number.NaN }],
    ['after', { after: Number.NaN }],
    ['after', { after: 1.5 }],
    ['after', { after: null as never }],
  ])('is refused in the %s of a page', async (field, page) => {
    await expect(room.outbox.findMany({}, page)).rejects.toMatchObject(refused(field));
    await expect(room.outbox.timeline('t', 'a-1', page)).rejects.toMatchObject(refused(field));
  });

  it('is not a limit out of bounds: it is brought within them', async () => {
    await publish('one', 'two');
    expect((await room.outbox.findMany({}, { limit: -1 })).items).toHaveLength(1);
    expect((await room.outbox.findMany({}, { limit: Number.POSITIVE_INFINITY })).items).toHaveLength(2);
  });
});

describe('the status of an event', () => {
  it('is pending while unread and processed afterwards', async () => {
    await publish('n', 'n', 'n');
    await cursor({ consumer: 'c', names: ['n'], unread: '{[2,3),[4,)}' });
    expect(await statusesAt(1)).toEqual(['processed', 'c:processed']);
    expect(await statusesAt(2)).toEqual(['pending', 'c:pending']);
    expect(await statusesAt(3)).toEqual(['processed', 'c:processed']);
  });

  it('is that of the inbox row where there is one', async () => {
    const rows: [string, DeliveryStatus][] = [
      ['received', 'pending'],
      ['processing', 'processing'],
      ['processed', 'processed'],
      ['failed', 'failed'],
      ['skipped', 'skipped'],
      ['dead_letter', 'dead_letter'],
    ];
    await publish(...rows.map(() => 'n'));
    await cursor({ consumer: 'c', names: ['n'], unread: '{[3,)}' });
    for (const [index, [status]] of rows.entries()) await inbox('c', index + 1, status);
    for (const [index, [, expected]] of rows.entries()) {
      const [rolledUp, consumer] = await statusesAt(index + 1);
      expect(consumer).toBe(`c:${expected}`);
      expect(rolledUp).toBe(expected === 'skipped' ? 'processed' : expected);
    }
  });

  it('rolls up to the worst of its consumers', async () => {
    await publish('n');
    const worsening = ['skipped', 'processed', 'received', 'processing', 'failed', 'dead_letter'];
    const expected = ['processed', 'processed', 'pending', 'processing', 'failed', 'dead_letter'];
    for (const [index, status] of worsening.entries()) {
      await cursor({ consumer: `c-${index}`, names: ['n'], unread: '{[2,)}' });
      await inbox(`c-${index}`, 1, status);
      expect((await statusesAt(1))[0]).toBe(expected[index]);
    }
  });

  it('counts only consumers that want it: by name, by start, or because they have it', async () => {
    await publish('github.push', 'other');
    await cursor({ consumer: 'all', names: ['*'], unread: '{[1,)}' });
    await cursor({ consumer: 'github', names: ['x', 'github.*'], unread: '{[1,)}' });
    await cursor({ consumer: 'late', names: ['*'], startsAt: 2, unread: '{[2,)}' });
    await cursor({ consumer: 'redriven', names: ['nothing'], unread: '{[1,)}' });
    await inbox('redriven', 1, 'received', { availableAt: '-infinity' });
    expect(await statusesAt(1)).toEqual(['pending', 'all:pending', 'github:pending', 'redriven:pending']);
    expect(await statusesAt(2)).toEqual(['pending', 'all:pending', 'late:pending']);
  });

  it('of an event that nobody asks for is unrouted', async () => {
    await publish('n');
    expect(await statusesAt(1)).toEqual(['unrouted']);
  });

  it('comes from the one partition that the event belongs to', async () => {
    await publish(...Array.from({ length: 12 }, () => 'n'));
    const { rows } = await database.pool.query<{ position: string; partition: number }>(
      `SELECT position, integration.integration_partition(aggregate_type, aggregate_id, 4) AS partition FROM integration.outbox_event`,
    );
    for (let partition = 0; partition < 4; partition++) {
      const unread = partition === 1 ? '{[1,)}' : '{[13,)}';
      await cursor({ consumer: 'c', names: ['n'], unread, partition, partitions: 4 });
    }
    for (const row of rows) {
      const expected = row.partition === 1 ? 'pending' : 'processed';
      expect(await statusesAt(Number(row.position))).toEqual([expected, `c:${expected}`]);
    }
    const stats = await room.outbox.getStats();
    const pending = rows.filter((row) => row.partition === 1).length;
    expect(stats.consumers[0]).toMatchObject({ total: 12, pending, processed: 12 - pending });
  });

  it('tells attempts, error and when it is due, infinities left out', async () => {
    await publish('n', 'n', 'n');
    await cursor({ consumer: 'c', names: ['n'], unread: '{[4,)}' });
    await inbox('c', 1, 'failed', { availableAt: '2031-01-01T00:00:00Z', error: 'boom', attempts: 2 });
    await inbox('c', 2, 'received', { availableAt: 'infinity' });
    await inbox('c', 3, 'received', { availableAt: '-infinity' });
    const { items } = await room.outbox.findMany({}, { order: 'oldest' });
    const reports = await Promise.all(items.map((event) => room.outbox.statusOf(event.outboxEventId)));
    expect(reports.map((report) => report?.consumers[0])).toEqual([
      {
        consumerName: 'c',
        status: 'failed',
        attemptCount: 2,
        lastError: 'boom',
        availableAt: new Date('2031-01-01T00:00:00Z'),
        postponedSince: null,
      },
      {
        consumerName: 'c',
        status: 'pending',
        attemptCount: 0,
        lastError: null,
        availableAt: null,
        postponedSince: null,
      },
      {
        consumerName: 'c',
        status: 'pending',
        attemptCount: 0,
        lastError: null,
        availableAt: null,
        postponedSince: null,
      },
    ]);
  });
});

describe('the partition of an aggregate', () => {
  it('is the one that is written down', async () => {
    const { rows } = await database.pool.query(
      `SELECT integration.integration_partition('invoice', 'i-1', 8) AS a, integration.integration_partition('invoice', 'i-2', 8) AS b,
        integration.integration_partition('order', 'i-1', 3) AS c, integration.integration_partition('ü', '€', 1000) AS d`,
    );
    expect(rows[0]).toEqual({ a: 2, b: 1, c: 0, d: 232 });
    const written = (type: string, id: string, partitions: number) =>
      (createHash('md5').update(`${type}\u001f${id}`).digest().readUInt32BE(0) & 0x7fffffff) % partitions;
    expect(rows[0]).toEqual({
      a: written('invoice', 'i-1', 8),
      b: written('invoice', 'i-2', 8),
      c: written('order', 'i-1', 3),
      d: written('ü', '€', 1000),
    });
  });
});

describe('the timeline of an entity', () => {
  it('holds its events, oldest first, with what became of each', async () => {
    await publish('one', 'x', 'x', 'two', 'x', 'x', 'three');
    await cursor({ consumer: 'c', names: ['*'], unread: '{[5,)}' });
    await inbox('c', 4, 'dead_letter', { error: 'boom' });
    const { items, next } = await room.outbox.timeline('t', 'a-0');
    expect(items.map((entry) => [entry.eventName, entry.status])).toEqual([
      ['one', 'processed'],
      ['two', 'dead_letter'],
      ['three', 'pending'],
    ]);
    expect(items[1]?.consumers[0]?.lastError).toBe('boom');
    expect(next).toBeNull();
    expect((await room.outbox.timeline('t', 'a-0', { limit: 2 })).next).toBe(4);
    const page = await room.outbox.timeline('t', 'a-0', { limit: 2, order: undefined });
    expect(page.items.map((entry) => entry.eventName)).toEqual(['one', 'two']);
  });
});

describe('getStats', () => {
  it('of an empty log counts nothing', async () => {
    const nothing = {
      total: 0,
      pending: 0,
      processing: 0,
      processed: 0,
      failed: 0,
      dead_letter: 0,
      unrouted: 0,
    };
    expect(await room.outbox.getStats()).toEqual({ ...nothing, consumers: [] });
    await cursor({ consumer: 'c', names: ['n'], unread: '{[1,)}' });
    const { unrouted, ...counts } = nothing;
    expect(await room.outbox.getStats()).toEqual({
      ...nothing,
      consumers: [{ consumerName: 'c', ...counts, skipped: 0 }],
    });
  });

  it('agrees with the status of every single event', async () => {
    const names = ['a.one', 'a.two', 'b.one', 'unasked'];
    const statuses = ['received', 'processing', 'processed', 'failed', 'skipped', 'dead_letter'];
    await publish(...Array.from({ length: 200 }, (_, index) => names[(index * 7) % names.length] ?? ''));
    await cursor({ consumer: 'all-a', names: ['a.*'], unread: '{[20,60),[90,91),[150,)}' });
    await cursor({
      consumer: 'both',
      names: ['a.one', 'b.*', 'b.one'],
      unread: '{[1,30),[180,)}',
      startsAt: 11,
    });
    for (let partition = 0; partition < 3; partition++) {
      const unread = `{[${40 * (partition + 1)},)}`;
      await cursor({ consumer: 'split', names: ['a.two', 'b.*'], unread, partition, partitions: 3 });
    }
    for (let position = 1; position <= 200; position += 3) {
      for (const [index, consumer] of ['all-a', 'both', 'split'].entries()) {
        if ((position + index) % 2 === 0) continue;
        const status = statuses[(position + index) % statuses.length] ?? '';
        await database.pool.query(
          `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
           SELECT outbox_event_id, position, consumer_name, 't', 'a', $3 FROM integration.outbox_event_status WHERE position = $1 AND consumer_name = $2`,
          [position, consumer, status],
        );
      }
    }
    const { items } = await room.outbox.findMany({}, { limit: 1_000 });
    // One after the other: two hundred at once wait for one of a few connections, and not for the answer.
    const reports: Awaited<ReturnType<typeof room.outbox.statusOf>>[] = [];
    for (const event of items) reports.push(await room.outbox.statusOf(event.outboxEventId));
    const count = (statusesSeen: (string | undefined)[]) => {
      const counts: Record<string, number> = {
        pending: 0,
        processing: 0,
        processed: 0,
        failed: 0,
        dead_letter: 0,
      };
      for (const status of statusesSeen) counts[status ?? ''] = (counts[status ?? ''] ?? 0) + 1;
      return { ...counts, total: statusesSeen.length };
    };
    const stats = await room.outbox.getStats();
    expect(stats).toMatchObject(count(reports.map((report) => report?.status)));
    for (const consumer of stats.consumers) {
      const own = reports
        .flatMap((report) => report?.consumers ?? [])
        .filter((c) => c.consumerName === consumer.consumerName);
      expect(consumer).toMatchObject(count(own.map((delivery) => delivery.status)));
    }
    expect(stats.consumers.map((consumer) => consumer.consumerName)).toEqual(['all-a', 'both', 'split']);
  });

  it('of 100,000 events and 1,000 holes takes no test of the set per event', async () => {
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT 'n', 'm', 't', i::text FROM generate_series(1, 100000) i`,
    );
    await database.pool.query('ANALYZE integration.outbox_event');
    const holes = Array.from({ length: 1_000 }, (_, index) => `[${index * 90 + 1},${index * 90 + 2})`).join(
      ',',
    );
    await cursor({ consumer: 'c', names: ['n'], unread: `{${holes},[100001,)}` });
    const read = async () => {
      const startedAt = performance.now();
      const stats = await room.outbox.getStats();
      expect(stats).toMatchObject({ total: 100_000, pending: 1_000, processed: 99_000 });
      return performance.now() - startedAt;
    };
    expect(await quickest(8_000, read)).toBeLessThan(8_000);
  });

  it('of a log that is too large to be counted says that it estimates; what is not settled is exact up to a bound', async () => {
    const events = 150_000;
    // Of ten events seven are of one name, two of another and one of a third; every fourth position was rolled back.
    await database.pool.query(
      `INSERT INTO integration.outbox_event (position, event_name, source_module, aggregate_type, aggregate_id)
       OVERRIDING SYSTEM VALUE
       SELECT i + i / 3, CASE WHEN i % 10 < 7 THEN 'a.one' WHEN i % 10 < 9 THEN 'a.two' ELSE 'unasked' END, 'm', 't', i::text
       FROM generate_series(1, $1::int) i`,
      [events],
    );
    const { rows } = await database.pool.query<{ head: string; late: string[] }>(
      `SELECT max(position) AS head, array_agg(position ORDER BY position) FILTER (WHERE event_name = 'a.one' AND aggregate_id::int > $1) AS late
       FROM integration.outbox_event`,
      [events - 1_000],
    );
    const head = Number(rows[0]?.head);
    const late = rows[0]?.late.map(Number) ?? [];
    await cursor({
      consumer: 'caught up',
      names: ['a.*'],
      unread: `{[${late[100]},${late[110]}),[${head + 1},)}`,
    });
    await cursor({ consumer: 'far behind', names: ['a.two'], unread: `{[${Math.floor(head / 2)},)}` });
    for (const position of late.slice(0, 3)) await inbox('caught up', position, 'dead_letter');
    for (const position of late.slice(3, 5)) await inbox('caught up', position, 'failed');
    const [exact, estimate] = [await stats(), await stats({ estimated: true })];
    expect(exact.estimated).toBeUndefined();
    expect(estimate).toMatchObject({ estimated: true, dead_letter: 3, failed: 2, processing: 0 });
    const [caughtUp, behind] = estimate.consumers;
    expect(caughtUp).toMatchObject({ pending: exact.consumers[0]?.pending, dead_letter: 3, failed: 2 });
    const isAbout = (got: number | undefined, expected: number | undefined) => {
      expect(got).toBeGreaterThan((expected ?? 0) * 0.95);
      expect(got).toBeLessThan((expected ?? 0) * 1.05);
    };
    for (const key of ['total', 'unrouted', 'processed', 'pending'] as const)
      isAbout(estimate[key], exact[key]);
    for (const key of ['total', 'processed'] as const) isAbout(caughtUp?.[key], exact.consumers[0]?.[key]);
    for (const key of ['total', 'processed', 'pending'] as const)
      isAbout(behind?.[key], exact.consumers[1]?.[key]);
    await expect(room.outbox.getStats()).resolves.toEqual(estimate);
  });
});

/** The same log counted, or estimated. */
function stats({ estimated = false } = {}) {
  return new OutboxStatsStore(room.db).count(estimated ? 0 : Number.MAX_SAFE_INTEGER);
}
