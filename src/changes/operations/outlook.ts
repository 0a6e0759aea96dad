import { wholeText } from '../../words/number-text.js';
import type { Operation, OperationVerdict } from './operation.js';

/** What an operation has come to, in a sentence, and how long it still takes. */
export interface OperationOutlook {
  /** Null for a discard and for a kind without words, and as long as nothing was sent. */
  readonly sentence: string | null;
  /** About how many seconds until all is sent. Null if it does not run, or if nobody can tell. */
  readonly secondsLeft: number | null;
}

/** How operations of one kind say what became of what they have sent. */
export interface OutcomeWords {
  /** What became of one that did not fail, in one word. */
  readonly succeeded: string;
  /** The operation is done, and none has failed. */
  readonly all: string;
  /** Some have failed. */
  failed(verdict: OperationVerdict): string;
}

export const WORDS_OF_REDRIVE: OutcomeWords = {
  succeeded: 'handled',
  all: 'All of them were handled. Whatever was broken is mended.',
  failed: ({ failedTheSameWay }) =>
    failedTheSameWay > 0
      ? 'Some have failed in the same way as before. Whatever was broken is still broken.'
      : 'Some have failed in another way than before.',
};

export const WORDS_OF_REPLAY: OutcomeWords = {
  succeeded: 'handled',
  all: 'All of them were handled again.',
  failed: (verdict) => `The consumer could not handle ${failedOf(verdict)} of these events.`,
};

const NO_ROWS_LEFT = 'Nothing is known any more about what was sent: its rows are deleted.';

/** REST, commands and page say what this says. */
export function outlookOf(
  operation: Operation,
  verdict: OperationVerdict,
  words: OutcomeWords | undefined,
  now = new Date(),
): OperationOutlook {
  const sentence = words === undefined ? null : sentenceOf(operation, verdict, words);
  return { sentence, secondsLeft: secondsLeftOf(operation, now) };
}

function sentenceOf(
  { state, changed }: Operation,
  verdict: OperationVerdict,
  words: OutcomeWords,
): string | null {
  if (changed === 0) return null;
  const { pending, succeeded } = verdict;
  const failed = failedOf(verdict);
  if (succeeded + failed + pending === 0) return NO_ROWS_LEFT;
  if (pending > 0) return 'Some of them are still on their way.';
  // Of one that has not come to its end, nothing is known about the rest.
  if (failed === 0 && (state === 'running' || state === 'paused'))
    return `All ${wholeText(changed)} that were sent so far were ${words.succeeded}.`;
  if (failed === 0 && state !== 'done')
    return changed === 1
      ? `The one event that was sent was ${words.succeeded}. The rest was not sent.`
      : `All ${wholeText(changed)} events that were sent were ${words.succeeded}. The rest was not sent.`;
  return failed === 0 ? words.all : words.failed(verdict);
}

function failedOf({ failedTheSameWay, failedOtherwise }: OperationVerdict): number {
  return failedTheSameWay + failedOtherwise;
}

/** By its rate, and without one by how fast it was so far. */
function secondsLeftOf(operation: Operation, now: Date): number | null {
  const { state, changed, plannedEvents, plannedAtLeast, maxEvents, rate, startedAt } = operation;
  if (state !== 'running' || startedAt === null || plannedAtLeast) return null;
  const left = Math.max(0, Math.min(maxEvents ?? plannedEvents, plannedEvents) - changed);
  const passed = (now.getTime() - startedAt.getTime()) / 1_000;
  const pace = rate ?? (passed > 0 ? changed / passed : 0);
  return pace > 0 ? Math.ceil(left / pace) : null;
}
