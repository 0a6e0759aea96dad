import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { EXTENSIONS } from '../../src/bin/extensions.js';
import type { Terminal } from '../../src/cli/confirmation.js';
import { run } from '../../src/cli/run.js';
import type { Shell } from '../../src/cli/shell.js';
import type { TestDatabase } from './test-database.js';

const MAIN = resolve('dist/bin/main.js');

export interface CommandOutcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Runs one command line of `nestjs-integration`, as in a folder without a `.env`. */
export function runCommand(
  words: readonly string[],
  database: Pick<TestDatabase, 'url'>,
  terminal?: Terminal,
): Promise<CommandOutcome> {
  const environment = { ...process.env, DATABASE_URL: database.url };
  return runCommandIn({ folder: tmpdir(), environment, terminal }, words);
}

export async function runCommandIn(
  place: Pick<Shell, 'folder' | 'environment' | 'terminal'> & {
    readonly interruption?: AbortSignal;
    /** Follows what is written beside the result, as a terminal does. */
    readonly onRemark?: (text: string) => void;
  },
  words: readonly string[],
): Promise<CommandOutcome> {
  const outcome: CommandOutcome = { status: null, stdout: '', stderr: '' };
  const shell: Shell = {
    ...place,
    isFollowed: place.onRemark !== undefined,
    screen: () => undefined,
    interruptible: (work) => work(place.interruption ?? new AbortController().signal),
    writeResult: (text) => {
      outcome.stdout += text;
    },
    writeRemark: (text) => {
      outcome.stderr += text;
      place.onRemark?.(text);
    },
  };
  outcome.status = await run(words, shell, EXTENSIONS);
  return outcome;
}

function optionsOver(database: TestDatabase) {
  return {
    cwd: tmpdir(),
    env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'],
  };
}

function outcomeOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<CommandOutcome> {
  const outcome: CommandOutcome = { status: null, stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    outcome.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    outcome.stderr += chunk;
  });
  return new Promise((done, fail) => {
    child.on('error', fail);
    child.on('close', (status) => done({ ...outcome, status }));
  });
}

/** Runs a command line as somebody pastes it into a shell. */
export function runShell(commandLine: string, database: TestDatabase): Promise<CommandOutcome> {
  const [, words = ''] = /^npx nestjs-integration (.*)$/s.exec(commandLine) ?? [];
  return outcomeOf(
    spawn(`"${process.execPath}" "${MAIN}" ${words}`, { ...optionsOver(database), shell: true }),
  );
}

/** The same with `--json`. */
export async function runJsonCommand(words: readonly string[], database: TestDatabase) {
  const { status, stdout } = await runCommand([...words, '--json'], database);
  return { status, result: JSON.parse(stdout) };
}
