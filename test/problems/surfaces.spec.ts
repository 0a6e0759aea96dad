import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type AdminApp, registerConsumer, startAdminApp } from '../admin/admin-app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* REST and the command say the same of what is wrong, and a person is told only what that person may read. */

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
    `UPDATE integration.inbox_cursor SET paused_at = now(), paused_by = 'ann', pause_reason = 'deploy';
     INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, error_fingerprint)
     SELECT gen_random_uuid(), n, 'consumer-' || n, 'thing', 't', 'dead_letter', 'the receiver is out', 'kind' FROM generate_series(1, 30) AS n;
     INSERT INTO integration.integration_audit (at, actor, via, action, target, outcome)
     VALUES (now() - interval '1 minute', 'ben', 'rest', 'consumers.resume', 'consumer/mail', 'done')`,
  );
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});

interface Said {
  readonly kind: string;
  readonly says: string;
  readonly changedBefore: readonly { readonly kind: string; readonly says: string }[];
}
/** The application of the test itself may have been started just before. */
const changedByPeople = ({ changedBefore }: Said) => changedBefore.filter(({ kind }) => kind !== 'process');
/** The doctor may be under way, and finds what is no matter here. */
const ofDelivery = (problems: readonly Said[]) => problems.filter(({ kind }) => kind !== 'finding');

it('REST and the command have the same problems in the same words', async () => {
  const { status, json } = await admin.ask('problems');
  expect(status).toBe(200);
  const rest = ofDelivery(json.problems);
  expect(rest.map(({ says }) => says)).toEqual([
    '30 consumers: the receiver is out: 30 dead letters, 3 a minute, growing',
    'billing was paused by ann: deploy',
  ]);
  expect(rest.flatMap(changedByPeople).map(({ says }) => says)).toEqual(['ben resumed consumer mail']);
  const { result } = await runJsonCommand(['problems'], database);
  expect(ofDelivery(result.problems)).toEqual(rest);
  const { stdout } = await runCommand(['problems'], database);
  for (const { says } of rest) expect(stdout).toContain(`${says}.`);
  expect(stdout).toContain('ben resumed consumer mail');
});

it('a consumer has only its own, and a limit leaves the others as a number', async () => {
  const ofOne = (await admin.ask('problems?consumer=consumer-7')).json.problems;
  expect(ofOne.map(({ says }: Said) => says)).toEqual([
    '30 consumers: the receiver is out: 30 dead letters, 3 a minute, growing',
  ]);
  const { problems, more } = (await admin.ask('problems?limit=1')).json;
  expect([problems.length, more >= 1]).toEqual([1, true]);
  expect((await admin.ask('problems?limit=101')).status).toBe(400);
});

it.each([
  [['overview.read', 'consumers.read'], ['paused'], 0],
  [['overview.read', 'dead-letters.read'], ['dead-letters'], 0],
  [['overview.read', 'dead-letters.read', 'audit.read'], ['dead-letters'], 1],
  [['overview.read'], [], 0],
])('who may %j sees %j', async (actions, kinds, changes) => {
  for (const action of actions) allowed.add(action);
  try {
    const { problems } = (await admin.ask('problems')).json;
    expect(problems.map(({ kind }: Said) => kind)).toEqual(kinds);
    expect(problems.flatMap(changedByPeople)).toHaveLength(changes);
  } finally {
    allowed.clear();
  }
});

it('what somebody has just changed is seen at once, although looks are shared', async () => {
  const pausedOf = async () =>
    (await admin.ask('problems')).json.problems.filter(({ kind }: Said) => kind === 'paused').length;
  expect(await pausedOf()).toBe(1);
  expect((await admin.ask('consumers/billing/resume', { method: 'POST', json: {} })).status).toBe(200);
  expect(await pausedOf()).toBe(0);
});
