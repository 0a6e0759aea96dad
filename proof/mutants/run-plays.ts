import { runJest } from './jest-run.js';
import { PACKAGE } from './patched-package.js';

/** Each test takes one rule out of the source and expects the harm. */
const PLAYS = 'test/cursor-plays.spec.ts';

export interface Play {
  readonly name: string;
  readonly caught: boolean;
}

/** The mutants of the log's reader that are played step by step on a real database, by the test that applies them. */
export async function runPlays(): Promise<Play[]> {
  const { results, hasEnded } = await runJest(PACKAGE, [PLAYS]);
  if (!hasEnded || results.length === 0) throw new Error(`${PLAYS} did not run to its end`);
  return results
    .filter(({ title }) => title.startsWith('because ') || title.includes('CACHE'))
    .map(({ title, passed }) => ({ name: title.replace(/^because /, 'without: '), caught: passed }));
}
