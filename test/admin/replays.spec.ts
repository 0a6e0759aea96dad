import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, registerConsumer, startAdminApp } from './admin-app.js';

let database: TestDatabase;
let admin: AdminApp;

beforeAll(async () => {
  database = await createTestDatabase();
  await registerConsumer(database, 'billing');
  // It has handled all of them.
  await database.pool.query(`UPDATE integration.inbox_cursor SET unread = '{[5,)}'`);
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

const plan = (json: object) =>
  admin.ask('operations', { method: 'POST', json: { kind: 'replay', consumer: 'billing', ...json } });

it.each<[object, number]>([
  [{ since: '2026-01-01T11:00:00Z' }, 2],
  [{ since: '2026-01-01T00:00:00Z' }, 3],
  [{ since: '2026-01-01T00:00:00Z', until: '2026-01-01T13:00:00Z' }, 2],
  [{ since: '2026-01-01T00:00:00Z', eventName: 'order.pa*' }, 2],
  [{ since: '2026-01-01T00:00:00Z', eventName: 'order.placed' }, 1],
  [{ since: '2027-01-01T00:00:00Z' }, 0],
  [{ eventNames: ['order.placed', 'order.pa*'] }, 3],
  [{ from: 2 }, 2],
  [{ from: 1, to: 2 }, 2],
  [{ aggregateType: 'order', aggregateId: 'o1' }, 3],
])('a replay with %j would send %d events of the consumer again', async (choice, events) => {
  expect(await plan(choice)).toMatchObject({
    status: 200,
    json: { plannedEvents: events, plannedAtLeast: false },
  });
});

it('a replay is kept with who asked for it and why, and is listed by its kind and its consumer', async () => {
  const planned = await plan({ since: '2026-01-01T11:00:00Z', reason: 'the receiver had lost them' });
  const { id } = planned.json;
  const started = await admin.ask(`operations/${id}/run`, { method: 'POST', json: {} });
  expect(started).toMatchObject({
    status: 200,
    json: {
      filter: { consumerName: 'billing', since: '2026-01-01T11:00:00.000Z' },
      requestedBy: 'ann',
      finishedAt: null,
    },
  });
  const other = await admin.ask('operations', {
    method: 'POST',
    json: { kind: 'redrive', consumer: 'billing' },
  });
  const idsOf = async (query: string) =>
    (await admin.ask(`operations?${query}`)).json.items.map((item: { id: string }) => item.id);
  expect(await idsOf('kind=replay&consumer=billing&state=running')).toEqual([id]);
  expect(await idsOf('kind=redrive')).toEqual([other.json.id]);
  expect(await idsOf('kind=replay&consumer=nobody')).toEqual([]);
  // The same list from its other end, page by page.
  const latestFirst = await idsOf('limit=1000');
  expect(latestFirst.length).toBeGreaterThan(1);
  const oldestFirst: string[] = [];
  for (let next: string | null | undefined; next !== null; ) {
    const after = next === undefined ? '' : `&after=${next}`;
    const { json } = await admin.ask(`operations?order=oldest&limit=1${after}`);
    oldestFirst.push(...json.items.map((item: { id: string }) => item.id));
    next = json.next;
  }
  expect(oldestFirst).toEqual([...latestFirst].reverse());
  expect((await admin.ask(`audit?target=operation/${id}`)).json.items[0]).toMatchObject({
    actor: 'ann',
    via: 'rest',
    action: 'operations.run',
  });
});

it('a replay needs a choice, a consumer that exists, and its permission', async () => {
  expect(await plan({})).toMatchObject({ status: 400 });
  expect(await plan({ consumer: 'nobody', from: 1 })).toMatchObject({ status: 404 });
  mayReplay = false;
  expect(await plan({ from: 1 })).toMatchObject({ status: 403 });
  mayReplay = true;
});

it('a replay as an operation needs the permission to replay too, for its plan and for its run', async () => {
  const ofTheTime = () => plan({ since: '2026-01-01T11:00:00Z', reason: 'lost' });
  const planned = await ofTheTime();
  expect(planned).toMatchObject({
    status: 200,
    json: { kind: 'replay', state: 'planned', filter: { since: '2026-01-01T11:00:00.000Z' } },
  });
  const run = () => admin.ask(`operations/${planned.json.id}/run`, { method: 'POST', json: {} });
  mayReplay = false;
  try {
    expect((await ofTheTime()).status).toBe(403);
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
