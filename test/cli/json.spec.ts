import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type CommandOutcome, runCommandIn } from '../support/command.js';
import { COMMANDS } from '../support/commands.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const EVENT = '00000000-0000-7000-8000-000000000001';
const KEY = randomBytes(32).toString('base64');
/** One more than the largest number that a double holds exactly, and its neighbours. */
const DIGITS = '9007199254740993';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    `INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
     VALUES ($1, 'order.placed', 'test', 'order', 'a', $2, $3)`,
    [EVENT, `{"n": ${DIGITS}}`, `{"correlationId": "c", "n": ${DIGITS}}`],
  );
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, starts_at, unread) VALUES ('billing', '{order.placed}', 1, '{[1,)}')`,
  );
});
afterAll(() => database.drop());

function run(words: readonly string[], url = database.url): Promise<CommandOutcome> {
  const environment = { ...process.env, DATABASE_URL: url, INTEGRATION_KEYS: `k=${KEY}` };
  return runCommandIn({ folder: tmpdir(), environment, terminal: undefined }, words);
}

/** Arguments with which a command has something to say, and options that it needs. */
const NEEDED: Readonly<Record<string, string>> = {
  'settings preview': 'batchSize 44',
  'settings set': 'batchSize 44 --dry-run',
  'settings reset': 'batchSize --dry-run',
  'settings restore': '1 --dry-run',
  'consumers show': 'billing --state pending',
  'consumers pause': 'billing --dry-run',
  'consumers resume': 'billing --dry-run',
  'consumers repartition': 'billing 3 --dry-run',
  'consumers discard': 'billing --reason x --dry-run',
  'consumers rename': 'billing other --dry-run',
  'consumers remove-names': 'billing order.placed --dry-run',
  'consumers remove': 'billing --dry-run',
  'dead-letters redrive': '--dry-run',
  'dead-letters discard': '--consumer billing --reason x --dry-run',
  'dead-letters rehearse': `${EVENT} --consumer billing --dry-run`,
  replay: 'billing --from 1 --dry-run',
  'operations show': EVENT,
  'operations pause': EVENT,
  'operations resume': EVENT,
  'operations rate': EVENT,
  'operations cancel': EVENT,
  'events show': EVENT,
  'events compare': `${EVENT} billing 1 1`,
  'events chain': EVENT,
  'contracts show': 'order.placed',
  'contracts export': `--out ${join(tmpdir(), 'never-written')}`,
  'webhooks deliveries': EVENT,
  'webhooks redrive': `${EVENT}.1 --dry-run`,
  'webhooks replay': `${EVENT} --since 2020-01-01T00:00:00Z --dry-run`,
  'webhooks test': `${EVENT} --type order.placed --dry-run`,
  'webhooks rotate-secret': `${EVENT} --dry-run`,
  'sagas show': 'order e1 --with-state',
  'sagas retry': 'order e1 --dry-run',
  'sagas end': 'order e1 --outcome completed --dry-run',
  'schedules show': 'invoices.nightly --with-data',
  'schedules preview': 'invoices.nightly',
  'schedules pause': 'invoices.nightly --dry-run',
  'schedules resume': 'invoices.nightly --dry-run',
  'schedules trigger': 'invoices.nightly --dry-run',
  'schedules remove': 'invoices.nightly --dry-run',
  'calls show': `${EVENT} --with-data`,
  'calls check': `${EVENT} --dry-run`,
  'calls retry': `${EVENT} --dry-run`,
  'calls cancel': `${EVENT} --dry-run`,
  'keys rotate': '--dry-run',
  'keys reseal': '--tenant acme --dry-run',
};
const callOf = (name: string) => [...name.split(' '), ...(NEEDED[name]?.split(' ') ?? [])];

/** Whatever a command says, what it prints for programs is one object. */
function expectOneObject({ stdout }: CommandOutcome): Record<string, unknown> {
  expect(stdout).toMatch(/^\{[\s\S]*\}\n$/);
  const parsed = JSON.parse(stdout);
  expect(parsed).toEqual(expect.any(Object));
  return parsed;
}

describe.each(COMMANDS.map(({ name, options = {} }) => ({ name, options })))(
  '$name --json',
  ({ name, options }) => {
    it('prints one object, and the errors in one as well', async () => {
      const outcome = await run([...callOf(name), '--json']);
      const result = expectOneObject(outcome);
      if (outcome.status === 0)
        expect([outcome.stderr, result]).toEqual([
          '',
          expect.not.objectContaining({ error: expect.anything() }),
        ]);
      else if (result.error !== undefined)
        expect(result).toEqual({ error: expect.objectContaining({ message: expect.stringMatching(/\w/) }) });

      const gone = await run(
        [...callOf(name), '--json'],
        'postgres://somebody:topsecret@127.0.0.1:1/nowhere',
      );
      expectOneObject(gone);
      expect(gone.stdout + gone.stderr).not.toMatch(/topsecret|\n\s+at /);
    });

    it('refuses a value of a wrong kind with exit status 2, in words that name the option', async () => {
      const numbers = ['limit', 'rate', 'stop-after', 'timeout', 'days', 'position', 'from', 'to'];
      for (const option of numbers.filter((each) => each in options))
        for (const value of ['many', '1.5', '0', '-1', '1e3', '0x10', DIGITS, ' ', '']) {
          const words = [...callOf(name), `--${option}=${value}`, '--json'];
          const outcome = await run(words);
          const { error } = expectOneObject(outcome);
          expect([words, outcome.status, error]).toEqual([
            words,
            2,
            expect.objectContaining({ message: expect.stringContaining(option) }),
          ]);
        }
    });
  },
);

describe('numbers of the database', () => {
  it('have every digit in the payload, and in the metadata', async () => {
    const { stdout } = await run(['events', 'show', EVENT, '--payload', '--json']);
    expect(JSON.parse(stdout).payload).toContain(DIGITS);
    expect((await run(['events', 'show', EVENT, '--payload'])).stdout).toContain(DIGITS);
    expect(JSON.parse(stdout).metadata).toContain(DIGITS);
  });
});
