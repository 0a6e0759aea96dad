import { runJest, type TestResult } from './jest-run.js';
import { PatchedPackage } from './patched-package.js';
import type { SpecMutant } from './spec-mutants.js';

/** What the tests need of the package. */
const PARTS = ['src', 'test', 'dist', 'prisma', 'proof/harness', 'jest.config.ts', 'tsconfig.json'];

export interface SpecVerdict {
  readonly name: string;
  /** The test that failed with the mutant, and passes without it; undefined: not caught. */
  readonly caughtBy: string | undefined;
  /** What that test says, or why there is no such test. */
  readonly because: string;
}

/**
 * Takes each wrong turn in a copy of the source and runs the one test that is to fail then. The same tests are run without any
 * of them first: one that fails anyhow catches nothing.
 */
export async function runSpecMutants(mutants: readonly SpecMutant[]): Promise<SpecVerdict[]> {
  if (mutants.length === 0) return [];
  const copy = await PatchedPackage.copy(PARTS);
  try {
    const sound = await runJest(
      copy.folder,
      [...new Set(mutants.map(({ spec }) => spec))],
      mutants.map(({ test }) => test),
    );
    const verdicts: SpecVerdict[] = [];
    for (const { name, patches, spec, test } of mutants) {
      const mutated = await copy.with(patches, () => runJest(copy.folder, [spec], [test]));
      const failed = mutated.results.find(({ fullName, passed }) => fullName.includes(test) && !passed);
      const caught = holds(sound.results, test) && failed !== undefined;
      verdicts.push({
        name,
        caughtBy: caught ? `${spec}: ${test}` : undefined,
        because: caught ? failed.message : whyNot(holds(sound.results, test), mutated.hasEnded),
      });
    }
    return verdicts;
  } finally {
    await copy.remove();
  }
}

function whyNot(isSound: boolean, hasEnded: boolean): string {
  if (!isSound) return 'that test does not pass without it either, or did not run';
  return hasEnded ? 'that test passes with it' : 'the run was stopped before that test had ended';
}

function holds(results: readonly TestResult[], test: string): boolean {
  const own = results.filter(({ fullName }) => fullName.includes(test));
  return own.length > 0 && own.every(({ passed }) => passed);
}
