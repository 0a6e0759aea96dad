import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type FlowConsumer, type FlowMap, FlowService } from '../../src/index.js';
import { type AdminApp, startAdminApp } from '../admin/admin-app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { DELIVERY_TABLES, emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* Where events come from, who gets them, and how those stand. */

let database: TestDatabase;
let admin: AdminApp;
let flow: FlowService;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = await startAdminApp(database);
  flow = admin.app.get(FlowService, { strict: false });
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});
beforeEach(() => emptyTables(database.pool, ...DELIVERY_TABLES));

const HOURS = 3_600;

/** Events of one name, all written so long ago. Rates of hours are the same a few seconds later. */
async function publish(module: string, name: string, events: number, secondsAgo = 2 * HOURS): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, created_at)
     SELECT $2, $1, 'order', n::text, now() - $4::int * interval '1 second' FROM generate_series(1, $3::int) AS n`,
    [module, name, events, secondsAgo],
  );
}

/** A consumer that has settled everything, or nothing. */
async function register(consumer: string, names: readonly string[], hasSettled = true): Promise<void> {
  await database.pool.query(
    'INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread) VALUES ($1, $2, $3::int8multirange)',
    [consumer, names, hasSettled ? '{[1000000,)}' : '{[1,)}'],
  );
}

async function fail(consumer: string, events: number): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
     SELECT gen_random_uuid(), 900000 + n, $1, 'order', 'o', 'dead_letter' FROM generate_series(1, $2::int) AS n`,
    [consumer, events],
  );
}

/** Two modules, a name that nobody asks for, and consumers that stand in each way. */
async function shop(): Promise<void> {
  await publish('shop', 'order.placed', 6);
  await publish('shop', 'order.cancelled', 2);
  await publish('stock', 'order.placed', 4);
  await publish('stock', 'stock_low', 2);
  await register('billing', ['order.*']);
  await fail('billing', 3);
  await register('mail', ['order.cancelled']);
  await database.pool.query(
    `UPDATE integration.inbox_cursor SET paused_at = now() WHERE consumer_name = 'mail'`,
  );
  await register('search', ['order.placed'], false);
  await register('exact', ['order', 'stock.low', 'parcel.*']);
  await register('audit', ['order.placed', 'order.cancelled']);
}

const said = ({ names }: FlowMap) =>
  names.map(({ sourceModule, eventName, says }) => `${sourceModule} ${eventName}: ${says}`);
const standing = ({ consumers }: FlowMap) =>
  consumers.map(({ consumerName, says }) => `${consumerName}: ${says}`);
/** The names that a consumer is connected with. */
const linked = (map: FlowMap, consumer: string) =>
  map.consumers
    .find(({ consumerName }: FlowConsumer) => consumerName === consumer)
    ?.from.map((place) => `${map.names[place]?.sourceModule} ${map.names[place]?.eventName}`);

