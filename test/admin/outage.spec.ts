import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Outage } from '../support/outage.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { type AdminApp, type Answered, PATH, registerConsumer, startAdminApp, TOKEN } from './admin-app.js';

let database: TestDatabase;
let outage: Outage;
let admin: AdminApp;
/** What is to be closed at the end, also if a test fails. */
let opened: (() => Promise<unknown>)[];

beforeEach(async () => {
  opened = [];
  database = await createTestDatabase();
  await registerConsumer(database, 'billing');
  outage = await Outage.of(database.url);
  admin = await startAdminApp({ ...database, url: outage.url });
});
afterEach(async () => {
  await outage.end();
  for (const close of opened.reverse()) await close();
  await admin.close();
  await outage.close();
  await database.drop();
});

const READS = [
  'overview',
  'consumers',
  'consumers/billing',
  'dead-letters',
  'operations',
  'settings',
  'audit',
];
const WAYS = ['refuse', 'drop'] as const;

const UNAVAILABLE = {
  status: 503,
  json: {
    type: 'urn:nestjs-integration:INTEGRATION_ADMIN_UNAVAILABLE',
    code: 'INTEGRATION_ADMIN_UNAVAILABLE',
  },
};

function expectNothingLeaks({ text, headers }: Answered): void {
  expect(headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(text).not.toMatch(/127\.0\.0\.1|localhost|postgres|SELECT|UPDATE|INSERT|ECONN|node:|\.js/i);
}

const pause = (key: string, by = admin) =>
  by.ask('consumers/billing/pause', { method: 'POST', json: {}, headers: { 'idempotency-key': key } });

const isPaused = async () =>
  (await database.pool.query('SELECT paused_at IS NOT NULL AS paused FROM integration.inbox_cursor')).rows[0]
    .paused;
const pauses = async () =>
  (
    await database.pool.query(
      `SELECT count(*)::int AS n FROM integration.integration_audit WHERE action = 'consumers.pause'`,
    )
  ).rows[0].n;

/** Holds the row of the consumer. Whoever wants to change it waits until it is let go. */
async function holdingConsumer(): Promise<() => Promise<void>> {
  const client = await database.pool.connect();
  let isHeld = true;
  const letGo = async () => {
    if (isHeld) await client.query('ROLLBACK');
    if (isHeld) client.release();
    isHeld = false;
  };
  opened.push(letGo);
  await client.query('BEGIN; SELECT FROM integration.inbox_cursor FOR UPDATE');
  return letGo;
}

const somebodyWaits = () =>
  until('a change waits for the row', async () => {
    const { rows } = await database.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    );
    return rows.length > 0;
  });

describe('while the database is away', () => {
  it.each(WAYS)('reads are answered with a problem that says nothing of the server: %s', async (way) => {
    expect(await admin.ask('consumers')).toMatchObject({ status: 200 });
    await outage[way]();
    for (const path of READS) {
      const answer = await admin.ask(path);
      expect([path, answer]).toMatchObject([path, UNAVAILABLE]);
      expectNothingLeaks(answer);
    }
    await outage.end();
    for (const path of READS) expect([path, await admin.ask(path)]).toMatchObject([path, { status: 200 }]);
  });

  it.each(WAYS)('a write is answered so too, and its key may be used again: %s', async (way) => {
    await admin.ask('consumers');
    await outage[way]();
    const refused = await pause('k1');
    expect(refused).toMatchObject(UNAVAILABLE);
    expectNothingLeaks(refused);
    await outage.end();
    expect(await pause('k1')).toMatchObject({ status: 200, json: { paused: true } });
    expect(await pauses()).toBe(1);
  });
});

