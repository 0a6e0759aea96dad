import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { EventSubscriberRegistry } from '../../src/index.js';
import { type AdminApp, startAdminApp } from '../admin/admin-app.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

/** Far above what is promised (8 seconds and 13), and below what a supervisor waits. */
const READ_MS = 16_000;
const CLOSE_MS = 25_000;

/** A busy machine takes long to make a database and to boot. */
const START_MS = 180_000;

let database: TestDatabase;
let proxy: TcpProxy;
let admin: AdminApp;
/** Closes what was started, the last first. */
let closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  closing = [];
  database = await createTestDatabase();
  closing.unshift(() => database.drop());
  proxy = await startTcpProxy(database.url);
  closing.unshift(() => proxy.close());
  admin = await startAdminApp(
    { ...database, url: proxy.url },
    {
      engine: { role: 'all' },
      prepare: (app) =>
        app.get(EventSubscriberRegistry).registerHandler({
          consumerName: 'billing',
          eventName: 'order.*',
          handler: async () => {},
        }),
    },
  );
  closing.unshift(() => admin.close());
}, START_MS);
afterEach(async () => {
  for (const close of closing) await close();
});

it('a database that falls silent holds up a read and a shutdown for less long than a supervisor waits', async () => {
  expect(await admin.ask('consumers')).toMatchObject({ status: 200 });
  await until('the consumer has an owner', async () => {
    const { rowCount } = await database.pool.query(
      'SELECT FROM integration.inbox_cursor WHERE lease_owner IS NOT NULL',
    );
    return rowCount === 1;
  });
  proxy.silence();
  const startedAt = performance.now();
  const took = async <R>(work: Promise<R>) => ({ result: await work, ms: performance.now() - startedAt });
  // A connection that is kept for further requests would hold up the server, which closes only those that are idle.
  const asked = admin.ask('consumers', { headers: { connection: 'close' } });
  const [read, closed] = await Promise.all([took(asked), took(admin.close())]);
  expect(read.result).toMatchObject({ status: 503, json: { code: 'INTEGRATION_ADMIN_UNAVAILABLE' } });
  expect(read.ms).toBeLessThan(READ_MS);
  expect(closed.ms).toBeLessThan(CLOSE_MS);
  await until('no connection is left', async () => proxy.clients() === 0);
});
