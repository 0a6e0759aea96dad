import { tmpdir } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type DomainEvent, type DomainEventInput, NonRetryableError } from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { type CommandOutcome, runCommand, runCommandIn, runJsonCommand } from '../support/command.js';
import { DELIVERY_TABLES, emptyTablesAnew } from '../support/empty-tables.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { tableContents } from '../support/table-contents.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let broken: boolean;
let calls: Recorder<number>;
const apps: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  broken = false;
  calls = new Recorder();
  await emptyTablesAnew(database.pool, ...DELIVERY_TABLES, 'integration.integration_process');
});
afterEach(async () => {
  silenceLog();
  for (const app of apps.splice(0)) await app.close();
});
afterAll(() => database.drop());

/** An application with one consumer, "billing", that records positions, or refuses every event while it is broken. */
async function start(more: Partial<AnySubscriberDefinition> = {}): Promise<TestApp> {
  const app = await startApp(database, [
    {
      eventName: 'order.*',
      consumerName: 'billing',
      handler: async ({ position, aggregateId }: DomainEvent) => {
        calls.record(position);
        if (broken) throw new NonRetryableError(aggregateId === 'odd' ? 'odd' : 'down');
      },
      ...more,
    } as AnySubscriberDefinition,
  ]);
  apps.push(app);
  return app;
}

/** An application whose handler has begun an event, and ends when `finish` is called. */
async function startHeld(): Promise<{ app: TestApp; finish: () => void }> {
  let finish = () => {};
  const app = await start({
    handler: () =>
      new Promise<void>((resolve) => {
        calls.record(0);
        finish = resolve;
      }),
  });
  await app.api.publishEvent(event('a'));
  await calls.first(1);
  return { app, finish: () => finish() };
}

async function stopAll(): Promise<void> {
  for (const app of apps.splice(0)) await app.close();
}

const event = (aggregateId: string, more: Partial<DomainEventInput> = {}): DomainEventInput => ({
  eventName: 'order.placed',
  sourceModule: 'test',
  aggregateType: 'order',
  aggregateId,
  ...more,
});

const run = (...words: string[]) => runCommand(words, database);
const runJson = (...words: string[]) => runJsonCommand(words, database);
const well = (stdout: string): CommandOutcome => ({ status: 0, stdout: `${stdout}\n`, stderr: '' });

