import type { FailedAttempt } from '../inbox/failed-attempt.js';
import { textsOf } from './attempt-folds.js';

/** A line of a text that both attempts have, or only one of them. */
export interface ComparedLine {
  in: 'both' | 'first' | 'second';
  text: string;
}

/** A part of two attempts beside each other. */
export interface ComparedPart {
  name: string;
  differs: boolean;
  lines: ComparedLine[];
}

export interface ComparedAttempts {
  /** What differs, in words. */
  sentence: string;
  parts: ComparedPart[];
}

const LINES = 'Lines of the logger';
const THE_SAME = 'the same error';

/** Two attempts of one event at one consumer, part by part. */
export function compared(first: FailedAttempt, second: FailedAttempt): ComparedAttempts {
  const part = (name: string, textOf: (attempt: FailedAttempt) => readonly string[]): ComparedPart => {
    const lines = comparedLines(textOf(first), textOf(second));
    return { name, differs: lines.some((line) => line.in !== 'both'), lines };
  };
  const parts = [
    part('Error', ({ error }) => error.split('\n')),
    part('Stack', ({ stack }) => stack?.split('\n') ?? []),
    part(LINES, textsOf),
    part('Process', ({ host, pid, process }) => [
      host === null ? (process ?? 'not known') : `${host}, pid ${pid}`,
    ]),
    part('Duration', ({ ms }) => [ms === null ? 'not known' : `${Math.round(ms)} ms`]),
  ];
  return { sentence: sentenceOf(first, second, parts), parts };
}

function sentenceOf(first: FailedAttempt, second: FailedAttempt, parts: readonly ComparedPart[]): string {
  const which =
    first.attempt === second.attempt
      ? `Attempts ${first.attempt} of ${first.at} and ${second.at}`
      : `Attempts ${first.attempt} and ${second.attempt}`;
  const how = howTheyFailed(first, second);
  const wroteOthers = parts.some(({ name, differs }) => differs && name === LINES);
  if (wroteOthers) return `${which} failed by ${how}, and wrote other lines.`;
  return how === THE_SAME ? `${which} failed in the same way.` : `${which} failed by ${how}.`;
}

/**
 * Errors of one kind have the same place in the code of the application. Frames of the engine do not count.
 */
function howTheyFailed(first: FailedAttempt, second: FailedAttempt): string {
  const isOneKind = first.fingerprint === second.fingerprint;
  if (first.error === second.error)
    return isOneKind ? THE_SAME : `${THE_SAME}, from another place of the code`;
  return isOneKind ? 'errors of one kind' : 'different errors';
}

/** The lines of both in one order: as few as possible are in one of them only. */
function comparedLines(first: readonly string[], second: readonly string[]): ComparedLine[] {
  // common[i][j] is how many lines the rests behind i and j have in common at most.
  const common = Array.from({ length: first.length + 1 }, () => new Array<number>(second.length + 1).fill(0));
  const at = (i: number, j: number) => common[i]?.[j] ?? 0;
  for (let i = first.length - 1; i >= 0; i--) {
    const row = common[i] ?? [];
    for (let j = second.length - 1; j >= 0; j--)
      row[j] = first[i] === second[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const lines: ComparedLine[] = [];
  for (let i = 0, j = 0; i < first.length || j < second.length; ) {
    const [one, other] = [first[i], second[j]];
    if (one !== undefined && one === other) {
      lines.push({ in: 'both', text: one });
      i++;
      j++;
    } else if (one !== undefined && (other === undefined || at(i + 1, j) >= at(i, j + 1))) {
      lines.push({ in: 'first', text: one });
      i++;
    } else {
      lines.push({ in: 'second', text: other ?? '' });
      j++;
    }
  }
  return lines;
}
