import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { until } from './support/until.js';

const DIST = join(import.meta.dirname, '../dist/testing');
const runners: ChildProcess[] = [];

afterEach(() => {
  for (const runner of runners.splice(0)) runner.kill('SIGKILL');
});

interface Told {
  DATABASE_URL: string;
  TEST_DATABASE_URL: string;
}

/** A test runner of another process, at the moment its tests would begin. It ends by itself when its input says so. */
async function startRunner(
  setup: 'jest-global-setup' | 'vitest-global-setup',
  server: string | undefined,
): Promise<{ told: Told; end: () => Promise<number | null>; kill: () => Promise<unknown> }> {
  const program = `
    const { default: setUp } = await import(${JSON.stringify(pathToFileURL(join(DIST, `${setup}.js`)).href)});
    const tearDown = await setUp();
    const { DATABASE_URL, TEST_DATABASE_URL } = process.env;
    console.log(JSON.stringify({ DATABASE_URL, TEST_DATABASE_URL }));
    process.stdin.once('data', async () => {
      process.stdin.destroy();
      await tearDown?.();
    });`;
  const env = {
    ...process.env,
    TEST_DATABASE_URL: server,
    DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/dev',
  };
  const runner = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  runners.push(runner);
  const ended = new Promise<number | null>((resolve) => runner.once('exit', resolve));
  const line = await new Promise<string>((resolve, reject) => {
    runner.stdout?.once('data', (chunk) => resolve(String(chunk)));
    ended.then((status) => reject(new Error(`the runner ended with ${status}`)));
  });
  return {
    told: JSON.parse(line) as Told,
    end: () => {
      runner.stdin?.write('end\n');
      return ended;
    },
    kill: () => {
      runner.kill('SIGKILL');
      return ended;
    },
  };
}

async function tablesAt(url: string): Promise<string[]> {
  const client = new pg.Client({ connectionString: url });
  // The database may be taken away just now.
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT table_name FROM information_schema.tables WHERE table_schema = 'integration' ORDER BY 1`,
    );
    return rows.map(({ table_name }) => table_name);
  } finally {
    await client.end();
  }
}

async function isGone(url: string): Promise<boolean> {
  return tablesAt(url).then(
    () => false,
    () => true,
  );
}

const SERVER = process.env.TEST_DATABASE_URL;

describe.each(['jest-global-setup', 'vitest-global-setup'] as const)('%s', (setup) => {
  it('makes a migrated database on the server that it is given, and takes it away when the runner has ended', async () => {
    const { told, end } = await startRunner(setup, SERVER);
    expect(told.TEST_DATABASE_URL).toBe(SERVER);
    expect(await tablesAt(told.DATABASE_URL)).toEqual(
      expect.arrayContaining(['outbox_event', 'inbox_cursor']),
    );
    // It lets the runner end although nobody tells it to.
    expect(await end()).toBe(0);
    await until('the database is gone', () => isGone(told.DATABASE_URL));
  });

  it('takes it away as well when the runner is killed', async () => {
    const { told, kill } = await startRunner(setup, SERVER);
    await kill();
    await until('the database is gone', () => isGone(told.DATABASE_URL));
  });
});

it('starts a server of the run’s own, and stops it when the runner is killed', async () => {
  const { told, kill } = await startRunner('jest-global-setup', undefined);
  expect(new URL(told.DATABASE_URL).port).toBe(new URL(told.TEST_DATABASE_URL).port);
  expect(told.TEST_DATABASE_URL).not.toBe(SERVER);
  expect(await tablesAt(told.DATABASE_URL)).toContain('outbox_event');
  await kill();
  await until('the server is gone', () => isGone(told.TEST_DATABASE_URL));
});

it('says why where there can be none', async () => {
  const { startPostgresOfRun } = await import('../src/testing/postgres-of-run.js');
  process.env.TEST_DATABASE_URL = 'postgresql://nobody@127.0.0.1:1/none';
  try {
    await expect(startPostgresOfRun()).rejects.toThrow(/could not be made: .*ECONNREFUSED/);
  } finally {
    process.env.TEST_DATABASE_URL = SERVER;
  }
});
