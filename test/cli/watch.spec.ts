import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { run } from '../../src/cli/run.js';
import type { Shell } from '../../src/cli/shell.js';
import { NonRetryableError, OperationService } from '../../src/index.js';
import { startApp } from '../support/app.js';
import { runCommand } from '../support/command.js';
import { COMMANDS } from '../support/commands.js';
import { Outage } from '../support/outage.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const MAIN = resolve('dist/bin/main.js');

/** A command that is running, and what it has written so far. */
interface Watch {
  output(): string;
  /** Presses Ctrl-C. */
  interrupt(): void;
  readonly ended: Promise<number>;
}

let database: TestDatabase;
const watches: Watch[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const watch of watches.splice(0)) {
    watch.interrupt();
    await watch.ended;
  }
  await database.drop();
});

function watch(
  words: string,
  { url = database.url, screen }: { url?: string; screen?: Shell['screen'] } = {},
): Watch {
  const controller = new AbortController();
  let output = '';
  const ended = run(words.split(' '), {
    folder: tmpdir(),
    environment: { ...process.env, DATABASE_URL: url },
    isFollowed: false,
    terminal: undefined,
    screen: screen ?? (() => undefined),
    interruptible: (work) => work(controller.signal),
    writeResult: (text) => {
      output += text;
    },
    writeRemark: (text) => {
      output += text;
    },
  });
  const started = { output: () => output, interrupt: () => controller.abort(), ended };
  watches.push(started);
  return started;
}

const untilHas = (watched: Watch, what: string | RegExp) =>
  until(`it shows ${what}`, async () => watched.output().search(what) >= 0);

const lines = (watched: Watch): Record<string, unknown>[] =>
  watched
    .output()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

