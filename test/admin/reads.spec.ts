import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminDatabase } from '../../src/database/admin-database.js';
import { isWrite } from '../../src/rest/route.js';
import { gate } from '../support/gate.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, PATH, registerConsumer, startAdminApp, TOKEN } from './admin-app.js';
import { everyRoute, partModules } from './every-section.js';

const EVENT_ID = '00000000-0000-7000-8000-000000000001';
const QUERIES: Readonly<Record<string, string>> = {
  'entities/:type/:id/graph': '?module=shop',
  'events/:id/history': '?consumer=billing',
  'sagas/transitions': '?saga=order',
  'events/:id/lines': '?consumer=billing',
  'events/:id/rehearsal': '?consumer=billing',
  'events/:id/compared': '?consumer=billing&first=1&second=1',
  'dead-letters/groups/:fingerprint': '?consumer=billing',
};
/** Reads that ask no database, or that say otherwise what they could not read. */
const APART = ['session', 'openapi', 'stream', 'doctor', 'webhooks/event-types'];

const READS = (await everyRoute())
  .filter((route) => !isWrite(route))
  .map(({ path }) => path)
  .filter((path) => !APART.includes(path) && !path.startsWith('ui'));
const filledIn = (path: string) =>
  `${path.replace(':id', EVENT_ID).replace(':rehearsal', EVENT_ID).replace(':position', '1').replace(/:\w+/g, 'billing')}${QUERIES[path] ?? ''}`;

let database: TestDatabase;
let admin: AdminApp;

beforeAll(async () => {
  database = await createTestDatabase();
  await registerConsumer(database, 'billing');
  admin = await startAdminApp(database, { module: { imports: partModules() } });
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});

const adminDatabase = () => admin.app.get(AdminDatabase, { strict: false });

describe('every read of the admin API', () => {
  it('uses the connections of admins, and says so when they are in use', async () => {
    const done = gate();
    const begun = new Recorder<true>();
    const changes = [1, 2].map(() =>
      adminDatabase().transaction(async (session) => {
        await session.query('SELECT 1');
        begun.record(true);
        await done.opened;
      }),
    );
    await begun.first(2);
    const answers = await Promise.all(
      READS.map(async (path) => [path, (await admin.ask(filledIn(path))).json.code]),
    );
    done.open();
    await Promise.all(changes);
    expect(READS.length).toBeGreaterThan(15);
    expect(answers).toEqual(READS.map((path) => [path, 'INTEGRATION_ADMIN_BUSY']));
  });

  it('that takes longer than five seconds is ended, with an error that says what to do', async () => {
    await database.pool.query(
      `ALTER TABLE integration.inbox_event RENAME TO inbox_event_itself;
       INSERT INTO integration.inbox_event_itself (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, available_at)
         VALUES (gen_random_uuid(), 1, 'billing', 'order', 'o', 'failed', now() + interval '1 hour'), (gen_random_uuid(), 2, 'billing', 'order', 'o', 'dead_letter', NULL);
       CREATE VIEW integration.inbox_event AS SELECT i.* FROM pg_sleep(60) CROSS JOIN integration.inbox_event_itself i`,
    );
    try {
      const slow = [
        'consumers',
        'consumers/billing/backlog',
        'consumers/billing/blocked',
        'dead-letters',
        'dead-letters/groups',
      ];
      for (const path of slow) {
        expect([path, await admin.ask(path)]).toMatchObject([
          path,
          { status: 503, json: { code: 'INTEGRATION_ADMIN_TIMEOUT' } },
        ]);
      }
    } finally {
      await database.pool.query(
        `DROP VIEW integration.inbox_event; ALTER TABLE integration.inbox_event_itself RENAME TO inbox_event`,
      );
    }
  });

  it('of very many consumers is sent compressed to whoever takes that, and is the same', async () => {
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
       SELECT 'of-many-' || n, '{order.placed,order.cancelled}', '{[1,)}' FROM generate_series(1, 300) AS n`,
    );
    const url = `${admin.url}/${PATH}/consumers?limit=1000`;
    const get = (coding: string) =>
      fetch(url, { headers: { authorization: TOKEN, 'accept-encoding': coding } });
    const plain = await get('identity');
    expect(plain.headers.get('content-encoding')).toBeNull();
    const { items } = (await plain.json()) as { items: { consumerName: string }[] };
    // The last one routes events to destinations.
    expect(items.length).toBe(302);
    const packed = await get('gzip');
    expect(packed.headers.get('content-encoding')).toBe('gzip');
    const bytes = Number(packed.headers.get('content-length'));
    const text = await packed.text();
    // A page that is open reads it every five seconds: some 33 KB a second as it is.
    expect(text.length / 5).toBeGreaterThan(20_000);
    expect(bytes / 5).toBeLessThan(4_000);
    expect(JSON.parse(text).items.map(({ consumerName }: { consumerName: string }) => consumerName)).toEqual(
      items.map(({ consumerName }) => consumerName),
    );
    // A short answer is sent as it is.
    const one = await fetch(`${admin.url}/${PATH}/consumers?name=billing`, {
      headers: { authorization: TOKEN, 'accept-encoding': 'gzip' },
    });
    expect(one.headers.get('content-encoding')).toBeNull();
    expect(((await one.json()) as { items: unknown[] }).items).toHaveLength(1);
    await database.pool.query(`DELETE FROM integration.inbox_cursor WHERE consumer_name LIKE 'of-many-%'`);
  });

  it('runs in a transaction that can only read', async () => {
    const write = 'DELETE FROM integration.integration_setting';
    await expect(adminDatabase().read((session) => session.query(write))).rejects.toMatchObject({
      code: '25006',
    });
    await adminDatabase().transaction((session) => session.query(write));
  });
});
