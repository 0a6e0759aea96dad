import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp } from './support/app.js';
import { runCommand } from './support/command.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

const read = (name: string) => readFileSync(join(import.meta.dirname, '..', name), 'utf8');
const RUNBOOK = read('docs/guide/operations.md').split('\n## When an alert comes\n')[1] ?? '';
const SECTIONS = new Map(
  RUNBOOK.split('\n### ')
    .slice(1)
    .map((section) => [section.split('\n', 1)[0] ?? '', section]),
);
const COMMANDS = [
  ...new Set([...RUNBOOK.matchAll(/^npx nestjs-integration (.+)$/gm)].map(([, words]) => words ?? '')),
];

/** The words of a command line; quotes hold words together. */
const wordsOf = (line: string) =>
  [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  const app = await startApp(database, [
    { eventName: 'order.placed', consumerName: 'billing', handler: async () => {} },
  ]);
  await app.close();
});
afterAll(() => database.drop());

describe('the runbook', () => {
  it('has every alert, and for each what it means, what to look at and what to do', () => {
    const alerts = [...read('docs/telemetry/prometheus-rules.yml').matchAll(/- alert: (\w+)/g)].map(
      ([, name]) => name,
    );
    expect(alerts.length).toBeGreaterThan(5);
    expect([...SECTIONS.keys()]).toEqual(alerts);
    for (const [name, section] of SECTIONS)
      for (const part of ['**Meaning.**', '**Look.**', '**Do.**'])
        expect([name, part, section.includes(part)]).toEqual([name, part, true]);
  });

  it.each(COMMANDS)('has a command that works: %s', async (line) => {
    const { status, stderr } = await runCommand(wordsOf(line), database);
    // 1 says that the command found something wrong with the database, 2 that it was not understood.
    expect({ status, stderr: status === 2 ? stderr : '' }).toEqual({ status: expect.anything(), stderr: '' });
    expect([0, 1]).toContain(status);
  });
});
