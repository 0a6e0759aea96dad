import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = fileURLToPath(new URL('../../..', import.meta.url));
/** Each test takes one rule out of the source and expects the harm. */
const PLAYS = 'test/cursor-mutants.spec.ts';

export interface Play {
  readonly name: string;
  readonly caught: boolean;
}

/** The mutants of the log's reader that are played step by step on a real database, by the test that applies them. */
export async function runPlays(): Promise<Play[]> {
  const output = join(tmpdir(), `nestjs-integration-plays-${process.pid}.json`);
  const args = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(PACKAGE, 'node_modules/jest/bin/jest.js'),
    PLAYS,
    '--json',
    `--outputFile=${output}`,
  ];
  await new Promise<void>((resolve) => {
    execFile(process.execPath, args, { cwd: PACKAGE, maxBuffer: 64 * 1024 * 1024 }, () => resolve());
  });
  const results = JSON.parse(await readFile(output, 'utf8')) as {
    testResults: { assertionResults: { title: string; status: string }[] }[];
  };
  await rm(output, { force: true });
  return results.testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ title }) => title.startsWith('because ') || title.includes('CACHE'))
    .map(({ title, status }) => ({
      name: title.replace(/^because /, 'without: '),
      caught: status === 'passed',
    }));
}
