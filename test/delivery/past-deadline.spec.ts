import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp } from '../support/app.js';
import { inboxRows } from '../support/inbox-rows.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** What a process says in which a transactional handler is past its deadline, and how it ends. */
async function run(client: string, handler: 'waits' | 'blocks') {
  const own = await createTestDatabase();
  try {
    const child = spawn(process.execPath, ['test/support/processes/past-deadline.mjs'], {
      env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: own.url, CLIENT: client, HANDLER: handler },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);

    return { code, said: said.trim().split('\n').sort(), rows: await inboxRows(own, 'late') };
  } finally {
    await own.drop();
  }
}

describe('a transactional handler past its deadline', () => {
  it.each(['pg', 'a client of the host’s own', 'drizzle', 'kysely'])(
    'does not end the host’s process, on %s',
    async (client) => {
      const { code, said, rows } = await run(client, 'waits');
      expect(said).toEqual(['alive', 'attempt 1', 'attempt 2', 'its transaction is over']);
      expect(code).toBe(0);
      expect(rows).toMatchObject([{ status: 'processed', attempts: 2 }]);
    },
  );

  it('does not end the host’s process where the server has ended its session, with PgSqlClient', async () => {
    const { code, said } = await run('pg', 'blocks');
    expect(said).toEqual(expect.arrayContaining(['alive', 'its transaction is over']));
    expect(code).toBe(0);
  });

  it('sends nothing more through its transaction, on Prisma', async () => {
    const ended = new Recorder<string>();
    const app = await startApp(database, [
      {
        eventName: 'thing.happened',
        consumerName: 'late',
        transactional: true,
        timeoutMs: 1_000,
        handler: async (_event, { attempt, signal, transaction }) => {
          if (attempt > 1) return;
          await new Promise((resolve) => signal.addEventListener('abort', resolve));
          ended.record(
            await transaction.$queryRawUnsafe('SELECT 1').then(
              () => 'sent',
              ({ code }) => code,
            ),
          );
        },
      },
    ]);
    try {
      await app.api.publishEvent('thing.happened', 'test', 'thing', 'a1', {});
      expect(await ended.first(1)).toEqual(['INTEGRATION_TRANSACTION_ABORTED']);
      // The second attempt has its delay to wait for.
      await until('the second attempt is saved', async () =>
        (await inboxRows(database, 'late')).some(({ status }) => status === 'processed'),
      );
      expect(await inboxRows(database, 'late')).toMatchObject([{ status: 'processed', attempts: 2 }]);
    } finally {
      await app.close();
    }
  });
});