describe('consumers', () => {
  it('list shows backlog, dead letters, owner, state and names', async () => {
    const app = await start();
    broken = true;
    await app.api.publishEvent(event('a'));
    await until(
      'it is dead',
      async () => (await inboxRows(database, 'billing'))[0]?.status === 'dead_letter',
    );
    const { status, stdout } = await run('consumers', 'list');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^CONSUMER +PENDING +LAG +DEAD LETTERS +OWNER +STATE +EVENT NAMES\n/);
    expect(stdout).toMatch(new RegExp(`\\nbilling +0 +- +1 +\\S+:${process.pid} +active +order\\.\\*\\n$`));
    expect(await runJson('consumers', 'list')).toMatchObject({
      status: 0,
      result: {
        consumers: [{ consumerName: 'billing', deadLetters: 1, paused: false, orphaned: false }],
        replays: [],
      },
    });
  });

  it('pause and resume stop a consumer of a running application and let it go on', async () => {
    const app = await start();
    await app.processor.drain();
    expect(await run('consumers', 'pause', 'billing', '--yes')).toEqual(
      well('Consumer "billing" is paused.'),
    );
    await until('it has stopped', async () => app.workers.active.length === 0);
    await app.api.publishEvent(event('a'));
    expect((await run('consumers', 'list')).stdout).toMatch(/billing +1 .* paused /);
    expect(await runJson('consumers', 'resume', 'billing', '--yes')).toEqual({
      status: 0,
      result: { consumer: 'billing', paused: false },
    });
    expect(await calls.first(1)).toEqual([1]);
  });

  it('repartition takes the form that the log prints', async () => {
    const lines = hearLog();
    await start();
    await start({ partitions: 3 });
    const [, command = ''] =
      /npx nestjs-integration (.+)$/.exec(
        lines.texts('warn').find((line) => line.includes('partitions')) ?? '',
      ) ?? [];
    expect(command).toBe('consumers repartition billing 3');
    expect(await run(...command.split(' '), '--yes')).toEqual(well('Consumer "billing" has 3 partitions.'));
    const { result } = await runJson('consumers', 'list');
    expect(result.consumers.map((each: { partition: number }) => each.partition)).toEqual([0, 1, 2]);
    expect(await runJson(...command.split(' '), '--yes')).toMatchObject({
      status: 0,
      result: { state: 'done', partitions: 3 },
    });
  });

  it('repartition fails with what it waits for when the time is up', async () => {
    const { finish } = await startHeld();
    const { status, stdout } = await run(
      'consumers',
      'repartition',
      'billing',
      '2',
      '--timeout',
      '1',
      '--yes',
    );
    expect(status).toBe(1);
    expect(stdout).toContain('Not done yet: the owners finish what they are running and hand over.');
    expect((await run('consumers', 'list')).stdout).toMatch(/ active, about to have 2 partitions +order/);
    finish();
  });

  it('repartition is left by Ctrl-C, says so, and goes on', async () => {
    const { app, finish } = await startHeld();
    const controller = new AbortController();
    const environment = { ...process.env, DATABASE_URL: database.url };
    const place = { folder: tmpdir(), environment, terminal: undefined, interruption: controller.signal };
    const running = runCommandIn(place, ['consumers', 'repartition', 'billing', '2', '--yes']);
    await until('it is asked for', async () => {
      const [first] = await app.consumers.list();
      return first?.repartitioningTo === 2;
    });
    controller.abort();
    const { status, stdout } = await running;
    expect([status, stdout]).toEqual([1, expect.stringContaining('The processes go on with it')]);
    finish();
    await until('it is done', async () => (await app.consumers.list()).length === 2);
  });

  it('discard sets events aside with a reason', async () => {
    broken = true;
    const app = await start();
    await app.api.publishEvents([event('a'), event('odd'), event('b')]);
    await app.processor.drain();
    const discard = ['consumers', 'discard', 'billing', '--reason', 'test data', '--yes'];
    expect(await run(...discard, '--aggregate-id', 'odd', '--state', 'dead_letter,failed')).toEqual(
      well('1 event of "billing" discarded.'),
    );
    expect(await runJson(...discard, '--limit', '1')).toMatchObject({
      status: 0,
      result: { consumer: 'billing', discarded: 1 },
    });
    expect(await inboxRows(database, 'billing')).toMatchObject([
      { status: 'skipped', resolution: { action: 'discard', reason: 'test data' } },
      { status: 'skipped', resolution: { action: 'discard', reason: 'test data' } },
      { status: 'dead_letter' },
    ]);
  });

  it('remove refuses while a process works on it, unless it is forced; remove-names leaves the others', async () => {
    const app = await start({
      eventName: ['order.placed', 'order.lost'],
    } as Partial<AnySubscriberDefinition>);
    await app.processor.drain();
    expect(await run('consumers', 'remove-names', 'billing', 'order.lost', '--yes')).toEqual(
      well('Consumer "billing" is stored with: order.placed'),
    );
    const refused = await run('consumers', 'remove', 'billing', '--yes');
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toContain(`:${process.pid}`);
    expect(await runJson('consumers', 'remove', 'billing', '--yes')).toMatchObject({
      status: 1,
      result: { error: { code: 'INTEGRATION_CONSUMER_ACTIVE' } },
    });
    expect(await run('consumers', 'remove', 'billing', '--force', '--yes')).toEqual(
      well('Consumer "billing" is removed.'),
    );
    await stopAll();
    expect((await run('consumers', 'list')).stdout).toBe('No consumer is registered.\n');
  });

  it('are renamed while nobody works on them, and keep their place', async () => {
    const former = await start();
    await former.api.publishEvents([event('a'), event('b')]);
    await former.processor.drain();
    expect(calls.all).toHaveLength(2);
    const live = await run('consumers', 'rename', 'billing', 'invoicing', '--yes');
    expect(live).toMatchObject({ status: 1, stdout: '' });
    expect(live.stderr).toContain(`:${process.pid}`);
    await stopAll();
    expect(await run('consumers', 'rename', 'billing', 'invoicing', '--yes')).toEqual(
      well('Consumer "billing" is called "invoicing" now. Start the code with the new name.'),
    );
    calls = new Recorder();
    const app = await start({ consumerName: 'invoicing' });
    await app.api.publishEvents([event('c')]);
    await app.processor.drain();
    expect(calls.all).toHaveLength(1);
  });
});

