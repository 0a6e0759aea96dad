import { type ExecFileOptions, execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LINES_FILE, type ResultLine } from './result-lines.js';

const REPORTER = join(import.meta.dirname, 'result-lines.js');
const GIVES_UP_MS = 120_000;
/** For each file of tests more; two of them run side by side. */
const MS_A_FILE = 30_000;
/** A broken rule often shows as something that is waited for in vain. */
const TEST_TIMEOUT_MS = 20_000;

export interface TestResult {
  readonly title: string;
  /** With the titles of the groups around it. */
  readonly fullName: string;
  readonly passed: boolean;
  /** What a failed one says. */
  readonly message: string;
}

/** What a run came to. */
export interface JestRun {
  /** Every test that has ended. */
  readonly results: readonly TestResult[];
  /** Whether the run came to its end by itself; else it was stopped, and tests may be absent. */
  readonly hasEnded: boolean;
}

/**
 * Runs tests of the package in `folder`: those whose full title matches. Tests that did not run are absent.
 * A run is stopped when its time is up.
 */
export async function runJest(
  folder: string,
  files: readonly string[],
  titles: readonly string[] = [],
): Promise<JestRun> {
  const own = await mkdtemp(join(tmpdir(), 'nestjs-integration-jest-'));
  const lines = join(own, 'results.jsonl');
  const args = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(folder, 'node_modules/jest/bin/jest.js'),
    ...files,
    ...(titles.length === 0 ? [] : ['-t', titles.map(escaped).join('|')]),
    `--testTimeout=${TEST_TIMEOUT_MS}`,
    '--forceExit',
    `--reporters=${REPORTER}`,
  ];
  try {
    await writeFile(lines, '');
    await run(args, {
      cwd: folder,
      env: { ...process.env, [LINES_FILE]: lines, TEST_DIST: 'as-it-is' },
      timeout: GIVES_UP_MS + files.length * MS_A_FILE,
      maxBuffer: 64 * 1024 * 1024,
    });
    return readLines(await readFile(lines, 'utf8'));
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

function run(args: readonly string[], options: ExecFileOptions): Promise<void> {
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, () => resolve());
  });
}

function readLines(text: string): JestRun {
  const lines = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ResultLine);
  const results = lines.flatMap((line) =>
    'isEnd' in line || (line.status !== 'passed' && line.status !== 'failed')
      ? []
      : [
          {
            title: line.title,
            fullName: line.fullName,
            passed: line.status === 'passed',
            message: line.failureMessages.join('\n'),
          },
        ],
  );
  return { results, hasEnded: lines.some((line) => 'isEnd' in line) };
}

function escaped(title: string): string {
  return title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
