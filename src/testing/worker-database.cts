/*
 * What a worker of Jest or Vitest runs before each test file. The two global setups put this file in front of
 * `setupFiles`. It sets DATABASE_URL to a database of this worker's own, so files that run side by side do
 * not meet: an application of one file would otherwise take over consumers of the other one.
 *
 * It is a module of CommonJS that does its work at once, because Jest neither compiles such a file nor waits
 * for one.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { NESTJS_INTEGRATION_TEST_RUN: run, JEST_WORKER_ID, VITEST_POOL_ID } = process.env;
if (run !== undefined) useOwnDatabase(run, VITEST_POOL_ID ?? JEST_WORKER_ID ?? '1');

function useOwnDatabase(folder: string, worker: string): void {
  const base = process.env.NESTJS_INTEGRATION_TEST_DATABASE_URL ?? '';
  const url = new URL(base);
  url.pathname += `_w${worker}`;
  // A worker has one number, and no other process has the same one at that time. So nobody else makes the
  // file.
  const made = join(folder, `w${worker}`);
  if (!existsSync(made)) {
    copyDatabase(url.href);
    writeFileSync(made, '');
  }
  process.env.DATABASE_URL = url.href;
}

function copyDatabase(url: string): void {
  try {
    execFileSync(process.execPath, [join(__dirname, 'copy-database.js')], {
      // The URL of a server may hold a password, so it is no argument, which other users of the machine can
      // read.
      input: url,
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
  } catch (error) {
    const { stderr, message } = error as { stderr?: unknown; message: string };
    throw new Error(
      `The database of this worker could not be made: ${String(stderr ?? '').trim() || message}`,
    );
  }
}
