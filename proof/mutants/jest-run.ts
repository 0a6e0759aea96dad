import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const GIVES_UP_MS = 120_000;
/** For each file of tests more; two of them run side by side. */
const MS_A_FILE = 30_000;
/** A broken rule often shows as something that is waited for in vain. */
const TEST_TIMEOUT_MS = 20_000;

export interface TestResult {
  readonly title: string;
  readonly passed: boolean;
  /** What a failed one says. */
  readonly message: string;
}

/** Runs tests of the package in `folder`: those whose full title matches. Tests that did not run are absent. */
export async function runJest(
  folder: string,
  files: readonly string[],
  titles: readonly string[] = [],
): Promise<TestResult[]> {
  const own = await mkdtemp(join(tmpdir(), 'nestjs-integration-jest-'));
  const output = join(own, 'results.json');
  const args = [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(folder, 'node_modules/jest/bin/jest.js'),
    ...files,
    ...(titles.length === 0 ? [] : ['-t', titles.map(escaped).join('|')]),
    `--testTimeout=${TEST_TIMEOUT_MS}`,
    '--forceExit',
    '--json',
    `--outputFile=${output}`,
  ];
  try {
    await new Promise<void>((resolve) => {
      const options = {
        cwd: folder,
        timeout: GIVES_UP_MS + files.length * MS_A_FILE,
        maxBuffer: 64 * 1024 * 1024,
      };
      execFile(process.execPath, args, options, () => resolve());
    });
    const results = JSON.parse(await readFile(output, 'utf8')) as {
      testResults: { assertionResults: { title: string; status: string; failureMessages: string[] }[] }[];
    };
    return results.testResults
      .flatMap(({ assertionResults }) => assertionResults)
      .filter(({ status }) => status === 'passed' || status === 'failed')
      .map(({ title, status, failureMessages }) => ({
        title,
        passed: status === 'passed',
        message: failureMessages.join('\n'),
      }));
  } catch {
    return [];
  } finally {
    await rm(own, { recursive: true, force: true });
  }
}

function escaped(title: string): string {
  return title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
