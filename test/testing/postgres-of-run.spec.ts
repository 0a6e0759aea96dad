import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { until } from '../support/until.js';

const execute = promisify(execFile);
const DIST = join(import.meta.dirname, '../../dist/testing');
const runners: ChildProcess[] = [];

afterEach(() => {
  for (const runner of runners.splice(0)) runner.kill('SIGKILL');
});

interface Told {
  DATABASE_URL: string;
  TEST_DATABASE_URL: string;
  /** The environment of the workers that the runner would start. */
  env: NodeJS.ProcessEnv;
  setupFiles: string[];
}

/** A test runner of another process, at the moment its tests would begin. It ends by itself when its input says so. */
async function startRunner(
  setup: 'jest-global-setup' | 'vitest-global-setup',
  server: string | undefined,
): Promise<{ told: Told; end: () => Promise<number | null>; kill: () => Promise<unknown> }> {
  const program = `
    const { default: setUp } = await import(${JSON.stringify(pathToFileURL(join(DIST, `${setup}.js`)).href)});
    const setupFiles = ['/own-setup.js'];
    const config = { setupFiles };
    const tearDown = await (${JSON.stringify(setup)}.startsWith('jest') ? setUp({}, config) : setUp({ config }));
    const { DATABASE_URL, TEST_DATABASE_URL } = process.env;
    console.log(JSON.stringify({ DATABASE_URL, TEST_DATABASE_URL, env: process.env, setupFiles }));
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

/** The DATABASE_URL that a test file finds in this worker of the runner. */
async function databaseOfWorker({ env, setupFiles }: Told, worker: object): Promise<string> {
  const program = `require(${JSON.stringify(setupFiles[0])}); console.log(process.env.DATABASE_URL);`;
  const { stdout } = await execute(process.execPath, ['-e', program], { env: { ...env, ...worker } });
  return stdout.trim();
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

  it('gives each worker a database of its own, with what other setups have made, and takes all of them away', async () => {
    const { told, end } = await startRunner(setup, SERVER);
    expect(told.setupFiles.slice(1)).toEqual(['/own-setup.js']);
    const own = new pg.Client({ connectionString: told.DATABASE_URL });
    await own.connect();
    await own.query('CREATE TABLE integration.invoice ()');
    await own.end();
    const number = setup.startsWith('jest') ? 'JEST_WORKER_ID' : 'VITEST_POOL_ID';
    const workers = ['1', '2', '2'].map((id) => ({ [number]: id }));
    const urls: string[] = [];
    for (const worker of workers) urls.push(await databaseOfWorker(told, worker));
    expect(urls[1]).toBe(urls[2]);
    expect(new Set([told.DATABASE_URL, ...urls]).size).toBe(3);
    for (const url of urls) expect(await tablesAt(url)).toEqual(expect.arrayContaining(['invoice']));
    await end();
    for (const url of urls) await until('the database of a worker is gone', () => isGone(url));
  });

  it('takes it away as well when the runner is killed', async () => {
    const { told, kill } = await startRunner(setup, SERVER);
    await kill();
    await until('the database is gone', () => isGone(told.DATABASE_URL));
  });
});

it('says what keeps a database of a worker from being made', async () => {
  const { told, end } = await startRunner('jest-global-setup', SERVER);
  const open = new pg.Client({ connectionString: told.DATABASE_URL });
  open.on('error', () => {});
  await open.connect();
  await expect(databaseOfWorker(told, { JEST_WORKER_ID: '1' })).rejects.toThrow(
    /could not be made: .*still open.*Close what your own global setup has opened/s,
  );
  await open.end();
  await end();
});

describe('two test files of Jest that run at the same time', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'two-files-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('find databases of their own, with one line of configuration', async () => {
    // Each file waits until the other one has begun, so they run in two workers.
    const file = (own: string, other: string) => `
      const { existsSync, writeFileSync } = require('node:fs');
      test('it runs beside the other file', async () => {
        writeFileSync('${own}', process.env.DATABASE_URL);
        while (!existsSync('${other}')) await new Promise((resolve) => setTimeout(resolve, 20));
      }, 60_000);`;
    await writeFile(join(folder, 'a.test.cjs'), file('a.url', 'b.url'));
    await writeFile(join(folder, 'b.test.cjs'), file('b.url', 'a.url'));
    const config = {
      rootDir: folder,
      testMatch: ['**/*.test.cjs'],
      transform: {},
      globalSetup: join(DIST, 'jest-global-setup.js'),
    };
    await writeFile(join(folder, 'package.json'), JSON.stringify({ jest: config }));
    const jest = join(import.meta.dirname, '../../node_modules/jest/bin/jest.js');
    await execute(process.execPath, [jest, '-w', '2', '--watchman=false'], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: '', JEST_WORKER_ID: undefined },
    });
    const urls = await Promise.all(['a.url', 'b.url'].map((name) => readFile(join(folder, name), 'utf8')));
    expect(new Set(urls).size).toBe(2);
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
  const { startPostgresOfRun } = await import('../../src/testing/postgres-of-run.js');
  process.env.TEST_DATABASE_URL = 'postgresql://nobody@127.0.0.1:1/none';
  try {
    await expect(startPostgresOfRun()).rejects.toThrow(/could not be made: .*ECONNREFUSED/);
  } finally {
    process.env.TEST_DATABASE_URL = SERVER;
  }
});
