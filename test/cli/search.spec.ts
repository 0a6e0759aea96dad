import { tmpdir } from 'node:os';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { runCommand, runCommandIn } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* A search that needs several portions of the log: how far it is, and what Ctrl-C leaves. */

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    `INSERT INTO integration.outbox_event (position, event_name, source_module, aggregate_type, aggregate_id, payload)
     OVERRIDING SYSTEM VALUE VALUES (1, 'order.far', 'shop', 'order', 'o-1', '{"lines": [{"sku": "s-9"}]}'),
       (350000, 'order.near', 'shop', 'order', 'o-2', '{}')`,
  );
});
afterAll(() => database.drop());

/** Runs a command as in a terminal, and gives each remark to `onRemark`. */
function follow(words: readonly string[], onRemark: (text: string) => void, interruption?: AbortSignal) {
  const environment = { ...process.env, DATABASE_URL: database.url };
  const place = { folder: tmpdir(), environment, terminal: undefined, onRemark };
  return runCommandIn({ ...place, ...(interruption && { interruption }) }, words);
}

it('goes on by itself, says how far it is, and finds an event in the last portion', async () => {
  const said: string[] = [];
  const { status, stdout } = await follow(['events', 'list', '--about', 'o-1'], (text) => said.push(text));
  expect(status).toBe(0);
  expect(stdout).toMatch(/^POSITION .*\n1 +order\.far +order o-1 /);
  expect(stdout).not.toContain('Stopped');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal clears the rest of its line by them
  expect(said.map((text) => text.replace(/\r|\x1b\[K/g, ''))).toEqual([
    'Searching: looked at 100,000 of 350,000 positions, back to position 250,001. Ctrl-C stops.',
    'Searching: looked at 200,000 of 350,000 positions, back to position 150,001. Ctrl-C stops.',
    'Searching: looked at 300,000 of 350,000 positions, back to position 50,001. Ctrl-C stops.',
    '\n',
  ]);
});

it('is ended by Ctrl-C, says where it stopped, and goes on from there', async () => {
  const ctrlC = new AbortController();
  const { status, stdout } = await follow(
    ['events', 'list', '--about', 'o-1'],
    () => ctrlC.abort(),
    ctrlC.signal,
  );
  expect(status).toBe(0);
  expect(stdout).toBe(
    `No such event so far.
Stopped: looked at 200,000 of 350,000 positions, back to position 150,001.
Further back: npx nestjs-integration events list --about o-1 --before 150001
`,
  );
  const rest = await runCommand(['events', 'list', '--about', 'o-1', '--before', '150001'], database);
  expect(rest.stdout).toMatch(/^POSITION .*\n1 +order\.far /);
});

it('finds a value in payloads from a time on, and needs this time', async () => {
  const words = ['events', 'list', '--payload-path', 'lines.0.sku', '--payload-value', 's-9'];
  const { stdout } = await runCommand([...words, '--since', '2020-01-01'], database);
  expect(stdout).toMatch(/^POSITION .*\n1 +order\.far /);
  expect(stdout).not.toContain('s-9');
  const { status, stderr } = await runCommand(words, database);
  expect([status, stderr]).toEqual([2, expect.stringContaining('needs a time from which on it looks')]);
});