describe('--watch', () => {
  it('is an option of every command that reads what operators look at', () => {
    const groups = [
      'status',
      'doctor',
      'problems',
      'flow',
      'changes',
      'heat',
      'consumers',
      'dead-letters',
      'operations',
      'events',
      'processes',
      'settings',
      'audit',
    ];
    // Two attempts that were made, and what a change would do, stay as they are.
    const once = ['events compare', 'settings preview'];
    const reading = COMMANDS.filter(
      ({ name, options = {} }) =>
        groups.includes(name.split(' ')[0] ?? '') && !('dry-run' in options) && !once.includes(name),
    );
    expect(reading.length).toBeGreaterThan(12);
    for (const { name, options } of reading)
      expect([name, options]).toEqual([name, expect.objectContaining({ watch: expect.anything() })]);
  });

  it('looks again and adds what it sees, until Ctrl-C, with status 0', async () => {
    const watched = watch('consumers list --watch=0.1');
    await untilHas(watched, 'No consumer is registered.');
    const app = await startApp(database, [
      { eventName: 'order.placed', consumerName: 'billing', handler: async () => {} },
    ]);
    await untilHas(watched, /\nbilling +0 /);
    await app.close();
    watched.interrupt();
    expect(await watched.ended).toBe(0);
    expect(watched.output()).toMatch(/^consumers list at \S+Z, every 0\.1 s until Ctrl-C\n\nNo consumer/);
  });

  it('writes one JSON object a line with --json', async () => {
    const watched = watch('status --watch=0.1 --json');
    await until('it has looked three times', async () => watched.output().split('\n').length > 3);
    watched.interrupt();
    expect(await watched.ended).toBe(0);
    for (const line of lines(watched))
      expect(line).toMatchObject({ at: expect.any(String), migrations: { state: 'current' }, consumers: [] });
  });

  it('draws over the look before on a terminal, and no more than it can show', async () => {
    for (let n = 0; n < 8; n++)
      await database.pool.query(
        `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread) VALUES ('consumer-number-${n}-whose-name-is-rather-long', '{order.*}', '{[1,)}')`,
      );
    const drawn = watch('status --watch=0.1', { screen: () => ({ rows: 6, columns: 60 }) });
    await until('it has looked twice', async () => drawn.output().split('\x1b[H').length > 2);
    drawn.interrupt();
    await drawn.ended;
    const [, first = ''] = drawn.output().split('\x1b[H');
    const shown = first.split('\x1b[K\n');
    // What is below the last line is cleared.
    expect(shown.pop()).toBe('\x1b[J');
    expect(shown).toHaveLength(5);
    expect(shown[4]).toMatch(/^… \d+ more lines: see them without --watch$/);
    for (const line of shown.slice(0, 4)) expect(line.length).toBeLessThanOrEqual(60);
  });

  it('says that the database is gone, and goes on when it is back', async () => {
    const outage = await Outage.of(database.url);
    try {
      const asText = watch('status --watch=0.1', { url: outage.url });
      const asJson = watch('status --watch=0.1 --json', { url: outage.url });
      await untilHas(asText, 'No consumer is registered.');
      await untilHas(asJson, '"current"');
      await outage.refuse();
      await untilHas(asText, 'The look has failed: cannot reach Postgres');
      await untilHas(asJson, /(INTEGRATION_DATABASE_UNREACHABLE[\s\S]*){4}/);
      await outage.end();
      await untilHas(asText, /The look has failed[\s\S]*No consumer is registered\./);
      await untilHas(asJson, /"error"[\s\S]*"current"/);
      for (const watched of [asText, asJson]) {
        watched.interrupt();
        expect(await watched.ended).toBe(0);
      }
      // The lines of a log would fill with it otherwise.
      const failures = asText.output().match(/The look has failed: .*/g) ?? [];
      expect(failures.filter((words, n) => words === failures[n - 1])).toEqual([]);
      expect(lines(asJson).find(({ error }) => error !== undefined)).toMatchObject({
        at: expect.any(String),
        error: { code: 'INTEGRATION_DATABASE_UNREACHABLE' },
      });
    } finally {
      await outage.close();
    }
  });

  it('fails if the first look does', async () => {
    const { status, stderr } = await runCommand(['status', '--watch'], {
      url: 'postgresql://nobody@127.0.0.1:1/nowhere',
    });
    expect([status, stderr]).toEqual([1, expect.stringContaining('cannot reach Postgres')]);
    const unknown = await runCommand(['consumers', 'show', 'nobody', '--watch'], database);
    expect([unknown.status, unknown.stderr]).toEqual([1, expect.stringContaining('There is no consumer')]);
  });

  it('does not wait for a look that is under way when somebody presses Ctrl-C', async () => {
    const watched = watch('dead-letters list --watch=0.1');
    await untilHas(watched, 'No dead letters.');
    const holder = await database.pool.connect();
    try {
      await holder.query('BEGIN; LOCK TABLE integration.integration_migration IN ACCESS EXCLUSIVE MODE');
      const isWaiting = async () => {
        const { rows } = await database.pool.query(
          `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return rows.length > 0;
      };
      await until('a look waits', isWaiting);
      watched.interrupt();
      expect(await watched.ended).toBe(0);
      expect(await isWaiting()).toBe(true);
    } finally {
      await holder.query('ROLLBACK');
      holder.release();
    }
  });

  it('of an operation ends by itself when the outcome of its events is known', async () => {
    let broken = true;
    const app = await startApp(database, [
      {
        eventName: 'order.placed',
        consumerName: 'billing',
        handler: async () => {
          if (broken) throw new NonRetryableError('down');
        },
      },
    ]);
    try {
      for (const id of ['a', 'b']) await app.api.publishEvent('order.placed', 'test', 'order', id, {});
      await until('both are dead', async () => {
        const { rows } = await database.pool.query(
          `SELECT 1 FROM integration.inbox_event WHERE status = 'dead_letter'`,
        );
        return rows.length === 2;
      });
      const operations = app.context.get(OperationService);
      const { id } = await operations.plan({ kind: 'redrive', filter: { consumerName: 'billing' } });
      const watched = watch(`operations show ${id} --watch=0.1 --json`);
      await untilHas(watched, '"planned"');
      broken = false;
      await operations.run(id);
      expect(await watched.ended).toBe(0);
      expect(lines(watched).at(-1)).toMatchObject({
        operation: { state: 'done' },
        verdict: { succeeded: 2 },
      });
    } finally {
      await app.close();
    }
  });

  it.each([['none'], ['0'], ['-1'], ['Infinity'], ['']])('refuses "%s" seconds', async (seconds) => {
    const { status, stderr } = await runCommand(['status', `--watch=${seconds}`], database);
    expect([status, stderr]).toEqual([2, expect.stringContaining('--watch must be a number of seconds')]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'is ended by %s as a process of its own, with status 0',
    async (signal) => {
      const child = spawn(process.execPath, [MAIN, 'status', '--watch', '--json'], {
        env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [line] = await once(createInterface({ input: child.stdout }), 'line');
      expect(JSON.parse(line)).toMatchObject({ migrations: { state: 'current' } });
      child.kill(signal);
      expect(await once(child, 'close')).toEqual([0, null]);
    },
  );

  it.each([['stdout'], ['stderr']] as const)('ends when nobody reads its %s any more', async (closed) => {
    const child = spawn(process.execPath, [MAIN, 'status', '--watch=0.1', '--json'], {
      env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = once(child, 'close');
    await once(createInterface({ input: child.stdout }), 'line');
    child[closed].destroy();
    // A watch writes to its standard error only if it fails.
    if (closed === 'stderr') child.stdout.destroy();
    else child.stderr.resume();
    expect(await ended).toEqual([0, null]);
  });
});
