import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const PUBLISHED = ['alone', 'facade', 'keyed', 'list', 'pg'];

let database: TestDatabase;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.drop());

it('events are published and handled where a tracer appends a comment to each statement of node-postgres', async () => {
  const folder = 'test/support/processes';
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--require', `./${folder}/comments.cjs`, `${folder}/commented.mjs`],
    { env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url } },
  );
  expect(JSON.parse(stdout)).toEqual({ handled: PUBLISHED, effects: PUBLISHED, isCommented: true });
});
