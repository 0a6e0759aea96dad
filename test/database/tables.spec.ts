import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tablesOf } from '../../src/database/sql/tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});

afterAll(() => database.drop());

describe('the names of the tables', () => {
  it('are those that the migrations make', async () => {
    const names = Object.values(tablesOf('integration'));
    const { rows } = await database.pool.query<{ name: string; kind: string | null }>(
      `SELECT name, coalesce(to_regclass(name)::text, to_regproc(name)::text) AS kind FROM unnest($1::text[]) AS name`,
      [names],
    );
    expect(rows.filter(({ kind }) => kind === null)).toEqual([]);
    expect(rows).toHaveLength(names.length);
  });
});
