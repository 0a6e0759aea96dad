import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EngineClient, EngineTransaction } from '../src/database/engine-client.js';
import { EngineDatabase } from '../src/database/engine-database.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

let database: TestDatabase;
let engine: EngineDatabase;
let client: EngineClient;

beforeAll(async () => {
  database = await createTestDatabase();
  engine = new EngineDatabase({ connectionString: database.url, schema: 'integration', max: 1 });
  client = engine.openClient();
  await client.$executeRawUnsafe('CREATE TABLE note (text text)');
});
afterAll(async () => {
  await engine.close();
  await database.drop();
});

const write = (tx: EngineTransaction, text: string) =>
  tx.$executeRawUnsafe('INSERT INTO note VALUES ($1)', text);

async function notes(): Promise<string[]> {
  const rows = await client.$queryRawUnsafe<{ text: string }[]>('DELETE FROM note RETURNING text');
  return rows.map((row) => row.text);
}

describe('the engine’s own client', () => {
  it('commits what a transaction wrote, and rolls back what one wrote that failed', async () => {
    await client.$transaction((tx) => write(tx, 'kept'));
    const failing = client.$transaction(async (tx) => {
      await write(tx, 'lost');
      throw new Error('not this time');
    });
    await expect(failing).rejects.toThrow('not this time');
    expect(await notes()).toEqual(['kept']);
  });

  it('says so where an error was swallowed and Postgres rolled back instead of committing', async () => {
    const swallowing = client.$transaction(async (tx) => {
      await write(tx, 'lost');
      await tx.$queryRawUnsafe('SELECT 1 / 0').catch(() => {});
    });
    await expect(swallowing).rejects.toMatchObject({ code: 'INTEGRATION_TRANSACTION_ABORTED' });
    // Its only connection is free again.
    await client.$transaction((tx) => write(tx, 'next'));
    expect(await notes()).toEqual(['next']);
  });

  it('runs statements that are sent together one after another, and none after one that failed', async () => {
    const failing = client.$transaction(async (tx) => {
      const sent = [write(tx, 'one'), tx.$queryRawUnsafe('SELECT 1 / 0'), write(tx, 'two')];
      const outcomes = await Promise.allSettled(sent);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected']);
      throw new Error('given up');
    });
    await expect(failing).rejects.toThrow('given up');
    await client.$transaction(async (tx) => {
      await Promise.all(['one', 'two', 'three'].map((text) => write(tx, text)));
    });
    expect(await notes()).toEqual(['one', 'two', 'three']);
  });
});
