import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { emptyTables } from '../support/empty-tables.js';
import { type MigratedServer, startMigratedServer } from '../support/migrated-server.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, registerConsumer, startAdminApp } from './admin-app.js';
import { everyRoute, partModules } from './every-section.js';

let database: TestDatabase;
let admin: AdminApp;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = await startAdminApp(database, {
    module: { imports: partModules() },
    admin: { actor: ({ headers }) => (headers['x-person'] as string | undefined) ?? 'grace' },
  });
});
beforeEach(async () => {
  await emptyTables(
    database.pool,
    'integration.inbox_cursor',
    'integration.integration_idempotency_key',
    'integration.integration_audit',
  );
  await registerConsumer(database, 'billing');
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});

const send = (verb: string, key: string, { json = {}, person }: { json?: object; person?: string } = {}) =>
  admin.ask(`consumers/billing/${verb}`, {
    method: 'POST',
    json,
    headers: { 'idempotency-key': key, 'x-person': person },
  });
const isPaused = async () =>
  (
    await database.pool.query(
      `SELECT paused_at IS NOT NULL AS paused FROM integration.inbox_cursor WHERE consumer_name = 'billing'`,
    )
  ).rows[0].paused;

/** A body that each POST takes. What most of them name is not there, and that refusal is kept as well. */
const BODIES: Readonly<Record<string, object>> = {
  'consumers/:name/pause': {},
  'consumers/:name/resume': {},
  'consumers/:name/repartition': { partitions: 2 },
  'events/:id/rehearsals': { consumer: 'billing' },
  'events/:id/correct': { consumer: 'billing', payload: '{}', reason: 'one' },
  operations: { kind: 'redrive', consumer: 'billing' },
  'operations/:id/run': {},
  'operations/:id/pause': {},
  'operations/:id/resume': {},
  'operations/:id/rate': { rate: 5 },
  'operations/:id/cancel': {},
  'settings/restore': { changeId: 7 },
  'webhooks/endpoints/:id/pause': {},
  'webhooks/endpoints/:id/resume': {},
  'webhooks/destinations': {
    tenant: 'acme',
    url: 'https://receiver.example/',
    eventTypes: ['*'],
    signing: 'v1a',
  },
  'webhooks/destinations/:id/pause': {},
  'webhooks/destinations/:id/resume': {},
  'webhooks/destinations/:id/enable': {},
  'webhooks/destinations/:id/test': {},
  'webhooks/destinations/:id/deliveries/:position/redrive': {},
  'webhooks/destinations/:id/redrive': {},
  'webhooks/destinations/:id/replay': { since: '2026-01-01T00:00:00.000Z' },
  'calls/:id/check': {},
  'calls/:id/retry': {},
  'calls/:id/cancel': {},
  'schedules/:schedule/pause': {},
  'schedules/:schedule/resume': {},
  'schedules/:schedule/trigger': {},
  'schedules/:schedule/remove': {},
  'sagas/:saga/:key/retry': {},
  'sagas/:saga/:key/end': { outcome: 'completed' },
  'keys/rotate': {},
  'keys/reseal': {},
};
const ONLY_ASK = [
  'settings/preview',
  'operations/count',
  'webhooks/destinations/:id/redrive/count',
  'webhooks/destinations/:id/replay/count',
];
const POSTS = (await everyRoute()).filter(({ method }) => method === 'POST').map(({ path }) => path);

const audited = async () =>
  (await database.pool.query('SELECT count(*)::int AS rows FROM integration.integration_audit')).rows[0].rows;

describe('every request that starts something', () => {
  it.each(POSTS.filter((path) => !ONLY_ASK.includes(path)))('takes an Idempotency-Key: %s', async (path) => {
    const body = BODIES[path];
    if (body === undefined) throw new Error('a new POST needs a body here');
    const filled = path
      .replace(':id', randomUUID())
      .replace(':name', 'billing')
      .replace(':position', '1')
      .replace(':schedule', 'invoices.nightly')
      .replace(':saga', 'order')
      .replace(':key', 'e1');
    const post = (json: object) =>
      admin.ask(filled, { method: 'POST', json, headers: { 'idempotency-key': 'k1' } });
    const first = await post(body);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    const before = await audited();
    const again = await post(body);
    expect([again.status, again.text]).toEqual([first.status, first.text]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await audited()).toBe(before);
    expect(await post({ ...body, reason: 'another' })).toMatchObject({
      status: 422,
      json: { code: 'INTEGRATION_ADMIN_KEY_REUSED' },
    });
  });
});

/** The session of the next pause ends in the middle of its COMMIT. */
const endAtCommit = (pool: pg.Pool, also = '') =>
  pool.query(`
    CREATE FUNCTION integration.end_session() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN ${also} PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER at_commit AFTER UPDATE ON integration.inbox_cursor
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION integration.end_session()`);

