import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { packageFolder } from '../database/migrations/package-folder.js';

/** The database and the server for the tests of a run. */
export interface PostgresOfRun {
  /** A database with the integration tables, which are empty at first. */
  readonly databaseUrl: string;
  /** The server, for `createIntegrationTestDatabase`. */
  readonly serverUrl: string;
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
  const { databaseUrl, serverUrl } = JSON.parse(line) as Omit<PostgresOfRun, 'stop'>;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  letRunnerEnd(child);
  return {
    databaseUrl,
    serverUrl,
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

/** Puts the URLs into the environment, which the runner's workers inherit. */
export async function setUpRun(): Promise<PostgresOfRun> {
  const run = await startPostgresOfRun();
  process.env.DATABASE_URL = run.databaseUrl;
  process.env.TEST_DATABASE_URL = run.serverUrl;
  return run;
}
