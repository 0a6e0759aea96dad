import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

describe('the migrated database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());

  it('keeps its history of migrations', async () => {
    const { rows } = await database.pool.query('SELECT name FROM integration.integration_migration');
    expect(rows).toEqual([{ name: '20261120000000_outbox_and_inbox' }]);
  });
});