describe('a request with an Idempotency-Key', () => {
  it('is done once, and answered in the same way the second time', async () => {
    const first = await send('pause', 'k1');
    expect(first).toMatchObject({ status: 200, json: { paused: true } });
    await send('resume', 'k2');
    const again = await send('pause', 'k1');
    expect(again).toMatchObject({ status: 200, text: first.text });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(await isPaused()).toBe(false);
  });

  it('is refused if the key was used for another body or another path', async () => {
    const first = await send('pause', 'k1', { json: { reason: 'one' } });
    expect(first).toMatchObject({ status: 200, json: { paused: true } });
    for (const answer of [
      await send('pause', 'k1', { json: { reason: 'another' } }),
      await send('resume', 'k1', { json: { reason: 'one' } }),
    ]) {
      expect(answer).toMatchObject({ status: 422, json: { code: 'INTEGRATION_ADMIN_KEY_REUSED' } });
    }
    expect(await isPaused()).toBe(true);
  });

  it('has its key for itself: the key of somebody else is another one', async () => {
    expect(await send('pause', 'k1')).toMatchObject({ status: 200 });
    expect(await send('resume', 'k1', { person: 'ada' })).toMatchObject({ status: 200 });
    expect(await isPaused()).toBe(false);
  });

  it('is done by one of many that are sent at once', async () => {
    const answers = await Promise.all(Array.from({ length: 8 }, () => send('pause', 'k1')));
    const statuses = answers.map(({ status }) => status);
    expect(statuses).toContain(200);
    expect(statuses.filter((status) => status !== 200 && status !== 409)).toEqual([]);
    const replayed = answers.filter(({ headers }) => headers.get('idempotency-replayed') === 'true');
    const done = answers.filter(({ status }) => status === 200);
    expect(done).toHaveLength(replayed.length + 1);
    expect(await audited()).toBe(1);
  });

  it('gets the refusal of the first one again', async () => {
    await emptyTables(database.pool, 'integration.inbox_cursor');
    const first = await send('pause', 'k1');
    expect(first).toMatchObject({ status: 404, json: { code: 'INTEGRATION_CONSUMER_UNKNOWN' } });
    await registerConsumer(database, 'billing');
    const again = await send('pause', 'k1');
    expect(again).toMatchObject({ status: 404, text: first.text });
    expect(again.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  });

  it('may be tried again with the same key after a fault', async () => {
    await database.pool.query('ALTER TABLE integration.inbox_cursor RENAME TO hidden');
    const failed = await send('pause', 'k1');
    await database.pool.query('ALTER TABLE integration.hidden RENAME TO inbox_cursor');
    expect(failed.status).toBe(500);
    expect(await send('pause', 'k1')).toMatchObject({ status: 200, json: { paused: true } });
  });

  it('is refused while nobody knows whether the first one was done', async () => {
    expect(await send('pause', 'k1')).toMatchObject({ status: 200 });
    await database.pool.query(
      'UPDATE integration.integration_idempotency_key SET status = NULL, answer = NULL',
    );
    expect(await send('pause', 'k1')).toMatchObject({
      status: 409,
      json: { code: 'INTEGRATION_ADMIN_KEY_IN_USE' },
    });
  });

  it('may be sent again if the connection was lost in its commit, and the server has rolled back', async () => {
    await endAtCommit(database.pool);
    const lost = await send('pause', 'k1');
    await database.pool.query('DROP FUNCTION integration.end_session CASCADE');
    expect(lost).toMatchObject({ status: 503, json: { code: 'INTEGRATION_ADMIN_UNAVAILABLE' } });
    expect(await isPaused()).toBe(false);
    expect(await send('pause', 'k1')).toMatchObject({ status: 200, json: { paused: true } });
  });

  it('may use its key for something else after 24 hours', async () => {
    expect(await send('pause', 'k1')).toMatchObject({ status: 200 });
    await database.pool.query(
      `UPDATE integration.integration_idempotency_key SET at = at - interval '24 hours'`,
    );
    expect(await send('resume', 'k1')).toMatchObject({ status: 200, json: { paused: false } });
  });

  it('is refused if the key is too long or empty', async () => {
    for (const key of ['x'.repeat(256), ' ']) {
      expect(await send('pause', key)).toMatchObject({
        status: 400,
        json: { errors: [{ in: 'header', pointer: '/Idempotency-Key', message: expect.any(String) }] },
      });
    }
    expect(await isPaused()).toBe(false);
  });
});

describe('a request with an Idempotency-Key, before a server of its own', () => {
  let server: MigratedServer;
  let own: AdminApp;

  beforeAll(async () => {
    server = await startMigratedServer();
    await registerConsumer(server, 'billing');
    own = await startAdminApp(server);
  });
  afterAll(async () => {
    await own.close();
    await server.stop();
  });

  it('is not done again if the server cannot know what became of its commit', async () => {
    const pause = (key: string) =>
      own.ask('consumers/billing/pause', { method: 'POST', json: {}, headers: { 'idempotency-key': key } });
    // So it looks after the server has recovered from a crash of one of its processes.
    await endAtCommit(server.pool, `PERFORM pg_stat_reset_shared('wal');`);
    const lost = await pause('k1');
    await server.pool.query('DROP FUNCTION integration.end_session CASCADE');
    expect(lost).toMatchObject({ status: 503, json: { code: 'INTEGRATION_ADMIN_UNAVAILABLE' } });
    expect(await pause('k1')).toMatchObject({ status: 409, json: { code: 'INTEGRATION_ADMIN_KEY_IN_USE' } });
    expect(await pause('k2')).toMatchObject({ status: 200 });
  });
});
