import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const SCRIPT = join(import.meta.dirname, '../support/processes/http-matrix.mjs');
/** Twenty-eight applications one after the other. */
const MANY_BOOTS_MS = 300_000;

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

// scripts/check-starters.mjs runs the same on Nest 11.
it(
  'receives webhooks and refuses broken bodies on Nest 12, on both platforms, with and without raw bodies, with prefixes and versions',
  async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT], {
      env: { ...process.env, DATABASE_URL: database.url },
    });
    const { nest, cases } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as {
      nest: string;
      cases: { name: string; problems: string[] }[];
    };
    expect(nest).toMatch(/^12\./);
    expect(cases.filter(({ problems }) => problems.length > 0)).toEqual([]);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(28);
  },
  MANY_BOOTS_MS,
);
