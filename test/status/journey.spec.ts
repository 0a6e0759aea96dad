import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Journey, JourneyService } from '../../src/index.js';
import { type AdminApp, startAdminApp } from '../admin/admin-app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { DELIVERY_TABLES, emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* The events of a request or of an entity on their way: what became of each at each consumer, and what it led to. */

let database: TestDatabase;
let admin: AdminApp;
let journeys: JourneyService;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = await startAdminApp(database);
  journeys = admin.app.get(JourneyService, { strict: false });
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});
beforeEach(() => emptyTables(database.pool, ...DELIVERY_TABLES));

interface Published {
  readonly name: string;
  readonly entity: string;
  readonly module?: string;
  readonly cause?: string;
  readonly producer?: string;
  readonly correlation?: string;
}

async function publish({
  name,
  entity,
  module = 'shop',
  cause,
  producer,
  correlation,
}: Published): Promise<string> {
  const id = randomUUID();
  await database.pool.query(
    `INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, metadata)
     VALUES ($1, $2, $3, 'order', $4, $5)`,
    [id, name, module, entity, { causationId: cause, producer, correlationId: correlation ?? id }],
  );
  return id;
}

/** A consumer that has settled what it was given, apart from its rows. */
async function register(...consumers: readonly string[]): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
     SELECT c, '{order.*,parcel.*}', '{[1000000,)}' FROM unnest($1::text[]) AS n (c)`,
    [consumers],
  );
}

interface Kept {
  readonly consumer: string;
  readonly status: string;
  readonly errors: readonly string[];
  readonly doneAt?: string;
  readonly discardedBy?: string;
}

const AT = '2026-11-20T08:00:00.000Z';

async function keep(id: string, { consumer, status, errors, doneAt, discardedBy }: Kept): Promise<void> {
  const attempts = errors.map((error, index) => ({
    attempt: index + 1,
    at: AT,
    ms: 12.5,
    error,
    stack: 'at x',
  }));
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id,
       status, attempt_count, last_error, attempts, processed_at, resolution)
     SELECT id, position, $2, aggregate_type, aggregate_id, $3, $4, $5, $6, $7, $8 FROM integration.outbox_event WHERE id = $1`,
    [
      id,
      consumer,
      status,
      errors.length,
      errors.at(-1) ?? null,
      JSON.stringify(attempts),
      doneAt ?? null,
      discardedBy === undefined
        ? null
        : JSON.stringify({ action: 'discard', by: discardedBy, at: AT, attempts: 1 }),
    ],
  );
}

/** An order that led to a parcel: each consumer has done something else with it. */
async function request(): Promise<{ order: string; parcel: string }> {
  await register('billing', 'mail', 'search', 'shipping');
  const order = await publish({ name: 'order.placed', entity: 'o1' });
  const parcel = await publish({
    name: 'parcel.sent',
    entity: 'p1',
    module: 'shipping',
    cause: order,
    producer: 'shipping',
    correlation: order,
  });
  await publish({ name: 'order.placed', entity: 'o2' });
  // It names a producer that does not get parcels.
  await publish({ name: 'lost.event', entity: 'o1', cause: parcel, producer: 'nobody', correlation: order });
  await keep(order, {
    consumer: 'billing',
    status: 'dead_letter',
    errors: ['receiver out', 'receiver out\nat y'],
  });
  await keep(order, { consumer: 'mail', status: 'processed', errors: ['late'], doneAt: AT });
  await keep(parcel, { consumer: 'search', status: 'skipped', errors: ['wrong'], discardedBy: 'ann' });
  return { order, parcel };
}

const AT_ONCE = 'done at once, and no time of it is kept';

const told = ({ events }: Journey) =>
  events.map(({ says, deliveries }) => [
    says,
    deliveries.map((each) => `${each.consumerName}: ${each.says}`),
  ]);

