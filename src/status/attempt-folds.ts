import type { FailedAttempt } from '../inbox/failed-attempt.js';
import { countedText } from '../words/number-text.js';

/** Attempts that follow each other and failed in the same way. */
export interface AttemptFold {
  /** The places of the first and of the last one in the history, of which the oldest is 1. */
  first: number;
  last: number;
  /** `Attempts 1–5: the same` */
  sentence: string;
}

/**
 * Attempts as few lines: those that follow each other and are of one kind are one. Their stacks are not
 * compared, because the frames of the engine differ between a first attempt and one that is tried again.
 */
export function foldsOf(attempts: readonly FailedAttempt[]): AttemptFold[] {
  const runs: FailedAttempt[][] = [];
  for (const attempt of attempts) {
    const [last] = runs.at(-1) ?? [];
    if (last?.fingerprint === attempt.fingerprint) runs.at(-1)?.push(attempt);
    else runs.push([attempt]);
  }
  let first = 1;
  return runs.map((run) => {
    const fold = { first, last: first + run.length - 1, sentence: foldSentence(run) };
    first += run.length;
    return fold;
  });
}

/** How many lines of an attempt are kept. Null if its logger wrote nothing, or if lines are not kept. */
export function linesSentence({
  lines,
  linesLeftOut,
}: Pick<FailedAttempt, 'lines' | 'linesLeftOut'>): string | null {
  if (lines.length === 0 && linesLeftOut === 0) return null;
  if (linesLeftOut === 0) return `${countedText(lines.length, 'line')} of its logger`;
  return `${lines.length} of the ${countedText(lines.length + linesLeftOut, 'line')} of its logger`;
}

/** The lines of an attempt as one text. Times are left out: they always differ. */
export function textsOf({ lines }: Pick<FailedAttempt, 'lines'>): string[] {
  return lines.map(({ level, text }) => `${level} ${text}`);
}

/** A redrive begins to count anew. Then the numbers would say nothing, so it says how many there were. */
function foldSentence(run: readonly FailedAttempt[]): string {
  const [first, ...others] = run;
  if (first === undefined || others.length === 0) return `Attempt ${first?.attempt}`;
  const isInOrder = others.every(({ attempt }, index) => attempt === first.attempt + index + 1);
  const which = isInOrder
    ? `Attempts ${first.attempt}–${first.attempt + others.length}`
    : `${run.length} attempts`;
  if (others.some(({ error }) => error !== first.error)) return `${which}: the same kind of error`;
  const lines = textsOf(first).join('\n');
  const wroteAlike = others.every((each) => textsOf(each).join('\n') === lines);
  return wroteAlike ? `${which}: the same` : `${which}: the same error, with other lines`;
}