describe('replay', () => {
  it('takes the form that the log prints: what a new consumer left out is delivered', async () => {
    const publisher = await start({ consumerName: 'other' });
    await publisher.api.publishEvents([event('a'), event('b'), event('c', { eventName: 'invoice.paid' })]);
    const lines = hearLog();
    await stopAll();
    calls = new Recorder();
    const app = await start({ startFrom: 'latest' });
    await app.processor.drain();
    const [, command = ''] =
      /npx nestjs-integration (.+)$/.exec(
        lines.texts('log').find((line) => line.includes('left out')) ?? '',
      ) ?? [];
    expect(command).toBe('replay billing --from 1 --to 3');
    expect(await run(...command.split(' '), '--yes')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^2 events sent to "billing" again\.\n/),
    });
    expect(await calls.first(2)).toEqual([1, 2]);
  });

  it('takes the form that the log prints for names that were added', async () => {
    const old = await start({ eventName: 'order.placed' });
    await old.api.publishEvents([event('a'), event('b', { eventName: 'order.lost' })]);
    await old.processor.drain();
    await stopAll();
    const lines = hearLog();
    const app = await start({
      eventName: ['order.placed', 'order.lost', 'order.found'],
    } as Partial<AnySubscriberDefinition>);
    await app.processor.drain();
    const [, command = ''] =
      /npx nestjs-integration (.+)$/.exec(
        lines.texts('log').find((line) => line.includes('passed over')) ?? '',
      ) ?? [];
    expect(command).toBe('replay billing --event order.lost,order.found --to 2');
    expect(calls.all).toEqual([1]);
    const { status } = await run(...command.split(' '), '--yes');
    expect(status).toBe(0);
    expect(await calls.first(2)).toEqual([1, 2]);
  });
});

describe('dead-letters and redrive', () => {
  it('show dead letters with their errors, and send some of them again', async () => {
    broken = true;
    const app = await start();
    await app.api.publishEvents([event('a'), event('odd'), event('b'), event('c')]);
    await app.processor.drain();
    const { status, stdout } = await run('dead-letters', 'list', '--consumer', 'billing');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^POSITION +CONSUMER +EVENT +AGGREGATE +ATTEMPTS +FINGERPRINT\n +ID AND ERROR\n/);
    expect(stdout).toMatch(
      /\n2 +billing +order\.placed +order odd +1 +[0-9a-f]+\n +[0-9a-f-]{36} {2}NonRetryableError: odd\n/,
    );
    const { result } = await runJson('dead-letters', 'list', '--limit', '2', '--after', '1');
    expect(result.deadLetters.map((each: DomainEvent) => each.position)).toEqual([2, 3]);
    const [odd] = result.deadLetters;
    broken = false;
    calls = new Recorder();
    expect(
      await run('dead-letters', 'redrive', '--fingerprint', odd.errorFingerprint, '--yes'),
    ).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^1 event sent on its way again\.\nWhat becomes of (it|them): /),
    });
    expect(await calls.first(1)).toEqual([2]);
    expect(
      await runJson('dead-letters', 'redrive', '--consumer', 'billing', '--limit', '2', '--yes'),
    ).toMatchObject({
      status: 0,
      result: { redriven: 2 },
    });
    await calls.first(3);
    const [left] = (await runJson('dead-letters', 'list')).result.deadLetters;
    expect(await run('dead-letters', 'redrive', '--event-id', left.outboxEventId, '--yes')).toEqual(
      well('1 event sent on its way again.'),
    );
    await calls.first(4);
    await app.processor.drain();
    expect(await run('dead-letters', 'list')).toEqual(well('No dead letters.'));
    expect(await run('dead-letters', 'redrive', '--yes')).toEqual(well('0 events sent on their way again.'));
  });
});