describe('a write that the database leaves in the middle', () => {
  it('was not done, and may be tried again with the same key, at another process too', async () => {
    const letGo = await holdingConsumer();
    const lost = pause('k1');
    await somebodyWaits();
    await outage.refuse();
    const answer = await lost;
    expect(answer).toMatchObject(UNAVAILABLE);
    expectNothingLeaks(answer);
    await letGo();
    expect(await isPaused()).toBe(false);
    await outage.end();
    const other = await startAdminApp(database);
    opened.push(() => other.close());
    await until('the key is given back', async () => (await pause('k1', other)).status === 200);
    expect(await pauses()).toBe(1);
    expect((await pause('k1')).headers.get('idempotency-replayed')).toBe('true');
  });

  it('does not give back the key that somebody else has taken meanwhile', async () => {
    const letGo = await holdingConsumer();
    const lost = pause('k1');
    await somebodyWaits();
    await outage.refuse();
    expect(await lost).toMatchObject(UNAVAILABLE);
    // The key was kept for long, and another request has it now, which is under way.
    await database.pool.query(
      `UPDATE integration.integration_idempotency_key SET answer = 'of another request'`,
    );
    await letGo();
    await outage.end();
    expect(await pause('k1')).toMatchObject({ status: 409, json: { code: 'INTEGRATION_ADMIN_KEY_IN_USE' } });
    expect(await isPaused()).toBe(false);
  });
});

describe('a write that was done', () => {
  let proxy: TcpProxy;
  let through: AdminApp;

  beforeEach(async () => {
    proxy = await startTcpProxy(database.url);
    through = await startAdminApp({ ...database, url: proxy.url });
    opened.push(
      () => proxy.close(),
      () => through.close(),
    );
  });

  it('is answered as it was, also if the database goes before the answer is kept, and is not done again', async () => {
    const lost = proxy.loseAnswerTo('SET status = $4');
    const answer = await pause('k1', through);
    await lost;
    expect(answer).toMatchObject({ status: 200, json: { paused: true } });
    const again = await pause('k1', through);
    expect(again).toMatchObject({ status: 200, text: answer.text });
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await pauses()).toBe(1);
  });

  it('is not done again if a look behind it fails', async () => {
    await database.pool.query('ALTER TABLE integration.integration_sample RENAME TO hidden');
    const failed = await pause('k1');
    await database.pool.query('ALTER TABLE integration.hidden RENAME TO integration_sample');
    expect([failed.status, await isPaused()]).toEqual([500, true]);
    expect(await pause('k1')).toMatchObject({ status: 409, json: { code: 'INTEGRATION_ADMIN_KEY_IN_USE' } });
    expect(await pauses()).toBe(1);
  });
});

/** Opens a stream, and tells what it has said so far. */
async function watching({ url }: AdminApp): Promise<{ text(): string; readonly ended: Promise<void> }> {
  const response = await fetch(`${url}/${PATH}/stream`, { headers: { authorization: TOKEN } });
  expect(response.status).toBe(200);
  let text = '';
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const piece of response.body ?? []) text += decoder.decode(piece, { stream: true });
  };
  return { text: () => text, ended: read() };
}

describe('a stream that is open', () => {
  it('says that the database is away, shows looks again when it is back, and ends with the application', async () => {
    const own = await startAdminApp({ ...database, url: outage.url });
    const stream = await watching(own);
    await until('it shows a look', async () => stream.text().includes('event: overview\n'));
    await outage.refuse();
    await until('it says so', async () => stream.text().includes('event: unavailable\ndata: {}\n'));
    const { length } = stream.text();
    await outage.end();
    await until('it shows looks again', async () =>
      stream.text().slice(length).includes('event: overview\n'),
    );
    expect(stream.text()).not.toMatch(/127\.0\.0\.1|localhost|ECONN/);
    await own.close();
    await stream.ended;
  });

  it('can be opened while the database is away, and ends although it still is', async () => {
    const own = await startAdminApp({ ...database, url: outage.url });
    await outage.refuse();
    const stream = await watching(own);
    await until('it says so', async () => stream.text().includes('event: unavailable\n'));
    await own.close();
    await stream.ended;
    expect(stream.text()).not.toContain('event: overview\n');
  });
});
