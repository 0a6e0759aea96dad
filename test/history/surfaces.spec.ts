import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type AdminApp, registerConsumer, startAdminApp } from '../admin/admin-app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* REST and the command say what was changed in the same words. The page is in test/browser/time-axis.spec.ts. */

let database: TestDatabase;
let admin: AdminApp;
const allowed = new Set<string>();

beforeAll(async () => {
  database = await createTestDatabase();
  admin = await startAdminApp(database, {
    admin: { permission: (_, action) => allowed.size === 0 || allowed.has(action) },
  });
  await registerConsumer(database, 'billing');
  await database.pool.query(
    `INSERT INTO integration.integration_start (minute, version, processes, first_at, host, pid)
       SELECT at, '2.0.0', 3, at, 'web-1', 7 FROM (SELECT date_trunc('minute', now()) - interval '20 minutes' AS at) AS t;
     INSERT INTO integration.integration_setting_change (key, old_value, new_value, changed_by, changed_at)
       VALUES ('core.integration.outbox.batchSize', '500', '50', 'ann', now() - interval '15 minutes');
     INSERT INTO integration.integration_audit (at, actor, via, action, target, outcome) VALUES
       (now() - interval '10 minutes', 'ben', 'rest', 'consumers.pause', 'consumer/billing', 'done'),
       (now() - interval '9 minutes', 'ben', 'rest', 'consumers.pause', 'consumer/mail', 'done')`,
  );
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});

interface Said {
  readonly at: string;
  readonly says: string;
}
/** Without the application of the test itself, which was started after them. */
const before = (changes: readonly Said[]) =>
  changes.filter(({ at }) => Date.parse(at) < Date.now() - 5 * 60_000);

it('REST and the command have the same changes in the same words', async () => {
  const { status, json } = await admin.ask('changes');
  expect(status).toBe(200);
  const rest = before(json.changes);
  expect(rest.map(({ says }) => says)).toEqual([
    'ben paused consumer mail',
    'ben paused consumer billing',
    'ann set core.integration.outbox.batchSize from 500 to 50',
    expect.stringContaining('2.0.0'),
  ]);
  const { result } = await runJsonCommand(['changes'], database);
  expect(before(result.changes)).toEqual(rest);
  const { stdout } = await runCommand(['changes'], database);
  for (const { says } of rest) expect(stdout).toContain(says);
});

it('a consumer has no change of another, and a limit says that there are more', async () => {
  const { json } = await admin.ask('changes?consumer=mail');
  expect(json.changes.map(({ says }: Said) => says)).not.toContain('ben paused consumer billing');
  const { result } = await runJsonCommand(['changes', '--consumer', 'mail'], database);
  expect(before(result.changes)).toEqual(before(json.changes));
  const first = (await admin.ask('changes?limit=1')).json;
  expect([first.changes.length, first.more]).toEqual([1, true]);
  expect((await admin.ask('changes?limit=501')).status).toBe(400);
});

it('is for those who may read the audit', async () => {
  allowed.add('overview.read');
  try {
    expect((await admin.ask('changes')).status).toBe(403);
  } finally {
    allowed.clear();
  }
});
