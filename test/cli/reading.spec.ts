import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NonRetryableError } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const LONG_ERROR = `the receiver answered with ${'many '.repeat(50)}words`;
/** The widest line of a table. */
const WIDEST = 100;

let database: TestDatabase;
let app: TestApp;
let finish: () => void;
/** The id of the event of each aggregate. */
let ids: Map<string, string>;

beforeAll(async () => {
  database = await createTestDatabase();
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const order = { eventName: 'order.*', startFrom: 'earliest' } as const;
  app = await startApp(
    database,
    [
      {
        ...order,
        consumerName: 'billing',
        handler: async ({ aggregateId }) => {
          if (aggregateId === 'slow') await finished;
          if (aggregateId === 'dead') throw new NonRetryableError(LONG_ERROR);
          if (aggregateId === 'retry') throw new Error('busy');
        },
      },
      { ...order, consumerName: 'a-consumer-whose-name-is-rather-long', handler: async () => {} },
    ],
    { settings: { retryBaseDelayMs: 600_000, retryMaxDelayMs: 600_000, processingLeaseMs: 3_000 } },
  );
  ids = new Map();
  for (const aggregateId of ['fine', 'dead', 'retry', 'retry', 'slow']) {
    const { outboxEventId } = await app.api.publishEvent({
      eventName: aggregateId === 'fine' ? 'order.placed' : 'order.changed',
      sourceModule: aggregateId === 'fine' ? 'shop' : 'warehouse',
      aggregateType: 'order',
      aggregateId,
      payload: { price: 12.5, secret: 'topsecret' },
      ...(aggregateId === 'fine' && { metadata: { correlationId: 'visit-7' } }),
    });
    ids.set(aggregateId, outboxEventId);
  }
  await until('one runs, one waits, one is dead', async () => {
    const { result } = await runJson('consumers', 'show', 'billing');
    const { backlog, running } = result;
    return backlog.deadLetters.count === 1 && backlog.waiting.count === 1 && running.length === 1;
  });
});
afterAll(async () => {
  finish();
  await app.close();
  await database.drop();
});

const run = (...words: string[]) => runCommand(words, database);
const runJson = (...words: string[]) => runJsonCommand(words, database);
const idOf = (aggregateId: string) => ids.get(aggregateId) ?? '';
/** The line that begins with this word. */
const lineOf = (text: string, word: string) => text.split('\n').find((line) => line.startsWith(word));

describe('consumers show', () => {
  it('has the backlog by state, what blocks and what runs', async () => {
    const { status, stdout } = await run('consumers', 'show', 'billing');
    expect(status).toBe(0);
    expect(lineOf(stdout, 'State')).toMatch(/ active$/);
    expect(lineOf(stdout, 'Owner')).toMatch(new RegExp(`:${process.pid}$`));
    expect(lineOf(stdout, 'Retrying')).toMatch(/ 1$/);
    expect(lineOf(stdout, 'Waiting')).toMatch(/ 1$/);
    expect(lineOf(stdout, 'Dead letters')).toMatch(/ 1$/);
    expect(stdout).toMatch(
      /Events whose retry others wait for:\nPOSITION .*\n +ID AND ERROR\n3 +order retry +1 +\S+Z +1\n +[0-9a-f-]{36} {2}Error: busy\n/,
    );
    expect(stdout).toMatch(
      /Running for more than 2 seconds:\nSINCE .*\n\S+Z +billing +5 +order\.changed +1 /,
    );
  });

  it('lists the events of a state, in pages', async () => {
    expect((await run('consumers', 'show', 'billing', '--state', 'dead')).stdout).toMatch(
      /^POSITION .*\n +ID AND ERROR\n2 +order\.changed +order dead +1 .*\n +[0-9a-f-]{36} {2}NonRetryableError: the receiver /,
    );
    expect((await run('consumers', 'show', 'billing', '--state', 'failed-for-good')).stdout).toBe(
      'No event is failed-for-good.\n',
    );
    const { result } = await runJson('consumers', 'show', 'billing', '--state', 'waiting');
    expect(result.events).toMatchObject([{ position: 4, aggregateId: 'retry' }]);
  });

  it('says that there is no such consumer, with the command of this integration', async () => {
    const environment = { url: database.url };
    const { status, stderr } = await runCommand(
      ['consumers', 'show', 'nobody', '--name', 'billing', '--database-url', database.url],
      environment,
    );
    expect(status).toBe(1);
    expect(stderr).toContain('"npx nestjs-integration consumers list --name billing"');
    const paused = await run(
      'consumers',
      'pause',
      'nobody',
      '--name',
      'billing',
      '--database-url',
      database.url,
    );
    expect(paused.stderr).toContain('"npx nestjs-integration consumers list --name billing"');
  });
});

