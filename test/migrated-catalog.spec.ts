import { readFile, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { catalogOf } from './support/catalog.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

const FIXTURE = 'test/fixtures/catalog.txt';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

it('writes', async () => {
  await writeFile(FIXTURE, await catalogOf(database.pool));
});