describe('what cannot be done', () => {
  it.each([
    ['pause', ['consumers', 'pause', 'nobody']],
    ['resume', ['consumers', 'resume', 'nobody']],
    ['repartition', ['consumers', 'repartition', 'nobody', '2']],
    ['remove', ['consumers', 'remove', 'nobody']],
    ['remove-names', ['consumers', 'remove-names', 'nobody', 'a']],
    ['rename', ['consumers', 'rename', 'nobody', 'somebody', '--yes']],
    ['replay', ['replay', 'nobody', '--from', '1']],
  ])('%s of a consumer that there is not: exits with 1 and says so', async (_, words) => {
    const { status, stdout, stderr } = await run(...words);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^Error: There is no consumer "nobody"/);
  });

  it.each([
    ['no consumer', ['consumers', 'pause'], 'consumers pause needs <consumer>'],
    [
      'a consumer command that is none',
      ['consumers', 'stop', 'billing'],
      'unknown command: consumers stop billing',
    ],
    [
      'no number of partitions',
      ['consumers', 'repartition', 'billing', 'many'],
      '<partitions> must be a whole number',
    ],
    ['no reason', ['consumers', 'discard', 'billing'], 'consumers discard needs --reason'],
    [
      'no state',
      ['consumers', 'discard', 'billing', '--reason', 'x', '--state', 'alive'],
      '--state must be of',
    ],
    ['nothing to replay', ['replay', 'billing'], 'replay needs --from'],
    ['a position that is none', ['replay', 'billing', '--from', '-1'], '--from'],
    ['a filter at once', ['replay', 'billing', '--event', 'a', '--at-once'], 'is for a range of positions'],
    [
      'a rate at once',
      ['replay', 'billing', '--from', '1', '--at-once', '--rate', '5'],
      '--rate is only for an operation',
    ],
    ['a time that is none', ['replay', 'billing', '--since', 'yesterday'], '--since must be a time'],
    ['an id that is none', ['dead-letters', 'redrive', '--event-id', '1'], '--event-id must be a uuid'],
    ['a limit of nothing', ['dead-letters', 'list', '--limit', '0'], '--limit must be a whole number'],
    // As where a variable of the shell is not set: what was meant is not everything.
    ['no id', ['consumers', 'discard', 'billing', '--reason', 'x', '--event-id', ''], '--event-id is empty'],
    [
      'blank states',
      ['consumers', 'discard', 'billing', '--reason', 'x', '--state', ','],
      '--state names nothing',
    ],
    ['nobody', ['dead-letters', 'redrive', '--consumer', ''], '--consumer is empty'],
    ['an empty limit', ['dead-letters', 'redrive', '--limit', ''], '--limit is empty'],
    ['no aggregate', ['replay', 'billing', '--from', '1', '--aggregate-id', ' '], '--aggregate-id is empty'],
    ['no database', ['consumers', 'list', '--database-url', ''], '--database-url is empty'],
    ['no schema', ['consumers', 'list', '--schema', ''], '--schema is empty'],
  ])('%s: wrong use, exits with 2', async (_, words, message) => {
    const { status, stdout, stderr } = await run(...words);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain('Usage: nestjs-integration <command>');
  });

  it.each([
    ['a range that ends before it begins', ['replay', 'billing', '--from', '5', '--to', '3']],
    ['a setting that there is not', ['settings', 'set', 'nonsense', '5']],
    ['a value that a setting cannot have', ['settings', 'set', 'batchSize', 'many']],
  ])('%s: wrong use as well, exits with 2', async (_, words) => {
    await start();
    const { status, stdout, stderr } = await run(...words);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^Error: /);
    expect(await runJson(...words)).toMatchObject({
      status: 2,
      result: { error: { code: expect.stringMatching(/^INTEGRATION_/) } },
    });
  });
});

describe('wrong use', () => {
  it.each([
    ['settings set batchSize', ['settings set <key> <value>'], ['settings list', 'migrate ', 'replay']],
    ['dead-letters discard', ['dead-letters discard', '--reason'], ['dead-letters list', 'migrate ']],
    ['consumers stop billing', ['consumers pause <consumer>', 'consumers list'], ['migrate ', 'replay <']],
    ['settings', ['settings list', 'settings reset <key>'], ['migrate ', 'consumers list']],
  ])('of "%s" prints the usage of what was meant', async (words, shown, notShown) => {
    const { status, stderr } = await run(...words.split(' '));
    expect(status).toBe(2);
    const [, usage = ''] = stderr.split('[options]');
    for (const text of shown) expect(usage).toContain(text);
    for (const text of notShown) expect(usage).not.toContain(text);
  });
});

