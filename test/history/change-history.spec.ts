import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { AdminDatabase } from '../../src/database/admin-database.js';
import { ChangeHistoryService } from '../../src/index.js';
import { IntegrationProcessStore } from '../../src/membership/beat/integration-process.store.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let admin: AdminDatabase;
let app: TestApp | undefined;

beforeEach(async () => {
  database = await createTestDatabase();
  admin = new AdminDatabase({ connectionString: database.url, schema: 'integration' });
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  await admin.close();
  await database.drop();
});

const startedOf = (version: string) =>
  database.pool
    .query(`SELECT sum(processes)::int AS n FROM integration.integration_start WHERE version = $1`, [version])
    .then(({ rows }) => rows[0].n);

it('counts each start of a process once, also of many at a time that sign in again', async () => {
  const dbs = Array.from({ length: 4 }, () => database.engine());
  const ids = Array.from({ length: 20 }, () => randomUUID());
  const signIn = (id: string, n: number) =>
    (dbs[n % 4] as (typeof dbs)[number]).transaction((session) =>
      new IntegrationProcessStore(dbs[n % 4] as (typeof dbs)[number]).signIn(session as never, {
        id,
        role: 'all',
        host: `web-${n}`,
        pid: n,
        version: '9.9.9',
      }),
    );
  await Promise.all([...ids.map(signIn), ...ids.map((id, n) => signIn(id, n + 1))]);
  await Promise.all(ids.map((id, n) => signIn(id, n + 2)));
  expect(await startedOf('9.9.9')).toBe(20);
});

it('has a deployment, a setting and a pause, also when the processes are gone', async () => {
  app = await startApp(database, [
    { eventName: 'order.placed', consumerName: 'billing', handler: async () => {} },
  ]);
  // A process signs in after its start, and the order of the changes is what this test asks for.
  await until('the process has signed in', async () => {
    const { rowCount } = await database.pool.query(
      `SELECT FROM integration.integration_start WHERE version <> '9.9.9'`,
    );
    return rowCount === 1;
  });
  await app.settings.set('batchSize', 5, 'ann');
  await app.consumers.pause('billing', { by: 'ben', reason: 'deploy' });
  // A process that ends takes its row along. One that lives would sign in again.
  await app.close();
  app = undefined;
  const history = new ChangeHistoryService(admin);
  const { changes, more } = await history.list();
  expect(more).toBe(false);
  expect(changes.map(({ kind }) => kind)).toEqual(['consumer', 'setting', 'process']);
  expect(changes[0]).toMatchObject({
    says: 'ben paused consumer billing: deploy',
    target: 'consumer/billing',
  });
  expect(changes[2]?.says).toMatch(/^Process .+:\d+ was started/);
  const ofOther = await history.list({ consumerName: 'shipping' });
  expect(ofOther.changes.map(({ kind }) => kind)).toEqual(['setting', 'process']);
  expect((await history.list({ limit: 1 })).more).toBe(true);
  await expect(history.list({ limit: 501 })).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
});
