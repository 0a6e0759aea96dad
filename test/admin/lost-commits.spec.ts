import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type CommitProxy, startCommitProxy } from '../support/commit-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, type Answered, type AskInit, registerConsumer, startAdminApp } from './admin-app.js';

/*
 * Changes whose COMMIT is carried out while its answer is lost. The proxy ends the connection instead of passing
 * the answer on.
 */

let database: TestDatabase;
let proxy: CommitProxy;
let admin: AdminApp;
let number = 0;

beforeAll(async () => {
  database = await createTestDatabase();
  await registerConsumer(database, 'billing');
  proxy = await startCommitProxy(database.url);
  admin = await startAdminApp({ ...database, url: proxy.url });
});
afterAll(async () => {
  await admin.close();
  await proxy.close();
  await database.drop();
});

const PLAN = { kind: 'discard', consumer: 'billing', reason: 'test data' };

async function rows<Row>(sql: string, values: unknown[] = []): Promise<Row[]> {
  return (await database.pool.query(sql, values)).rows as Row[];
}
const auditOf = async (key: string) =>
  (
    await rows<{ action: string }>(
      'SELECT action FROM integration.integration_audit WHERE idempotency_key = $1',
      [key],
    )
  ).map(({ action }) => action);
const numberOfOperations = async () => (await rows('SELECT FROM integration.integration_operation')).length;

/** Sends a POST whose commit of the transaction with `text` is answered to nobody. */
async function sendLosing(text: string, path: string, init: AskInit): Promise<Answered> {
  const lost = proxy.loseCommitOf(text);
  const [answer] = await Promise.all([admin.ask(path, { method: 'POST', json: {}, ...init }), lost]);
  return answer;
}

/** The transactions of a request with a key: it takes the key, makes the change, and keeps the answer. */
const COMMITS = [
  ['taking the key', 'integration_idempotency_key AS kept'],
  ['the change', ''],
  ['keeping the answer', 'SET status = $4'],
] as const;

describe.each(COMMITS)('a request with a key whose answer to the commit of %s is lost', (_, text) => {
  let key: string;
  beforeEach(() => {
    key = `k${++number}`;
  });
  const withKey = (init: AskInit = {}): AskInit => ({ ...init, headers: { 'idempotency-key': key } });

  async function expectOnce(change: string, path: string, init: AskInit): Promise<Answered> {
    const answer = await sendLosing(text || change, path, init);
    expect([answer.text, answer.status]).toEqual([answer.text, 200]);
    const again = await admin.ask(path, { method: 'POST', json: {}, ...init });
    expect([again.status, again.text]).toEqual([200, answer.text]);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    return answer;
  }

  it('plans one operation, runs and cancels it once, and leaves a row of the audit for each', async () => {
    const before = await numberOfOperations();
    const planned = await expectOnce('(kind, filter, max_events', 'operations', withKey({ json: PLAN }));
    expect(await numberOfOperations()).toBe(before + 1);
    for (const step of ['run', 'cancel'] as const) {
      key = `k${++number}`;
      const answer = await expectOnce(
        'integration_audit',
        `operations/${planned.json.id}/${step}`,
        withKey(),
      );
      expect(answer.json.state).toBe(step === 'run' ? 'running' : 'cancelled');
      expect(await auditOf(key)).toEqual([`operations.${step}`]);
    }
  });

  it('pauses and resumes a consumer once', async () => {
    for (const step of ['pause', 'resume'] as const) {
      key = `k${++number}`;
      await expectOnce('integration_audit', `consumers/billing/${step}`, withKey());
      expect(await auditOf(key)).toEqual([`consumers.${step}`]);
    }
  });
});

describe('a change of settings whose answer to its commit is lost', () => {
  it('is answered with the new tag, has one row of the audit, and its repetition is told of the change', async () => {
    const before = await admin.ask('settings');
    const change = {
      method: 'PATCH',
      json: { values: { batchSize: 7 }, reason: 'slow' },
      headers: { 'if-match': before.headers.get('etag') ?? '' },
    };
    const answer = await sendLosing('integration_audit', 'settings', change);
    expect(answer.status).toBe(200);
    const tag = answer.headers.get('etag');
    expect(tag).toEqual((await admin.ask('settings')).headers.get('etag'));
    expect(tag).not.toEqual(before.headers.get('etag'));
    // The client lost the answer, too, and sends the same again.
    expect(await admin.ask('settings', change)).toMatchObject({
      status: 412,
      json: { code: 'INTEGRATION_ADMIN_CHANGED' },
    });
    expect(
      await rows(`SELECT actor FROM integration.integration_audit WHERE action LIKE 'settings%'`),
    ).toHaveLength(1);
  });
});

describe('a change whose transaction is rolled back with its connection', () => {
  let held: (() => Promise<void>) | undefined;
  afterEach(async () => held?.());

  it('was not made, and may be sent again with its key', async () => {
    await database.pool.query(`
      CREATE FUNCTION integration.end_session() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON integration.integration_operation
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION integration.end_session()`);
    held = async () => {
      held = undefined;
      await database.pool.query('DROP FUNCTION integration.end_session CASCADE');
    };
    const before = await numberOfOperations();
    const plan = () =>
      admin.ask('operations', { method: 'POST', json: PLAN, headers: { 'idempotency-key': 'again' } });
    expect((await plan()).status).toBe(503);
    await held();
    expect((await plan()).status).toBe(200);
    expect(await numberOfOperations()).toBe(before + 1);
  });
});