describe('dead-letters groups', () => {
  it('shows consumer, kind, number and the latest error of each, and the note', async () => {
    const [{ fingerprint }] = (await runJson('dead-letters', 'groups')).result.groups;
    const { stdout } = await run('dead-letters', 'groups', '--consumer', 'billing');
    expect(stdout).toMatch(
      new RegExp(`\\nbilling +${fingerprint} +1 +- +\\S+Z +order\\.changed\\n +NonRetryableError: the`),
    );
    expect((await run('dead-letters', 'groups', '--consumer', 'nobody')).stdout).toBe('No dead letters.\n');
  });

  it('finds kinds by the text of their latest error', async () => {
    const { stdout } = await run('dead-letters', 'groups', '--error', 'RECEIVER answered');
    expect(stdout).toMatch(/\nbilling +[0-9a-f]{32} +1 /);
    expect((await run('dead-letters', 'groups', '--error', 'no such words')).stdout).toBe(
      'No kind of failure has such an error.\n',
    );
    const words = ['dead-letters', 'groups', '--error', 'receiver', '--order', 'size'];
    expect(await run(...words)).toMatchObject({ status: 2 });
  });
});

describe('events', () => {
  it.each([
    ['a name', ['--event', 'order.placed'], [1]],
    ['the beginning of a name', ['--event', 'order.*', '--limit', '2'], [5, 4]],
    [
      'the beginning of a name, the oldest first',
      ['--event', 'order.*', '--order', 'oldest', '--limit', '2'],
      [1, 2],
    ],
    ['a position to go on from', ['--order', 'oldest', '--after', '3', '--limit', '2'], [4, 5]],
    ['a module', ['--module', 'shop'], [1]],
    ['an aggregate', ['--aggregate-type', 'order', '--aggregate-id', 'retry'], [4, 3]],
    ['a correlation id', ['--correlation', 'visit-7'], [1]],
    ['a time', ['--until', '2020-01-01'], []],
  ])('are found by %s', async (_, words, positions) => {
    const { result } = await runJson('events', 'list', ...words);
    expect(result.items.map(({ position }: { position: number }) => position)).toEqual(positions);
  });

  it('are listed in pages that go back, without payloads', async () => {
    const { stdout } = await run('events', 'list', '--limit', '2', '--event', 'order.*');
    expect(stdout).toMatch(
      new RegExp(`^POSITION .*\\n5 +order\\.changed +order slow +\\S+Z +${idOf('slow')}\\n4 `),
    );
    const [, further = ''] = /^Further back: npx nestjs-integration (.*)$/m.exec(stdout) ?? [];
    expect(further).toBe(`events list --limit 2 --event 'order.*' --before 4`);
    const { result } = await runJson('events', 'list', '--event', 'order.*', '--limit', '2', '--before', '4');
    expect(result.items.map(({ position }: { position: number }) => position)).toEqual([3, 2]);
    expect(JSON.stringify(result)).not.toContain('topsecret');
  });

  it('are shown with what each consumer has done and the attempts that failed', async () => {
    const { status, stdout } = await run('events', 'show', idOf('dead'));
    expect(status).toBe(0);
    expect(lineOf(stdout, 'Status')).toMatch(/ dead_letter$/);
    expect(lineOf(stdout, 'billing ')).toMatch(/^billing +dead_letter +1 /);
    expect(stdout).toMatch(/\na-consumer-whose-name-is-rather-long +processed +0 /);
    expect(stdout).toMatch(
      /Attempts of "billing" that failed.*\nATTEMPT .*\n +ERROR\n1 +\S+Z +\d+ ms +\S+:\d+\n +NonRetryableError: /,
    );
    const { result } = await runJson('events', 'show', idOf('dead'));
    expect(result).toMatchObject({
      status: 'dead_letter',
      consumers: [
        { consumerName: 'a-consumer-whose-name-is-rather-long', status: 'processed' },
        { consumerName: 'billing', history: { attempts: [{ attempt: 1, error: expect.any(String) }] } },
      ],
    });
  });

  it('show their payload only when asked, as the database has it', async () => {
    const plain = await run('events', 'show', idOf('fine'));
    expect(plain.stdout).not.toContain('topsecret');
    expect((await runJson('events', 'show', idOf('fine'))).result).not.toHaveProperty('payload');
    const { stdout } = await run('events', 'show', idOf('fine'), '--payload');
    expect(stdout).toContain('Payload:\n{"price": 12.5, "secret": "topsecret"}\n');
  });

  it('show the chain of their correlation', async () => {
    const { stdout } = await run('events', 'chain', idOf('fine'));
    expect(stdout).toMatch(/^Correlation visit-7\n\nPOSITION .*\n1 +order\.placed /);
  });

  it.each(['show', 'chain'])('%s: an event that there is not is an error', async (command) => {
    const { status, stderr } = await run('events', command, '00000000-0000-4000-8000-000000000000');
    expect([status, stderr]).toEqual([1, expect.stringContaining('The log does not have event')]);
  });
});

describe('processes list', () => {
  it('shows version, state, what they own and what runs', async () => {
    const { stdout } = await run('processes', 'list');
    expect(stdout).toMatch(new RegExp(`\\n\\S+:${process.pid} +all +\\d+\\.\\d+\\.\\d+ +\\S+Z +alive`));
    expect(stdout).toContain('billing [0]');
    expect(stdout).toContain('Running for more than 2 seconds:');
  });
});

