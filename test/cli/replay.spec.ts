import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AuditService, type Operation } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand, runCommandIn, runJsonCommand } from '../support/command.js';
import { inboxRows } from '../support/inbox-rows.js';
import { publishOrders } from '../support/orders.js';
import { pauseAndWait } from '../support/pause.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const MAIN = resolve('dist/bin/main.js');

let database: TestDatabase;
let app: TestApp;
/** The aggregates of what was handled, in the order of the handlers' ends. */
let handled: string[];
let broken: boolean;

beforeEach(async () => {
  database = await createTestDatabase();
  handled = [];
  broken = false;
  app = await start();
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

function start(consumerName = 'billing'): Promise<TestApp> {
  return startApp(database, [
    {
      eventName: 'order.placed',
      consumerName,
      startFrom: 'earliest',
      retry: { maxAttempts: 1 },
      handler: async ({ aggregateId }) => {
        if (broken) throw new Error('the receiver is down');
        handled.push(aggregateId);
      },
    },
  ]);
}

const run = (...words: string[]) => runCommand(words, database);
const runJson = (...words: string[]) => runJsonCommand(words, database);
const replay = ['replay', 'billing', '--from', '1', '--yes'];

async function withHandled(count: number): Promise<void> {
  await publishOrders(app, count);
  await until('all are settled', async () => (await unread()) === `{[${count + 1},)}`);
}

async function unread(): Promise<string> {
  const { rows } = await database.pool.query('SELECT unread::text AS unread FROM integration.inbox_cursor');
  return rows[0]?.unread;
}

async function allOperations(): Promise<Operation[]> {
  return (await runJson('operations', 'list')).result.operations;
}

async function latest(): Promise<Operation | undefined> {
  return (await allOperations())[0];
}

const begun = () =>
  until('it has begun', async () => {
    const operation = await latest();
    return operation !== undefined && operation.changed > 0 && operation;
  });

/** At one a second they are under way for longer than any command takes. */
const FOR_A_MINUTE = 60;

describe('replay', () => {
  it('is a stored operation, and the command says when all are sent', async () => {
    await withHandled(5);
    const { status, stdout } = await run(...replay, '--to', '4', '--by', 'ann', '--reason', 'lost there');
    const operation = await latest();
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `4 events sent to "billing" again.\nWhat becomes of them: npx nestjs-integration operations show ${operation?.id}\n`,
    });
    expect(operation).toMatchObject({
      kind: 'replay',
      state: 'done',
      filter: { consumerName: 'billing', from: 1, to: 4 },
      changed: 4,
      requestedBy: 'ann',
      reason: 'lost there',
    });
    await until('all are handled again', async () => handled.length === 9);
    const shown = await run('operations', 'show', operation?.id ?? '');
    expect(shown.stdout).toMatch(/Chosen by +consumer billing, from position 1, to position 4\n/);
    expect(shown.stdout).toMatch(/Events +4 of 4, at position 4 of 4\n/);
    expect(shown.stdout).toMatch(/\n +succeeded +4\n +failed +0\n/);
    const { entries } = await app.context.get(AuditService).list({ target: `operation/${operation?.id}` });
    expect(entries).toMatchObject([{ action: 'operations.run', actor: 'ann', via: 'cli' }]);
  });

  it('chooses by name, aggregate and time, and takes the oldest up to a limit', async () => {
    await withHandled(4);
    await database.pool.query(
      `UPDATE integration.outbox_event SET created_at = now() - interval '2 hours' WHERE position <= 2`,
    );
    const hour = new Date(Date.now() - 3_600_000).toISOString();
    const of = async (...words: string[]) => {
      // What is still on its way is not sent twice.
      await until('all are at rest', async () =>
        (await inboxRows(database, 'billing')).every((row) => row.status === 'processed'),
      );
      const { status, result } = await runJson('replay', 'billing', ...words, '--yes');
      return [status, result.replayed];
    };
    expect(await of('--since', hour)).toEqual([0, 2]);
    expect(await of('--until', hour, '--event', 'order.*,mail.sent')).toEqual([0, 2]);
    expect(await of('--event', 'mail.sent')).toEqual([0, 0]);
    expect(await of('--aggregate-type', 'order', '--aggregate-id', 'o3')).toEqual([0, 1]);
    expect(await of('--from', '2', '--limit', '2')).toEqual([0, 2]);
    // What finds nothing is no operation.
    expect((await allOperations()).map(({ changed }) => changed)).toEqual([2, 1, 2, 2]);
  });

  it('takes a rate and a number of failures after which it stops by itself, and fails then', async () => {
    await withHandled(6);
    broken = true;
    const { status, result } = await runJson(...replay, '--rate', '1000', '--stop-after', '2');
    expect(status).toBe(1);
    expect(result).toMatchObject({
      consumer: 'billing',
      replayed: 2,
      operation: { rate: 1000, stopAfter: 2, state: 'failed', error: expect.stringContaining('by itself') },
    });
    await until('they have failed', async () => {
      const { verdict } = (await runJson('operations', 'show', result.operation.id)).result;
      return verdict.failedOtherwise + verdict.failedTheSameWay === 2;
    });
    expect((await run('operations', 'show', result.operation.id)).stdout).toMatch(/\n +failed +2\n/);
  });

  it('with --detach returns at once and says how to look at it and how to stop it', async () => {
    await withHandled(3);
    const { status, stdout } = await run(...replay, '--detach');
    const id = (await latest())?.id;
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: `Operation ${id} is started with 3 events.\nLook at it: npx nestjs-integration operations show ${id} --watch\nStop it:    npx nestjs-integration operations cancel ${id}\n`,
    });
  });

  it('at once puts a range back into the cursor, with no process and no operation', async () => {
    await withHandled(3);
    await app.close();
    expect(await runJson(...replay, '--at-once')).toEqual({
      status: 0,
      result: { replay: { from: 1, to: 3, positions: 3 } },
    });
    expect(await unread()).toBe('{[1,)}');
    expect(await allOperations()).toEqual([]);
    app = await start();
    await until('all are handled again', async () => handled.length === 6);
  });
});