describe('a command that changes something', () => {
  /** Runs a command line with somebody at the terminal, who answers so; resolves to its status and what was asked. */
  async function ask(
    answer: string,
    ...words: string[]
  ): Promise<{ status: number | null; asked: string[] }> {
    const asked: string[] = [];
    const terminal = {
      ask: async (question: string) => {
        asked.push(question);
        return answer;
      },
    };
    const { status } = await runCommand(words, database, terminal);
    return { status, asked };
  }

  async function startWithThreeDead(): Promise<void> {
    const app = await start({
      eventName: ['order.placed', 'order.lost'],
    } as Partial<AnySubscriberDefinition>);
    broken = true;
    for (const id of ['a', 'b', 'c']) await app.api.publishEvent(event(id));
    await until('they are dead', async () => {
      const rows = await inboxRows(database, 'billing');
      return rows.length === 3 && rows.every(({ status }) => status === 'dead_letter');
    });
    await app.consumers.pause('billing');
    await stopAll();
  }

  const statuses = async () => (await inboxRows(database, 'billing')).map(({ status }) => status);

  it.each([
    ['dead-letters redrive', '3 events would be sent on their way again. Go on? [y/N] '],
    ['dead-letters redrive --position 1', '1 event would be sent on its way again. Go on? [y/N] '],
    ['dead-letters redrive --limit 2', '2 events would be sent on their way again. Go on? [y/N] '],
    [
      'dead-letters discard --reason x --consumer billing',
      '3 events would be set aside for good. This cannot be undone. Go on? [y/N] ',
    ],
    [
      'consumers discard billing --reason x',
      '3 events would be set aside for good. This cannot be undone. Go on? [y/N] ',
    ],
    [
      'consumers discard billing --reason x --position 1',
      'This event would be set aside for good, whatever its state. This cannot be undone. Go on? [y/N] ',
    ],
    [
      'consumers remove billing',
      'Consumer "billing" is forgotten, with its place in the log and 3 inbox rows, of which 3 dead letters. This cannot be undone. Go on? [y/N] ',
    ],
    [
      'consumers remove-names billing order.lost',
      'Consumer "billing" no longer gets 1 event name; events of these that it has not handled are never delivered to it.\nIt would be stored with: order.placed. Go on? [y/N] ',
    ],
    ['consumers resume billing', 'Consumer "billing" would go on. Go on? [y/N] '],
    [
      'consumers repartition billing 2',
      'Consumer "billing" would have 2 partitions. It has 1 partition. Go on? [y/N] ',
    ],
    ['replay billing --from 1', '3 events would be sent to "billing" again. Go on? [y/N] '],
    ['replay billing --event order.* --limit 2', '2 events would be sent to "billing" again. Go on? [y/N] '],
    [
      'replay billing --from 1 --at-once',
      'Consumer "billing" is given 3 positions of the log again. Go on? [y/N] ',
    ],
  ])('%s: says so and asks, and changes nothing unless the answer is yes', async (command, question) => {
    await startWithThreeDead();
    for (const answer of ['', 'no']) {
      expect(await ask(answer, ...command.split(' '))).toEqual({ status: 1, asked: [question] });
      expect(await statuses()).toEqual(['dead_letter', 'dead_letter', 'dead_letter']);
      expect((await runJson('consumers', 'list')).result).toMatchObject({ consumers: [{}], replays: [] });
    }
  });

  it('is done after a yes, and with --yes without being asked', async () => {
    await startWithThreeDead();
    expect((await ask('y', 'dead-letters', 'redrive', '--position', '1')).status).toBe(0);
    expect(await statuses()).toEqual(['received', 'dead_letter', 'dead_letter']);
    const discard = ['consumers', 'discard', 'billing', '--position', '2', '--reason', 'x', '--yes'];
    expect(await ask('no', ...discard)).toEqual({ status: 0, asked: [] });
    expect(await statuses()).toEqual(['received', 'skipped', 'dead_letter']);
  });

  // With nothing to change, nobody at a terminal is asked. A script learns that it lacks --yes on such a day too.
  it.each([
    ['dead-letters redrive --position 77', 0],
    ['dead-letters discard --reason x --consumer shipping', 0],
    ['consumers discard billing --reason x --aggregate-id nobody', 0],
    ['consumers pause billing', 0],
    ['replay billing --event order.found', 0],
    ['replay billing --from 99 --at-once', 0],
  ])(
    '%s: asks nobody if nothing would be changed, and needs --yes without a terminal',
    async (words, status) => {
      await startWithThreeDead();
      const before = await tableContents(database);
      const refused = await run(...words.split(' '));
      expect(refused).toMatchObject({ status: 2, stdout: '' });
      expect(refused.stderr).toContain(
        'Nothing would be changed now. There is no terminal to ask: give --yes',
      );
      expect(await ask('no', ...words.split(' '))).toEqual({ status, asked: [] });
      expect(await tableContents(database)).toEqual(before);
    },
  );

  it.each([
    ['dead-letters redrive', '3 events would be sent on their way again.'],
    ['dead-letters redrive --position 1', '1 event would be sent on its way again.'],
    ['dead-letters redrive --limit 2', '2 events would be sent on their way again.'],
    ['dead-letters discard --reason x --consumer billing', '3 events would be set aside for good.'],
    ['consumers discard billing --reason x', '3 events would be set aside for good.'],
    ['replay billing --from 1 --at-once', 'Consumer "billing" is given 3 positions of the log again.'],
    ['settings set batchSize 44', 'core.integration.outbox.batchSize: 500 → 44.'],
  ])(
    '%s: is refused without a terminal and without --yes, and says what it would do',
    async (words, would) => {
      await startWithThreeDead();
      const before = await tableContents(database);
      const { status, stdout, stderr } = await run(...words.split(' '));
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
      expect(stderr).toContain(would);
      expect(stderr).toContain('There is no terminal to ask: give --yes to do it without being asked');
      expect(await tableContents(database)).toEqual(before);
    },
  );
});
