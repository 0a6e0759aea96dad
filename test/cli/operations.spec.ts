import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { run as runAt } from '../../src/cli/run.js';
import { NonRetryableError, type Operation } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand, runCommandIn, runJsonCommand } from '../support/command.js';
import { inboxRows } from '../support/inbox-rows.js';
import { publishOrders } from '../support/orders.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const SOME_ID = '0a1b2c3d-0000-7000-8000-00000000000a';
const MAIN = resolve('dist/bin/main.js');

let database: TestDatabase;
let app: TestApp;
let broken: boolean;

beforeEach(async () => {
  database = await createTestDatabase();
  broken = true;
  app = await start();
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

function start(): Promise<TestApp> {
  return startApp(database, [
    {
      eventName: 'order.placed',
      consumerName: 'billing',
      startFrom: 'earliest',
      handler: async () => {
        if (broken) throw new NonRetryableError('the receiver is down');
      },
    },
  ]);
}

async function withDeadLetters(count: number): Promise<void> {
  await publishOrders(app, count);
  await untilAre(count, 'dead_letter');
}

function untilAre(count: number, status: string): Promise<true> {
  return until(`${count} are ${status}`, async () => {
    const rows = await inboxRows(database, 'billing');
    return rows.filter((row) => row.status === status).length === count;
  });
}

const run = (...words: string[]) => runCommand(words, database);
const runJson = (...words: string[]) => runJsonCommand(words, database);
const redrive = ['dead-letters', 'redrive', '--consumer', 'billing', '--yes'];

/** The latest operation. */
async function latest(): Promise<Operation> {
  const { result } = await runJson('operations', 'list', '--limit', '1');
  return result.operations[0];
}

async function operationCount(): Promise<number> {
  return (await runJson('operations', 'list')).result.operations.length;
}

/** At one a second they are under way for longer than any command takes. */
const FOR_A_MINUTE = 60;

describe('redriving and discarding', () => {
  it('more than one event is a stored operation, and the command says when all are sent', async () => {
    await withDeadLetters(5);
    broken = false;
    const { status, stdout } = await run(...redrive, '--by', 'ann', '--reason', 'it is mended');
    const operation = await latest();
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `5 events sent on their way again.\nWhat becomes of them: npx nestjs-integration operations show ${operation.id}\n`,
    });
    expect(operation).toMatchObject({
      kind: 'redrive',
      state: 'done',
      filter: { consumerName: 'billing' },
      maxEvents: 100,
      changed: 5,
      requestedBy: 'ann',
      reason: 'it is mended',
    });
    await untilAre(5, 'processed');
    const shown = await run('operations', 'show', operation.id);
    expect(shown.stdout).toMatch(/succeeded +5\n/);
  });

  it('one event, or none, needs no operation', async () => {
    await withDeadLetters(2);
    expect(await runJson(...redrive, '--position', '1')).toEqual({ status: 0, result: { redriven: 1 } });
    expect(await runJson(...redrive, '--position', '77')).toEqual({ status: 0, result: { redriven: 0 } });
    expect(await operationCount()).toBe(0);
  });

  it('takes a rate and a number of failures after which it stops by itself, and fails then', async () => {
    await withDeadLetters(6);
    const { status, result } = await runJson(...redrive, '--rate', '1000', '--stop-after', '2');
    expect(status).toBe(1);
    expect(result).toMatchObject({
      operation: { rate: 1000, stopAfter: 2, state: 'failed', error: expect.stringContaining('by itself') },
    });
    expect(result.redriven).toBeLessThanOrEqual(2);
  });

  it('of the dead letters of one fingerprint leaves the others', async () => {
    await withDeadLetters(3);
    const [group] = (await runJson('dead-letters', 'groups')).result.groups;
    const discard = ['dead-letters', 'discard', '--reason', 'tests', '--yes'];
    expect(await runJson(...discard, '--fingerprint', 'none')).toEqual({
      status: 0,
      result: { discarded: 0 },
    });
    const { status, result } = await runJson(
      ...discard,
      '--consumer',
      'billing',
      '--fingerprint',
      group.fingerprint,
      '--limit',
      '2',
    );
    expect(status).toBe(0);
    expect(result).toMatchObject({
      consumer: 'billing',
      discarded: 2,
      operation: { kind: 'discard', states: ['dead_letter'], reason: 'tests' },
    });
    expect((await inboxRows(database, 'billing')).map(({ status: each }) => each)).toEqual([
      'skipped',
      'skipped',
      'dead_letter',
    ]);
  });

  it('of events that are named one by one changes these, and says which are left out', async () => {
    await withDeadLetters(5);
    const ids = (await inboxRows(database, 'billing')).map(({ outboxEventId }) => outboxEventId);
    const unknown = randomUUID();
    const named = [ids[3], unknown, ids[1]] as string[];
    const dry = await run('dead-letters', 'redrive', ...named, '--dry-run');
    expect(dry.status).toBe(0);
    expect(dry.stdout).toContain('2 events would be sent on their way again.');
    expect(dry.stdout).toContain(`1 event that was named is left out (1 not known):\n  ${unknown}\n`);

    const discard = await run('dead-letters', 'discard', ...named, '--reason', 'tests', '--yes');
    const operation = await latest();
    expect(discard).toMatchObject({ status: 0, stdout: '2 events discarded.\n' });
    expect(discard.stderr).toContain(unknown);
    expect(operation).toMatchObject({ kind: 'discard', chosenEvents: 3, changed: 2, reason: 'tests' });
    expect((await inboxRows(database, 'billing')).map(({ status }) => status)).toEqual(
      [0, 1, 2, 3, 4].map((n) => (n === 1 || n === 3 ? 'skipped' : 'dead_letter')),
    );
    const shown = await run('operations', 'show', operation.id);
    expect(shown.stdout).toContain('3 events named one by one');
    expect(shown.stdout).toContain(`  ${unknown}`);

    broken = false;
    expect(await runJson('dead-letters', 'redrive', ids[0] as string, '--yes')).toEqual({
      status: 0,
      result: { redriven: 1 },
    });
    await untilAre(1, 'processed');
  });

  it.each<[string, readonly string[], string]>([
    ['no id of an event', ['billing'], '<event> must be a uuid'],
    ['an event twice', [SOME_ID, SOME_ID.toUpperCase()], 'in the list twice'],
    ['an event by an option beside', [SOME_ID, '--event-id', SOME_ID], 'give all of them as arguments'],
    ['more than 1,000', Array.from({ length: 1_001 }, () => randomUUID()), 'at most 1000'],
  ])('is wrong use with %s', async (_, words, message) => {
    const { status, stderr } = await run('dead-letters', 'redrive', ...words, '--yes');
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('with --detach returns at once and says how to look at it and how to stop it', async () => {
    await withDeadLetters(3);
    const { status, stdout } = await run(...redrive, '--detach');
    const { id } = await latest();
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `Operation ${id} is started with 3 events.\nLook at it: npx nestjs-integration operations show ${id} --watch\nStop it:    npx nestjs-integration operations cancel ${id}\n`,
    });
  });

  it('says that nobody takes it up, instead of waiting, and the next process does', async () => {
    await withDeadLetters(3);
    await app.close();
    const detached = await run(...redrive, '--detach', '--limit', '2');
    expect(detached).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('No process runs consumers at the moment'),
    });
    const { status, stdout } = await run(...redrive);
    expect(status).toBe(1);
    expect(stdout).toContain('No process runs consumers at the moment');
    expect(stdout).toContain('npx nestjs-integration operations cancel');
    expect((await latest()).state).toBe('running');
    broken = false;
    app = await start();
    await untilAre(3, 'processed');
    await until('it is done', async () => (await latest()).state === 'done');
  });

  it('goes on after a Ctrl-C in the command, which says so', async () => {
    await withDeadLetters(FOR_A_MINUTE);
    const controller = new AbortController();
    const environment = { ...process.env, DATABASE_URL: database.url };
    const place = { folder: tmpdir(), environment, terminal: undefined, interruption: controller.signal };
    const running = runCommandIn(place, [...redrive, '--rate', '1']);
    await until('it has begun', async () => (await latest())?.changed > 0);
    controller.abort();
    const { status, stdout } = await running;
    const { id, state } = await latest();
    expect(state).toBe('running');
    expect(status).toBe(1);
    expect(stdout).toContain(`Operation ${id} goes on without this command.`);
    expect(stdout).toContain(`npx nestjs-integration operations show ${id} --watch`);
    expect(stdout).toContain(`npx nestjs-integration operations cancel ${id}`);
    const cancelled = await run('operations', 'cancel', id, '--by', 'ann', '--yes');
    expect(cancelled).toMatchObject({ status: 0, stdout: expect.stringContaining('is cancelled') });
    expect(await latest()).toMatchObject({ state: 'cancelled', cancelledBy: 'ann' });
  });

  it('is said to go on at once, before a second Ctrl-C can end the command', async () => {
    await withDeadLetters(FOR_A_MINUTE);
    const controller = new AbortController();
    let remarks = '';
    const running = runAt([...redrive, '--rate', '1'], {
      folder: tmpdir(),
      environment: { ...process.env, DATABASE_URL: database.url },
      terminal: undefined,
      isFollowed: true,
      screen: () => undefined,
      interruptible: (work) => work(controller.signal),
      writeResult: () => {},
      writeRemark: (text) => {
        remarks += text;
      },
    });
    await until('it follows', async () => remarks.includes('Operation '));
    controller.abort();
    const atOnce = remarks;
    expect(await running).toBe(1);
    expect(atOnce).toContain(`Leaving operation ${(await latest()).id}, which goes on`);
    await run('operations', 'cancel', (await latest()).id, '--yes');
  });

  it('is left in the same way by Ctrl-C while it starts', async () => {
    await withDeadLetters(FOR_A_MINUTE);
    const controller = new AbortController();
    let remarks = '';
    let before: unknown;
    const status = await runAt([...redrive, '--rate', '1'], {
      folder: tmpdir(),
      environment: { ...process.env, DATABASE_URL: database.url },
      terminal: undefined,
      isFollowed: true,
      screen: () => undefined,
      interruptible: async (work) => {
        before = (await latest()).state;
        const working = work(controller.signal);
        controller.abort();
        return working;
      },
      writeResult: () => {},
      writeRemark: (text) => {
        remarks += text;
      },
    });
    const { id, state } = await latest();
    expect([before, status, state]).toEqual(['planned', 1, 'running']);
    expect(remarks).toContain(`Leaving operation ${id}, which goes on`);
    await run('operations', 'cancel', id, '--yes');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'as a process of its own, is left by %s with status 1, and the operation goes on',
    async (signal) => {
      await withDeadLetters(FOR_A_MINUTE);
      const child = spawn(process.execPath, [MAIN, ...redrive, '--rate', '1', '--json'], {
        env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const lines: string[] = [];
      createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
      await until('it has begun', async () => (await latest())?.changed > 0);
      child.kill(signal);
      const [status] = await once(child, 'close');
      expect(status).toBe(1);
      const result = JSON.parse(lines.join('\n'));
      expect(result).toMatchObject({ left: 'interrupted', operation: { state: 'running' } });
      expect((await latest()).state).toBe('running');
      await run('operations', 'cancel', result.operation.id, '--yes');
    },
  );

  it('ends with status 1 when somebody else cancels it', async () => {
    await withDeadLetters(FOR_A_MINUTE);
    const running = runJson(...redrive, '--rate', '1');
    const { id } = await until('it has begun', async () => {
      const operation = await latest();
      return operation !== undefined && operation.changed > 0 && operation;
    });
    await run('operations', 'cancel', id, '--by', 'bob', '--yes');
    expect(await running).toMatchObject({
      status: 1,
      result: { operation: { state: 'cancelled', cancelledBy: 'bob' } },
    });
  });
});

describe('operations', () => {
  it('are listed, the latest first, by state and in pages', async () => {
    await withDeadLetters(2);
    await run(...redrive);
    await untilAre(2, 'dead_letter');
    await run(...redrive);
    const { stdout } = await run('operations', 'list', '--limit', '1');
    expect(stdout).toMatch(/^ID +KIND +STATE +EVENTS +CREATED +BY\n/);
    expect(stdout).toMatch(/ redrive +done +2 of 2 /);
    const [, more = ''] = /^More: npx nestjs-integration (.*)$/m.exec(stdout) ?? [];
    const second = await runJson(...more.split(' '));
    const { operations } = (await runJson('operations', 'list')).result;
    expect(second.result.operations).toEqual([operations[1]]);
    expect((await run('operations', 'list', '--state', 'failed')).stdout).toBe(
      'There is no such operation.\n',
    );
  });

  it.each([
    ['an id that is none', ['operations', 'show', '1'], 2, '<id> must be a uuid'],
    ['a state that is none', ['operations', 'list', '--state', 'late'], 2, '--state must be one of'],
    [
      'an operation that there is not',
      ['operations', 'show', '00000000-0000-4000-8000-000000000000'],
      1,
      'There is no operation',
    ],
  ])('with %s: says so', async (_, words, status, message) => {
    expect(await run(...words)).toEqual({ status, stdout: '', stderr: expect.stringContaining(message) });
  });
});
