import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageFolder } from '../database/migrations/package-folder.js';

/** The database and the server for the tests of a run. */
export interface PostgresOfRun {
  /** A database with the integration tables, which are empty at first. */
  readonly databaseUrl: string;
  /** The server, for `createIntegrationTestDatabase`. */
  readonly serverUrl: string;
  /** A folder of this run, in which workers note that their databases are there. */
  readonly folder: string;
  /** Resolves when the database is gone, and the server too if it was started. */
  stop(): Promise<void>;
}

/** The time in which the server must have started and the tables must exist. */
const START_WITHIN_MS = 120_000;

/**
 * Starts a process that has the server. It does not keep the test runner from ending. It ends when the runner
 * ends, for whatever reason, because the pipe between them closes. A process is needed because a runner of
 * CommonJS cannot load the server's package.
 */
export async function startPostgresOfRun(): Promise<PostgresOfRun> {
  const folder = packageFolder();
  if (folder === undefined)
    throw new Error('nestjs-integration is not installed here: a bundled copy cannot start its server');
  const program = join(folder, 'dist', 'testing', 'postgres-process.js');
  const child = spawn(process.execPath, [program], {
    // A runner may have replaced `process.env`.
    env: process.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    // The process has a group of its own, because Ctrl-C in a terminal is meant for the runner.
    detached: true,
    windowsHide: true,
  });
  const line = await firstLineOf(child);
  const { databaseUrl, serverUrl, folder: ofRun } = JSON.parse(line) as Omit<PostgresOfRun, 'stop'>;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  letRunnerEnd(child);
  return {
    databaseUrl,
    serverUrl,
    folder: ofRun,
    stop: async () => {
      child.ref();
      child.stdin?.end();
      await ended;
    },
  };
}

function firstLineOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    let errors = '';
    const timer = setTimeout(
      () => fail(`it did not start within ${START_WITHIN_MS / 1000} s`),
      START_WITHIN_MS,
    );
    const fail = (reason: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`The Postgres for this run could not be made: ${reason}`));
    };
    child.stderr?.on('data', (chunk) => {
      errors += String(chunk);
    });
    child.stdout?.on('data', (chunk) => {
      output += String(chunk);
      if (!output.includes('\n')) return;
      clearTimeout(timer);
      resolve(output.slice(0, output.indexOf('\n')));
    });
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(errors.trim() || `its process ended with status ${code}`));
  });
}

function letRunnerEnd(child: ChildProcess): void {
  child.unref();
  for (const stream of [child.stdin, child.stdout, child.stderr]) {
    (stream as unknown as { unref?(): void } | null)?.unref?.();
    // The runner may end first.
    stream?.on('error', () => {});
  }
}

/**
 * Puts the URLs into the environment, which the runner's workers inherit, and lets each worker use a database
 * of its own.
 */
export async function setUpRun(setupFiles: unknown): Promise<PostgresOfRun> {
  const run = await startPostgresOfRun();
  process.env.DATABASE_URL = run.databaseUrl;
  process.env.TEST_DATABASE_URL = run.serverUrl;
  process.env.NESTJS_INTEGRATION_TEST_DATABASE_URL = run.databaseUrl;
  process.env.NESTJS_INTEGRATION_TEST_SERVER_URL = run.serverUrl;
  process.env.NESTJS_INTEGRATION_TEST_RUN = run.folder;
  if (!runFirst(setupFiles)) process.stderr.write(`${ALL_IN_ONE}\n`);
  return run;
}

const WORKER_SETUP = 'worker-database.cjs';
const ALL_IN_ONE =
  'nestjs-integration: the runner does not let its setup add a setup file, so all test files share DATABASE_URL. Add "nestjs-integration/testing/worker-database" to setupFiles, and each worker has a database of its own.';

/**
 * Puts the setup of the workers in front of the setup files of the runner. Jest and Vitest hand their
 * configuration to the global setup, and to the workers only afterwards. A global setup that is called
 * without it, by one of the application's own, leaves that to the application.
 */
function runFirst(setupFiles: unknown): boolean {
  if (setupFiles === undefined) return true;
  const file = join(packageFolder() ?? '', 'dist', 'testing', WORKER_SETUP);
  if (!Array.isArray(setupFiles) || Object.isFrozen(setupFiles)) return false;
  if (!setupFiles.some((each) => String(each).endsWith(WORKER_SETUP))) setupFiles.unshift(file);
  return true;
}
