import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import postgres from 'postgres';
import { fromPostgresJs } from '../../src/clients/postgres-js.js';
import type { DomainEventInput, Tx } from '../../src/index.js';
import { startApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const EVENT: DomainEventInput = {
  eventName: 'thing.changed',
  sourceModule: 'clients',
  aggregateType: 'thing',
  aggregateId: '1',
  payload: { text: 'ü "quoted" \\' },
};

describe('publishing through postgres.js', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  /** How often each prepared statement of the log ran, in a transaction that publishes two events. */
  async function runsOfPrepared(options: postgres.Options<Record<string, never>>): Promise<number[]> {
    const sql = postgres(database.url, { max: 2, onnotice: () => {}, ...options });
    const app = await startApp(database, [], { client: fromPostgresJs(sql) });
    try {
      const runs = await sql.begin(async (tx) => {
        for (let i = 0; i < 2; i++)
          await app.api.publishEvent(EVENT, { persistenceClient: tx as unknown as Tx });
        return tx<{ runs: number }[]>`
          SELECT (generic_plans + custom_plans)::int AS runs FROM pg_prepared_statements
          WHERE statement LIKE '%append_event%' AND statement NOT LIKE '%pg_prepared_statements%'`;
      });
      return runs.map((row) => row.runs);
    } finally {
      await app.close();
      await sql.end({ timeout: 1 });
    }
  }

  it('prepares the statement once in a session, so that it is sent in one round trip from then on', async () => {
    expect(await runsOfPrepared({})).toEqual([2]);
  });

  it('prepares nothing where the instance says so, as it has to behind a pooler', async () => {
    expect(await runsOfPrepared({ prepare: false })).toEqual([]);
  });

  it('keeps the payload as it was given, either way', async () => {
    const { rows } = await database.pool.query('SELECT DISTINCT payload FROM integration.outbox_event');
    expect(rows).toEqual([{ payload: EVENT.payload }]);
  });
});
