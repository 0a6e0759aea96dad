import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, registerConsumer, startAdminApp } from './admin-app.js';

let database: TestDatabase;
let admin: AdminApp;

beforeAll(async () => {
  database = await createTestDatabase();
  await registerConsumer(database, 'billing');
  await write(1, 'order.placed', '2026-01-01T10:00:00Z');
  await write(2, 'order.paid', '2026-01-01T12:00:00Z');
  await write(3, 'mail.sent', '2026-01-01T12:00:00Z');
  await write(4, 'order.paid', '2026-01-01T14:00:00Z');
  admin = await startAdminApp(database, {
    admin: { actor: () => 'ann', permission: (_, action) => action !== 'consumers.replay' || mayReplay },
  });
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});

let mayReplay = true;

async function write(position: number, name: string, at: string): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.outbox_event (position, id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata, created_at)
     OVERRIDING SYSTEM VALUE VALUES ($1, gen_random_uuid(), $2, 'shop', 'order', 'o1', '{}', '{}', $3)`,
    [position, name, at],
  );
}

it.each([
  ['since=2026-01-01T11:00:00Z', 2],
  ['since=2026-01-01T00:00:00Z', 3],
  ['since=2026-01-01T00:00:00Z&until=2026-01-01T13:00:00Z', 2],
  ['since=2026-01-01T00:00:00Z&eventName=order.pa*', 2],
  ['since=2026-01-01T00:00:00Z&eventName=order.placed', 1],
  ['since=2027-01-01T00:00:00Z', 0],
])('a replay with %s would look at %d events of the consumer', async (query, count) => {
  expect((await admin.ask(`consumers/billing/replays/count?${query}`)).json).toEqual({
    count,
    atLeast: false,
  });
});

it('a replay is kept with who asked for it and why, and is listed', async () => {
  const body = { since: '2026-01-01T11:00:00Z', reason: 'the receiver had lost them' };
  const started = await admin.ask('consumers/billing/replays', { method: 'POST', json: body });
  expect(started).toMatchObject({
    status: 200,
    json: {
      consumerName: 'billing',
      since: '2026-01-01T11:00:00.000Z',
      requestedBy: 'ann',
      finishedAt: null,
    },
  });
  expect((await admin.ask('consumers/billing/replays')).json).toEqual({ items: [started.json] });
  expect((await admin.ask('audit?target=consumer/billing')).json.items[0]).toMatchObject({
    actor: 'ann',
    via: 'rest',
    reason: 'the receiver had lost them',
  });
});

it('a replay needs a time, a consumer that exists, and its permission', async () => {
  const send = (name: string, json: object) =>
    admin.ask(`consumers/${name}/replays`, { method: 'POST', json });
  expect(await send('billing', {})).toMatchObject({ status: 400 });
  expect(await send('nobody', { since: '2026-01-01T00:00:00Z' })).toMatchObject({ status: 404 });
  expect(await admin.ask('consumers/nobody/replays')).toMatchObject({ status: 404 });
  mayReplay = false;
  expect(await send('billing', { since: '2026-01-01T00:00:00Z' })).toMatchObject({ status: 403 });
});

it('a replay as an operation needs the permission to replay too, for its plan and for its run', async () => {
  const plan = () =>
    admin.ask('operations', {
      method: 'POST',
      json: { kind: 'replay', consumer: 'billing', since: '2026-01-01T11:00:00Z', reason: 'lost' },
    });
  mayReplay = true;
  const planned = await plan();
  expect(planned).toMatchObject({
    status: 200,
    json: { kind: 'replay', state: 'planned', replay: { since: '2026-01-01T11:00:00.000Z' } },
  });
  const run = () => admin.ask(`operations/${planned.json.id}/run`, { method: 'POST', json: {} });
  mayReplay = false;
  try {
    expect((await plan()).status).toBe(403);
    expect((await run()).status).toBe(403);
    const { json } = await admin.ask('audit?action=consumers.replay&outcome=denied');
    expect(json.items.slice(0, 2)).toMatchObject([
      { actor: 'ann', target: 'consumer/billing' },
      { actor: 'ann', target: 'consumer/billing' },
    ]);
  } finally {
    mayReplay = true;
  }
  expect(await run()).toMatchObject({ status: 200, json: { state: 'running', toPosition: 4 } });
  expect(await admin.ask(`operations/${planned.json.id}/cancel`, { method: 'POST', json: {} })).toMatchObject(
    {
      json: { state: 'cancelled', changed: 0 },
    },
  );
});