describe('a replay that nobody sends', () => {
  it('says that no process runs the consumer, instead of waiting, and the next one does', async () => {
    await withHandled(3);
    await app.close();
    // It runs consumers, and not this one.
    app = await start('shipping');
    await until('it is there', async () => {
      const { processes } = (await runJson('processes', 'list')).result;
      return processes.some(
        ({ handles, alive }: { handles: string[]; alive: boolean }) => alive && handles.includes('shipping'),
      );
    });
    const { status, stdout } = await run(...replay);
    expect(status).toBe(1);
    expect(stdout).toContain(
      'No process runs consumer "billing" at the moment, so nothing takes the operation up. The next one that starts does. So far: 0 events sent',
    );
    expect(stdout).toContain('npx nestjs-integration operations cancel');
    expect(await latest()).toMatchObject({ state: 'running', changed: 0 });
    await app.close();
    handled = [];
    app = await start();
    await until('it is done', async () => (await latest())?.state === 'done');
    await until('all are handled again', async () => handled.length === 3);
  });

  it('says that the consumer is paused, and goes on when it is resumed', async () => {
    await withHandled(3);
    await pauseAndWait(app.consumers, 'billing');
    const { status, result } = await runJson(...replay);
    expect({ status, left: result.left, replayed: result.replayed }).toEqual({
      status: 1,
      left: 'paused',
      replayed: 0,
    });
    const again = await run(...replay, '--detach');
    expect(again.stdout).toContain(
      'Consumer "billing" is paused. The operation waits until somebody resumes it.',
    );
    expect(again.stdout).toContain('Resume the consumer: npx nestjs-integration consumers resume billing\n');
    await run('operations', 'cancel', (await latest())?.id ?? '', '--yes');
    await app.consumers.resume('billing');
    await until('it is done', async () => (await allOperations())[1]?.state === 'done');
    await until('all are handled again', async () => handled.length === 6);
    expect(await latest()).toMatchObject({ state: 'cancelled', changed: 0 });
  });
});

describe('a replay under way', () => {
  it('goes on after a Ctrl-C in the command, which says so, and is cancelled by another one', async () => {
    await withHandled(FOR_A_MINUTE);
    const controller = new AbortController();
    const environment = { ...process.env, DATABASE_URL: database.url };
    const place = { folder: tmpdir(), environment, terminal: undefined, interruption: controller.signal };
    const running = runCommandIn(place, [...replay, '--rate', '1']);
    await begun();
    controller.abort();
    const { status, stdout } = await running;
    const operation = await latest();
    expect(operation?.state).toBe('running');
    expect(status).toBe(1);
    expect(stdout).toContain(`Operation ${operation?.id} goes on without this command. So far: `);
    expect(stdout).toContain(`npx nestjs-integration operations cancel ${operation?.id}`);
    expect((await run('consumers', 'list')).stdout).toMatch(
      new RegExp(
        `\nReplay for billing: \\d+ sent, at position \\d+ of 60 \\(operation ${operation?.id}\\)\n`,
      ),
    );
    const cancelled = await run('operations', 'cancel', operation?.id ?? '', '--by', 'ann', '--yes');
    expect(cancelled.stdout).toMatch(
      /is cancelled\. It has sent \d+ of 60 events again, and they are delivered\./,
    );
    expect(await latest()).toMatchObject({ state: 'cancelled', cancelledBy: 'ann' });
    expect(await latest()).toMatchObject({ id: operation?.id, finishedAt: expect.any(String) });
  });

  it('as a process of its own, is left by SIGINT with status 1, and goes on', async () => {
    await withHandled(FOR_A_MINUTE);
    const child = spawn(process.execPath, [MAIN, ...replay, '--rate', '1', '--json'], {
      env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines: string[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
    await begun();
    child.kill('SIGINT');
    const [status] = await once(child, 'close');
    expect(status).toBe(1);
    const result = JSON.parse(lines.join('\n'));
    expect(result).toMatchObject({ left: 'interrupted', operation: { kind: 'replay', state: 'running' } });
    expect((await latest())?.state).toBe('running');
    await run('operations', 'cancel', result.operation.id, '--yes');
  });

  it.each([
    [
      'somebody cancels it',
      () =>
        latest().then((operation) =>
          run('operations', 'cancel', operation?.id ?? '', '--by', 'bob', '--yes'),
        ),
      { state: 'cancelled', cancelledBy: 'bob' },
    ],
    [
      'its consumer is removed',
      () => run('consumers', 'remove', 'billing', '--force', '--yes'),
      { state: 'failed', error: 'The consumer was removed' },
    ],
  ])('ends with status 1 when %s', async (_, act, operation) => {
    await withHandled(FOR_A_MINUTE);
    const running = runJson(...replay, '--rate', '1');
    await begun();
    await act();
    expect(await running).toMatchObject({ status: 1, result: { operation } });
  });
});
