import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/** Whoever called `NestFactory.createApplicationContext` has nothing to close, so the engine closes itself. */
describe('a process whose boot fails in a part, with abortOnError: false', () => {
  it.each([
    ['relays', 'INTEGRATION_RELAY_INVALID'],
    ['incoming', 'INTEGRATION_OPTIONS_INVALID'],
    ['outgoing', 'INTEGRATION_OPTIONS_INVALID'],
    ['secrets', 'INTEGRATION_KEY_MISSING'],
    ['sagas', 'INTEGRATION_SAGA_INVALID'],
    ['calls', 'INTEGRATION_CALL_INVALID'],
    ['schedules', 'INTEGRATION_SCHEDULE_INVALID'],
  ])('ends by itself: %s', async (part, code) => {
    const child = spawn(process.execPath, ['test/support/processes/failing-boot.mjs'], {
      env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url, PART: part },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const said: string[] = [];
    for await (const line of createInterface({ input: child.stdout })) said.push(line);
    expect(said).toEqual([code]);
    expect(await exited).toEqual([0, null]);
  });
});
