import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type AdminApp, startAdminApp } from './admin-app.js';

const PREFIX = 'core.integration.outbox.';

let database: TestDatabase;
let admin: AdminApp;

beforeAll(async () => {
  database = await createTestDatabase();
  admin = await startAdminApp(database, { admin: { actor: () => 'grace' } });
});
beforeEach(async () => {
  await emptyTables(database.pool, 'integration.integration_audit');
  await database.pool.query('DELETE FROM integration.integration_setting');
});
afterAll(async () => {
  await admin.close();
  await database.drop();
});

const patch = (json: object, ifMatch?: string) =>
  admin.ask('settings', { method: 'PATCH', json, headers: { 'if-match': ifMatch } });
const stored = async () =>
  Object.fromEntries(
    (await database.pool.query('SELECT key, value FROM integration.integration_setting')).rows.map(
      ({ key, value }) => [key.replace(PREFIX, ''), value],
    ),
  );
const auditRows = async () =>
  (await database.pool.query('SELECT actor, via, reason, outcome FROM integration.integration_audit')).rows;

describe('settings', () => {
  it('are changed together, and the answer has them and their new tag', async () => {
    const before = await admin.ask('settings');
    const after = await patch({ values: { batchSize: 7, [`${PREFIX}maxAttempts`]: 5 }, reason: 'slow' });
    expect(after.status).toBe(200);
    expect(after.json.items).toContainEqual(
      expect.objectContaining({ key: `${PREFIX}batchSize`, value: 7, source: 'database' }),
    );
    expect(after.headers.get('etag')).not.toBe(before.headers.get('etag'));
    expect(await stored()).toEqual({ batchSize: 7, maxAttempts: 5 });
    const rows = await auditRows();
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows)
      expect(row).toEqual({ actor: 'grace', via: 'rest', reason: 'slow', outcome: 'done' });
    await patch({ values: { batchSize: null } });
    expect(await stored()).toEqual({ maxAttempts: 5 });
  });

  it('are all left alone if one value is wrong, and each wrong one is named', async () => {
    const answer = await patch({
      values: { batchSize: 7, maxAttempts: 0, flushIntervalMs: ['x'], handlerTimeoutMs: 1 },
    });
    expect(answer).toMatchObject({ status: 400 });
    expect(answer.json.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual([
      '/values/flushIntervalMs',
    ]);
    const other = await patch({
      values: { batchSize: 7, maxAttempts: 0, flushIntervalMs: 'x', handlerTimeoutMs: 1 },
    });
    expect(other).toMatchObject({ status: 400, json: { code: 'INTEGRATION_SETTING_INVALID' } });
    expect(other.json.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
      '/values/flushIntervalMs',
      '/values/handlerTimeoutMs',
      '/values/maxAttempts',
    ]);
    const inFull = await patch({ values: { [`${PREFIX}maxAttempts`]: 0 } });
    expect(inFull.json.errors).toMatchObject([{ pointer: `/values/${PREFIX}maxAttempts` }]);
    const twice = await patch({ values: { batchSize: 7, [`${PREFIX}batchSize`]: 8 } });
    expect(twice).toMatchObject({
      status: 400,
      json: { code: 'INTEGRATION_ADMIN_INVALID', errors: [{ in: 'body', pointer: '/values/batchSize' }] },
    });
    expect(await patch({ values: { batchSise: 7 } })).toMatchObject({
      status: 400,
      json: { errors: [{ in: 'body', pointer: '/values/batchSise', message: 'is not a setting' }] },
    });
    expect(await patch({ values: {} })).toMatchObject({ status: 400 });
    expect(await patch({})).toMatchObject({
      json: { errors: [{ pointer: '/values', message: 'is missing' }] },
    });
    expect(await stored()).toEqual({});
  });

  it('are not changed with the tag of an earlier state', async () => {
    const tag = (await admin.ask('settings')).headers.get('etag') ?? '';
    expect(await patch({ values: { batchSize: 7 } }, tag)).toMatchObject({ status: 200 });
    expect(await patch({ values: { batchSize: 8 } }, tag)).toMatchObject({
      status: 412,
      json: {
        code: 'INTEGRATION_ADMIN_CHANGED',
        detail: expect.stringMatching(/grace changed \S+batchSize from no stored value to 7 at \S+Z\. Read/),
      },
    });
    expect(await stored()).toEqual({ batchSize: 7 });
    const next = (await admin.ask('settings')).headers.get('etag') ?? '';
    expect(await patch({ values: { batchSize: 9 } }, `W/${next}`)).toMatchObject({ status: 200 });
  });

  it('are changed by one of two people who have seen the same', async () => {
    const tag = (await admin.ask('settings')).headers.get('etag') ?? '';
    const answers = await Promise.all(
      [7, 8, 9, 10].map((batchSize) => patch({ values: { batchSize } }, tag)),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
  });

  it('return to a former value only from the state that was seen, where the request says which', async () => {
    await patch({ values: { batchSize: 7 } });
    await patch({ values: { batchSize: 8 } });
    const tag = (await admin.ask('settings')).headers.get('etag') ?? '';
    const [, seven] = (await admin.ask('settings/history?key=batchSize')).json.items;
    const restore = (headers: Record<string, string> = {}) =>
      admin.ask('settings/restore', {
        method: 'POST',
        json: { changeId: seven.id },
        headers: { 'if-match': tag, ...headers },
      });
    await patch({ values: { batchSize: 9 } });
    expect(await restore()).toMatchObject({ status: 412, json: { code: 'INTEGRATION_ADMIN_CHANGED' } });
    expect(await stored()).toEqual({ batchSize: 9 });
    // The same request from another state is another request, and not answered with the first one's refusal.
    const key = { 'idempotency-key': 'k1' };
    expect(await restore(key)).toMatchObject({ status: 412 });
    expect((await restore(key)).headers.get('idempotency-replayed')).toBe('true');
    const now = (await admin.ask('settings')).headers.get('etag') ?? '';
    expect(await restore({ ...key, 'if-match': now })).toMatchObject({
      status: 422,
      json: { code: 'INTEGRATION_ADMIN_KEY_REUSED' },
    });
    await patch({ values: { batchSize: 8 } });
    expect(await restore()).toMatchObject({ status: 200, json: { value: 7 } });
  });

  it('tell what new values would do, and change nothing', async () => {
    const preview = (values: object) => admin.ask('settings/preview', { method: 'POST', json: { values } });
    expect(await preview({ pollingIntervalMs: 1_000 })).toMatchObject({
      status: 200,
      json: { problems: [], effects: [expect.objectContaining({ key: `${PREFIX}pollingIntervalMs` })] },
    });
    expect(await preview({ maxAttempts: 0 })).toMatchObject({
      status: 200,
      json: { problems: [{ key: `${PREFIX}maxAttempts`, reason: expect.any(String) }], effects: [] },
    });
    expect(await stored()).toEqual({});
    expect(await auditRows()).toEqual([]);
  });

  it('have a history in pages, and return to what they were', async () => {
    for (const batchSize of [7, 8, 9]) await patch({ values: { batchSize }, reason: `to ${batchSize}` });
    const first = await admin.ask('settings/history?limit=2&key=batchSize');
    expect(first.json.items).toMatchObject([
      { from: 8, to: 9, by: 'grace', reason: 'to 9' },
      { from: 7, to: 8 },
    ]);
    const second = await admin.ask(`settings/history?limit=2&key=batchSize&after=${first.json.next}`);
    expect(second.json.items[0]).toMatchObject({ to: 7 });
    const all = (await admin.ask('settings/history?key=batchSize')).json.items;
    expect((await admin.ask(`settings/history?limit=${all.length}&key=batchSize`)).json.next).toBeNull();
    const changeId = second.json.items[0].id;
    expect(await admin.ask('settings/restore', { method: 'POST', json: { changeId } })).toMatchObject({
      status: 200,
      json: { key: `${PREFIX}batchSize`, value: 7 },
    });
    expect(await stored()).toEqual({ batchSize: 7 });
    expect(
      await admin.ask('settings/restore', { method: 'POST', json: { changeId: 2 ** 40 } }),
    ).toMatchObject({ status: 400 });
    expect(await admin.ask('settings/history?key=nothing')).toMatchObject({ status: 404 });
  });
});