describe('audit list', () => {
  it('shows who did what, by actor, action and target, in pages', async () => {
    await run('consumers', 'pause', 'billing', '--by', 'ann', '--reason', 'the receiver is moved', '--yes');
    await run('consumers', 'resume', 'billing', '--by', 'bob', '--yes');
    const { stdout } = await run('audit', 'list', '--target', 'consumer/billing');
    expect(stdout).toMatch(/\n\S+Z +bob +cli +consumers\.resume +1 +done\s+consumer\/billing\n/);
    expect(stdout).toMatch(
      / ann +cli +consumers\.pause +1 +done\s+consumer\/billing: the receiver is moved\n/,
    );
    const actions = async (...words: string[]) =>
      (await runJson('audit', 'list', ...words)).result.entries.map(
        ({ action }: { action: string }) => action,
      );
    expect(await actions('--actor', 'ann')).toEqual(['consumers.pause']);
    expect(await actions('--action', 'consumers.resume')).toEqual(['consumers.resume']);
    expect(await actions('--until', '2020-01-01')).toEqual([]);
    const first = await run('audit', 'list', '--limit', '1');
    const [, more = ''] = /^More: npx nestjs-integration (.*)$/m.exec(first.stdout) ?? [];
    expect(await actions(...more.split(' ').slice(2))).toEqual(['consumers.pause']);
    expect((await run('audit', 'list', '--outcome', 'maybe')).status).toBe(2);
  });
});

describe('settings', () => {
  it('have a history, and return to a state of it', async () => {
    await run('settings', 'set', 'batchSize', '33', '--by', 'ann', '--reason', 'smaller pages', '--yes');
    await run('settings', 'set', 'batchSize', '44', '--by', 'bob', '--yes');
    const { stdout } = await run('settings', 'history', 'batchSize');
    expect(stdout).toMatch(
      /^CHANGE +AT +SETTING +FROM +TO +BY +REASON\n(\d+) .* 33 +44 +bob\n(\d+) .* - +33 +ann +smaller pages\n/,
    );
    const { entries } = (await runJson('settings', 'history')).result;
    expect(await run('settings', 'restore', String(entries[1].id), '--by', 'ann', '--yes')).toMatchObject({
      status: 0,
      stdout: 'core.integration.outbox.batchSize is 33 again (database).\n',
    });
    const page = await run('settings', 'history', 'batchSize', '--limit', '1');
    expect(page.stdout).toMatch(
      /^More: npx nestjs-integration settings history batchSize --limit 1 --after \d+$/m,
    );
    await run('settings', 'reset', 'batchSize', '--yes');
  });

  it('are previewed in words', async () => {
    expect(await run('settings', 'preview', 'idlePollingIntervalMs', '60000')).toEqual({
      status: 0,
      stdout:
        'core.integration.outbox.idlePollingIntervalMs: 30000 → 60000. An idle process looks 60 times an hour instead of 120.\nNothing was changed.\n',
      stderr: '',
    });
    expect((await run('settings', 'preview', 'batchSize', '500')).stdout).toContain('would not change');
  });
});

describe('a page of more than 1,000 rows', () => {
  it.each([
    'dead-letters list',
    'dead-letters groups',
    'consumers show billing --state dead',
    'events list',
    'operations list',
    'processes list',
    'audit list',
    'settings history',
    'webhooks endpoints',
    'webhooks destinations',
    'sagas list',
    'calls list',
    'schedules list',
  ])('is refused by "%s"', async (command) => {
    const words = command.split(' ');
    expect(await run(...words, '--limit', '1000')).toMatchObject({ status: 0, stderr: '' });
    const { status, stderr } = await run(...words, '--limit', '1001');
    expect([status, stderr]).toEqual([2, expect.stringContaining('from 1 to 1000, not 1001')]);
  });

  it('of dead letters says in JSON where the next one begins', async () => {
    expect((await runJson('dead-letters', 'list')).result.next).toBeNull();
    const { deadLetters, next } = (await runJson('dead-letters', 'list', '--limit', '1')).result;
    expect(next).toBe(deadLetters[0].position);
  });
});

describe('tables', () => {
  it.each([
    'status',
    'consumers list',
    'consumers show billing',
    'consumers show billing --state dead',
    'dead-letters list',
    'dead-letters groups',
    'events list',
    'processes list',
    'audit list',
    'settings list',
    'settings history',
    'operations list',
  ])('of "%s" fit into 100 columns', async (command) => {
    const { stdout } = await run(...command.split(' '));
    const tooLong = stdout
      .split('\n')
      .filter((line) => line.length > WIDEST && !/^(Values that|More: |Migrations| {2}\d{14})/.test(line));
    expect(tooLong).toEqual([]);
  });

  it('show a long error below its row, and --json has all of it', async () => {
    const { stdout } = await run('dead-letters', 'list');
    expect(stdout).toContain(`\n    ${idOf('dead')}  NonRetryableError: the receiver answered with`);
    const { result } = await runJson('dead-letters', 'list');
    expect(result.deadLetters[0].lastError).toContain(LONG_ERROR);
  });
});
