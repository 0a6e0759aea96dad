import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, registerConsumer, startAdminApp } from './admin-app.js';

let database: TestDatabase;
let admin: AdminApp;
/** Events that are dead at the consumer, by position. */
let dead: string[];

beforeAll(async () => {
  database = await createTestDatabase();
  await registerConsumer(database, 'billing');
  const { rows } = await database.pool.query<{ id: string }>(
    `INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
     SELECT gen_random_uuid(), 'order.placed', 'shop', 'order', n::text, '{}', '{}' FROM generate_series(1, 6) n RETURNING id`,
  );
  dead = rows.map(({ id }) => id).slice(0, 5);
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, error_fingerprint)
     SELECT id, position, 'billing', aggregate_type, aggregate_id, 'dead_letter', 'f1' FROM integration.outbox_event
     WHERE id = ANY ($1::uuid[])`,
    [dead],
  );
  admin = await startAdminApp(database, { admin: { actor: () => 'ann' } });
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});

const plan = (json: object) =>
  admin.ask('operations', { method: 'POST', json: { kind: 'redrive', ...json } });

it('an operation on events that somebody chose is planned with its counts, run, and shown with its list', async () => {
  const events = [dead[3], dead[0], randomUUID()];
  const planned = await plan({
    kind: 'discard',
    consumer: 'billing',
    events: events.map((id) => id?.toUpperCase()),
    reason: 'test orders',
  });
  expect(planned).toMatchObject({
    status: 200,
    json: {
      state: 'planned',
      plannedEvents: 2,
      chosenEvents: 3,
      parts: [{ consumerName: 'billing', fingerprint: 'f1', events: 2 }],
      leftOut: { unknown: 1, notTaken: 0, events: [events[2]] },
      filter: { consumerName: 'billing', outboxEventIds: events },
    },
  });
  const { id } = planned.json;
  const run = await admin.ask(`operations/${id}/run`, { method: 'POST', json: { reason: 'test orders' } });
  expect(run).toMatchObject({ status: 200, json: { state: 'running' } });
  expect((await admin.ask(`operations/${id}`)).json.filter.outboxEventIds).toEqual(events);
  const [listed] = (await admin.ask('operations')).json.items;
  expect(listed).toMatchObject({ id, chosenEvents: 3 });
  expect(listed.filter).toEqual({ consumerName: 'billing' });
  const { items } = (await admin.ask(`audit?target=operation/${id}`)).json;
  expect(items).toMatchObject([
    { action: 'operations.run', actor: 'ann', after: { filter: { outboxEventIds: events } } },
  ]);
});

it('takes a thousand ids in one request', async () => {
  const events = [...dead, ...Array.from({ length: 995 }, () => randomUUID())];
  const answer = await plan({ events });
  expect(answer).toMatchObject({ status: 200, json: { chosenEvents: 1_000, leftOut: { unknown: 995 } } });
  expect(answer.json.leftOut.events).toHaveLength(50);
});

it('a discard is counted without a reason, and is not run without one', async () => {
  const { json } = await plan({ kind: 'discard', events: [dead[4]] });
  const run = (body: object) => admin.ask(`operations/${json.id}/run`, { method: 'POST', json: body });
  expect(await run({})).toMatchObject({
    status: 400,
    json: { errors: [{ in: 'body', pointer: '/reason', message: expect.stringContaining('Say why') }] },
  });
  expect(await run({ reason: 'test orders' })).toMatchObject({
    status: 200,
    json: { reason: 'test orders' },
  });
});

const id = randomUUID();
it.each<[string, object, string, string]>([
  ['none', { events: [] }, '/events', 'must be a list of 1 to 1000 uuids'],
  ['too many', { events: Array.from({ length: 1_001 }, () => randomUUID()) }, '/events', '1 to 1000'],
  ['a text', { events: id }, '/events', 'must be a list'],
  ['one that is no uuid', { events: [id, 'order-7'] }, '/events/1', 'must be a uuid'],
  ['one twice', { events: [id, randomUUID(), id.toUpperCase()] }, '/events/2', 'is in the list twice'],
  ['a single event beside', { events: [id], event: id }, '/events', 'Give either'],
  ['a replay', { events: [id], kind: 'replay', consumer: 'billing' }, '/events', 'does not choose by'],
])('is refused with %s, and names the field', async (_, json, pointer, message) => {
  const answer = await plan(json);
  expect(answer.status).toBe(400);
  expect(answer.json.errors).toEqual([{ in: 'body', pointer, message: expect.stringContaining(message) }]);
});
