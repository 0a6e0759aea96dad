import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { githubSource } from 'nestjs-integration/webhooks';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { fromGithub, SECRET, startWebhookApp, storedRows } from './webhook-app.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('waits for an equal body under another id that is not committed yet, and is refused then', async () => {
  const sources = [githubSource({ secrets: SECRET, repeatedBody: 'reject' })];
  const app = await startWebhookApp(database, { webhooks: { incoming: { sources } } });
  const holder = await database.pool.connect();
  try {
    const hash = (text: string) => createHash('sha256').update(text).digest('hex');
    const body = '{"a":1}';
    const receipt = ['github', '', hash('d0'), hash(body), 'reject', null, null, null];
    const event = [
      '00000000-0000-7000-8000-000000000001',
      'webhook.github.push',
      1,
      'webhooks',
      'x',
      'x',
      {},
      2,
      { webhook: {} },
    ];
    await holder.query('BEGIN');
    await holder.query('CALL integration.receive_webhook($1, NULL)', [JSON.stringify([receipt, event])]);
    const sent = app.send('/webhooks/github', fromGithub(body, { id: 'd1' }));
    const first = await Promise.race([
      sent.then(() => 'answered'),
      until('it waits', async () => {
        const { rowCount } = await database.pool.query(
          `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%receive_webhook%' AND datname = current_database()`,
        );
        return rowCount === 1;
      }).then(() => 'waits'),
    ]);
    await holder.query('COMMIT');
    expect(first).toBe('waits');
    expect(await sent).toMatchObject({ status: 409 });
    expect(await storedRows(database)).toEqual({ events: 1, receipts: 1, bodies: 0 });
  } finally {
    holder.release();
    await app.close();
  }
});
