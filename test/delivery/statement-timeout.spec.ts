import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.js';
import { transactionOf } from '../support/effects.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let app: TestApp | undefined;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  await database.drop();
});

/** What a transactional handler, and that of a batch, see as their statement_timeout where the database says `limit`. */
async function seenWith(limit: string, timeoutMs: number): Promise<string[]> {
  const name = new URL(database.url).pathname.slice(1);
  await database.pool.query(`ALTER DATABASE "${name}" SET statement_timeout = '${limit}'`);
  const seen: string[] = [];
  const look = async (context: object) => {
    const rows = await transactionOf(context as never).$queryRawUnsafe<{ value: string }[]>(
      `SELECT current_setting('statement_timeout') AS value`,
    );
    seen.push(rows[0]?.value ?? 'nothing');
  };
  const common = { eventName: 'seen', startFrom: 'earliest', transactional: true, timeoutMs } as const;
  app = await startApp(
    database,
    [
      {
        ...common,
        consumerName: 'single',
        handler: async (_event: unknown, context: object) => look(context),
      },
      {
        ...common,
        consumerName: 'batch',
        batch: { maxSize: 2 },
        handler: async (_events: unknown, context: object) => look(context),
      },
    ] as never,
    { settings: { 'processor.enabled': false } },
  );
  await app.api.publishEvent({
    eventName: 'seen',
    sourceModule: 'test',
    aggregateType: 'thing',
    aggregateId: 'a',
  });
  await app.processor.drain();
  return seen;
}

describe('the statement_timeout of a handler’s transaction', () => {
  it.each(['1500ms', '2s', '1min'])('is the host’s own of %s where that is stricter', async (limit) => {
    expect(await seenWith(limit, 120_000)).toEqual([limit, limit]);
  });

  it.each(['0', '1h'])('is the time that the handler has left where the host’s is %s', async (limit) => {
    const seen = await seenWith(limit, 30_000);
    expect(seen).toHaveLength(2);
    for (const value of seen) expect(value).toMatch(/^(30|2\d)\d{0,3}(\.\d+)?(ms|s)$/);
  });
});
