import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { hearLog, silenceLog, TEST_LOGGER } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, registerConsumer, startAdminApp } from './admin-app.js';

let database: TestDatabase;
let admin: AdminApp;

beforeAll(async () => {
  database = await createTestDatabase();
  await registerConsumer(database, 'billing');
  admin = await startAdminApp(database, {
    admin: { actor: () => 'mallory', permission: () => false },
    create: { logger: TEST_LOGGER },
  });
});
afterAll(async () => {
  silenceLog();
  await admin.close();
  await database.drop();
});

it('a denial that cannot be noted stays a denial, and is said once however often somebody asks', async () => {
  await database.pool.query(
    `ALTER TABLE integration.integration_audit ADD CONSTRAINT refused CHECK (actor <> 'mallory')`,
  );
  const lines = hearLog();
  const statuses = new Set<number>();
  for (const path of ['overview', 'consumers', 'dead-letters', 'settings', 'audit'])
    for (let n = 0; n < 4; n++) statuses.add((await admin.ask(path)).status);
  expect(statuses).toEqual(new Set([403]));
  expect(lines.texts('warn', 'error')).toEqual([
    expect.stringMatching(/^mallory was denied .*, which could not be noted: /),
  ]);
});