describe('the journey of a request', () => {
  it('has its events in their order, what each led to, and what became of each at each consumer', async () => {
    const { order, parcel } = await request();
    const journey = await journeys.ofEvent(parcel);
    expect(journey && told(journey)).toEqual([
      [
        'order.placed of order/o1, published by shop',
        [
          'billing: dead letter after 2 attempts: receiver out',
          'mail: done, after 1 attempt that failed',
          `search: ${AT_ONCE}`,
          `shipping: ${AT_ONCE}`,
        ],
      ],
      [
        expect.stringMatching(
          /^parcel\.sent of order\/p1, published by shipping, because of order\.placed at position \d+, handled by shipping$/,
        ),
        [`billing: ${AT_ONCE}`, `mail: ${AT_ONCE}`, 'search: discarded by ann', `shipping: ${AT_ONCE}`],
      ],
      [
        expect.stringMatching(
          /^lost\.event of order\/o1, published by shop, because of parcel\.sent at position \d+, and no consumer asks for it$/,
        ),
        [],
      ],
    ]);
    expect(journey?.events.map(({ causedBy }) => causedBy)).toEqual([null, order, parcel]);
    expect(journey?.events.map(({ publishedBy }) => publishedBy)).toEqual([null, 'shipping', null]);
    expect(journey?.says).toBe('3 events at 4 consumers: 1 dead letter.');
  });

  it('has the attempts that failed, the first line of their errors, and when it was done if that is kept', async () => {
    const { order } = await request();
    const { events = [] } = (await journeys.ofEvent(order)) ?? {};
    const [billing, mail, search] = events[0]?.deliveries ?? [];
    const attempt = { at: new Date(AT), ms: 12.5, error: 'receiver out' };
    expect(billing?.attempts).toEqual([
      { attempt: 1, ...attempt },
      { attempt: 2, ...attempt },
    ]);
    expect([billing?.doneAt, mail?.doneAt, search?.doneAt]).toEqual([null, new Date(AT), null]);
    expect(JSON.stringify(events)).not.toContain('at x');
    // What was put off or sent again has a row with its time, also where no attempt has failed.
    await keep(order, { consumer: 'search', status: 'processed', errors: [], doneAt: AT });
    const again = (await journeys.ofEvent(order))?.events[0]?.deliveries ?? [];
    expect(again.find(({ consumerName }) => consumerName === 'search')).toMatchObject({
      doneAt: new Date(AT),
      says: 'done',
    });
  });

  it('has the consumers where something is wrong first', async () => {
    const { order } = await request();
    const journey = await journeys.ofEvent(order);
    expect(journey?.lanes.map(({ consumerName, says }) => `${consumerName}: ${says}`)).toEqual([
      'billing: 2 events: 1 dead letter, 1 done',
      'search: 2 events: 1 skipped, 1 done',
      'mail: 2 events: 2 done',
      'shipping: 2 events: 2 done',
    ]);
  });

  it('of 40 consumers has the worst 30, and says what the others are', async () => {
    const order = await publish({ name: 'order.placed', entity: 'o1' });
    const many = Array.from({ length: 40 }, (_, n) => `many-${String(n).padStart(2, '0')}`);
    await register(...many);
    await keep(order, { consumer: 'many-39', status: 'dead_letter', errors: ['x'] });
    const journey = await journeys.ofEvent(order);
    expect([journey?.lanes.length, journey?.lanes[0]?.consumerName]).toEqual([30, 'many-39']);
    expect(journey?.moreLanes).toEqual({ count: 10, says: '10 more consumers: 10 done' });
    expect(journey?.events[0]?.deliveries).toHaveLength(30);
  });

  it('of what waits says why, and that it is not done', async () => {
    const order = await publish({ name: 'order.placed', entity: 'o1' });
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, paused_at, paused_by)
       VALUES ('billing', '{order.*}', '{[1,)}', now(), 'ann')`,
    );
    const journey = await journeys.ofEvent(order);
    expect(journey?.says).toBe('1 event at 1 consumer: 1 delivery not done yet.');
    const { json } = await admin.ask(`events/${order}`);
    expect(journey?.events[0]?.deliveries[0]?.says).toBe(json.consumers[0].why.sentence);
  });

  it('of an event without a correlation, as plain SQL writes it, is its own', async () => {
    await database.pool.query(
      `INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id)
       VALUES ('00000000-0000-7000-8000-000000000001', 'order.placed', 'shop', 'order', 'o1')`,
    );
    const journey = await journeys.ofEvent('00000000-0000-7000-8000-000000000001');
    expect(journey && told(journey)).toEqual([
      ['order.placed of order/o1, published by shop, and no consumer asks for it', []],
    ]);
  });

  it('of an event that the log does not have is not there', async () => {
    expect(await journeys.ofEvent(randomUUID())).toBeUndefined();
    expect((await admin.ask(`events/${randomUUID()}/journey`)).status).toBe(404);
  });
});

describe('the journey of an entity', () => {
  it('has the newest 100 of its events, the oldest first, and those before a position', async () => {
    await register('billing');
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT 'order.changed', 'shop', 'order', 'o1' FROM generate_series(1, 130)`,
    );
    const newest = await journeys.ofEntity('order', 'o1');
    expect([newest.events.length, newest.hasMore]).toEqual([100, true]);
    const positions = newest.events.map(({ position }) => position);
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    const before = await journeys.ofEntity('order', 'o1', positions[0]);
    expect([before.events.length, before.hasMore]).toEqual([30, false]);
    expect(before.events.at(-1)?.position).toBe((positions[0] ?? 0) - 1);
    expect(await journeys.ofEntity('order', 'none')).toMatchObject({
      events: [],
      says: 'The log has no such event.',
    });
  });
});

describe('REST and the command', () => {
  it('say the same of a request, in the same words', async () => {
    const { parcel } = await request();
    const { status, json } = await admin.ask(`events/${parcel}/journey`);
    expect(status).toBe(200);
    const { result } = await runJsonCommand(['events', 'journey', parcel], database);
    expect({ ...result, ok: undefined }).toMatchObject(json);
    const { stdout } = await runCommand(['events', 'journey', parcel], database);
    for (const [says, deliveries] of told(json))
      for (const each of [says, ...(deliveries ?? [])]) expect(stdout).toContain(each);
    expect(stdout).toContain('attempt 1 at 2026-11-20T08:00:00Z, 13 ms: receiver out');
    expect(stdout).toContain('mail: done, after 1 attempt that failed (2026-11-20T08:00:00Z)');
  });

  it('say the same of an entity', async () => {
    await request();
    const { json } = await admin.ask('entities/order/o1/journey');
    expect(json.events).toHaveLength(2);
    const words = ['events', 'journey', '--aggregate-type', 'order', '--aggregate-id', 'o1'];
    const { result } = await runJsonCommand(words, database);
    expect({ ...result, ok: undefined }).toMatchObject(json);
  });

  it('the command asks for one or the other', async () => {
    const { status, stderr } = await runCommand(['events', 'journey'], database);
    expect([status, stderr]).toEqual([2, expect.stringContaining('give either the id of an event')]);
  });
});