describe('the map of the flow', () => {
  it('has each name of each module with its rate, and says which nobody asks for', async () => {
    await shop();
    const map = await flow.map();
    expect(said(map)).toEqual([
      'shop order.placed: 3 an hour, for 3 consumers',
      'stock order.placed: 2 an hour, for 3 consumers',
      'shop order.cancelled: 1 an hour, for 3 consumers',
      'stock stock_low: 1 an hour, nobody asks for it',
    ]);
    expect(map.window).toMatchObject({
      events: 14,
      says: 'Rates are those of the 14 events of the log, written in the last 2 h.',
    });
    expect([map.moreNames, map.moreConsumers]).toEqual([null, null]);
  });

  it('has the consumers with most trouble first, each connected with the names that it asks for', async () => {
    await shop();
    const map = await flow.map();
    expect(standing(map)).toEqual([
      'billing: 3 dead letters, 6 an hour',
      'search: 2 h behind, 5 an hour',
      'mail: paused, 1 an hour',
      'audit: in time, 6 an hour',
      'exact: in time, none of these events is for it',
    ]);
    expect(map.consumers.map(({ state }) => state)).toEqual([
      'dead-letters',
      'behind',
      'paused',
      'in-time',
      'in-time',
    ]);
    expect(linked(map, 'billing')).toEqual([
      'shop order.placed',
      'stock order.placed',
      'shop order.cancelled',
    ]);
    expect(linked(map, 'search')).toEqual(['shop order.placed', 'stock order.placed']);
    expect(linked(map, 'mail')).toEqual(['shop order.cancelled']);
    expect(linked(map, 'exact')).toEqual([]);
  });

  it.each([
    [{ sourceModule: 'stock' }, ['stock order.placed', 'stock stock_low'], ['billing', 'search', 'audit']],
    [{ eventName: 'order.cancelled' }, ['shop order.cancelled'], ['billing', 'mail', 'audit']],
    [{ eventName: 'order.p*' }, ['shop order.placed', 'stock order.placed'], ['billing', 'search', 'audit']],
    // A mark that a pattern of SQL would take for any.
    [{ eventName: 'stock_l*' }, ['stock stock_low'], []],
    [{ eventName: 'stock%' }, [], []],
    [{ consumerName: 'mail' }, ['shop order.cancelled'], ['mail']],
    [{ consumerName: 'exact' }, [], ['exact']],
    [{ consumerName: 'nobody' }, [], []],
    [{ consumerName: 'audit', sourceModule: 'stock' }, ['stock order.placed'], ['audit']],
    [
      { consumerName: 'billing', eventName: 'order.c*', sourceModule: 'shop' },
      ['shop order.cancelled'],
      ['billing'],
    ],
  ])('with %j has only what is connected', async (request, names, consumers) => {
    await shop();
    const map = await flow.map(request);
    expect(map.names.map((each) => `${each.sourceModule} ${each.eventName}`)).toEqual(names);
    expect(map.consumers.map(({ consumerName }) => consumerName)).toEqual(consumers);
  });

  it('says what it leaves out in one line, and connects only what is listed', async () => {
    await shop();
    const map = await flow.map({ limit: 1 });
    expect(said(map)).toEqual(['shop order.placed: 3 an hour, for 3 consumers']);
    expect(map.moreNames).toEqual({
      count: 3,
      says: '3 more names, 4 an hour, nobody asks for 1 of them',
    });
    expect(map.consumers).toMatchObject([{ consumerName: 'billing', names: 3, from: [0] }]);
    expect(map.moreConsumers).toEqual({
      count: 4,
      says: '4 more consumers: 1 behind, 1 paused, 2 in time',
    });
  });

  it('looks at the newest events only, and says over what time its rates hold', async () => {
    await publish('old', 'order.seen', 50, 9 * HOURS);
    await publish('shop', 'order.placed', 10_000, 100);
    const map = await flow.map();
    expect(map.names.map(({ eventName, events }) => [eventName, events])).toEqual([['order.placed', 10_000]]);
    expect(map.window.says).toMatch(
      /^Rates are those of the newest 10,000 events, written in the last 1\d\d s\.$/,
    );
  });

  it('counts a partition of a consumer once, and its dead letters together', async () => {
    await publish('shop', 'order.placed', 2);
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, partition, partitions, event_names, unread)
       SELECT 'billing', n, 3, '{order.*}', '{[1000000,)}' FROM generate_series(0, 2) AS n`,
    );
    await fail('billing', 1);
    const map = await flow.map();
    expect(standing(map)).toEqual(['billing: 1 dead letter, 1 an hour']);
    expect(said(map)).toEqual(['shop order.placed: 1 an hour, for 1 consumer']);
  });

  it('of an empty log says so', async () => {
    expect(await flow.map()).toMatchObject({
      window: { events: 0, from: null, seconds: 0, says: 'The log has no events.' },
      names: [],
      consumers: [],
    });
  });

  it('refuses what it cannot list', async () => {
    await expect(flow.map({ limit: 301 })).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
    await expect(flow.map({ name: 'x' } as never)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
    expect((await admin.ask('flow?limit=301')).status).toBe(400);
  });
});

describe('REST and the command', () => {
  /** Without what a second changes. */
  const lasting = ({ window, names, consumers, moreNames, moreConsumers }: FlowMap) => ({
    window: window.says,
    names: names.map(({ perSecond: _, ...name }) => name),
    consumers: consumers.map(({ perSecond: _, lagSeconds: __, ...consumer }) => consumer),
    moreNames,
    moreConsumers,
  });

  it('say the same in the same words', async () => {
    await shop();
    const { status, json } = await admin.ask('flow?limit=2');
    expect(status).toBe(200);
    const { result } = await runJsonCommand(['flow', '--limit', '2'], database);
    expect(lasting(result as unknown as FlowMap)).toEqual(lasting(json));
    const { stdout } = await runCommand(['flow', '--limit', '2'], database);
    for (const { says } of [
      ...json.names,
      ...json.consumers,
      json.moreNames,
      json.moreConsumers,
      json.window,
    ])
      expect(stdout).toContain(says);
  });

  it('are filtered alike', async () => {
    await shop();
    const { json } = await admin.ask('flow?module=stock&name=order.*&consumer=search');
    expect(said(json)).toEqual(['stock order.placed: 2 an hour, for 3 consumers']);
    const words = ['flow', '--module', 'stock', '--event', 'order.*', '--consumer', 'search'];
    const { result } = await runJsonCommand(words, database);
    expect(lasting(result as unknown as FlowMap)).toEqual(lasting(json));
  });
});
