import { wholeText } from '../../words/number-text.js';
import type { Operation, OperationVerdict } from './operation.js';

/** What an operation has come to, in a sentence, and how long it still takes. */
export interface OperationOutlook {
  /** Null for a discard, and as long as nothing was sent. */
  readonly sentence: string | null;
  /** About how many seconds until all is sent. Null if it does not run, or if nobody can tell. */
  readonly secondsLeft: number | null;
}

/**
 * Operations of these kinds leave rows in the inbox. Those of a part may leave none, so nothing is counted.
 */
const HAS_ROWS: ReadonlySet<string> = new Set(['redrive', 'replay']);
const NO_ROWS_LEFT = 'Nothing is known any more about what was sent: its rows are deleted.';

/** REST, commands and page say what this says. */
export function outlookOf(
  operation: Operation,
  verdict: OperationVerdict,
  now = new Date(),
): OperationOutlook {
  return { sentence: sentenceOf(operation, verdict), secondsLeft: secondsLeftOf(operation, now) };
}

function sentenceOf({ kind, state, changed }: Operation, verdict: OperationVerdict): string | null {
  const { failedTheSameWay, failedOtherwise, pending, succeeded } = verdict;
  if (kind === 'discard' || changed === 0) return null;
  const failed = failedTheSameWay + failedOtherwise;
  if (succeeded + failed + pending === 0) return HAS_ROWS.has(kind) ? NO_ROWS_LEFT : null;
  if (pending > 0) return 'Some of them are still on their way.';
  // Of one that has not come to its end, nothing is known about the rest.
  if (failed === 0 && (state === 'running' || state === 'paused'))
    return `All ${wholeText(changed)} that were sent so far were handled.`;
  if (failed === 0 && state !== 'done')
    return changed === 1
      ? 'The one event that was sent was handled. The rest was not sent.'
      : `All ${wholeText(changed)} events that were sent were handled. The rest was not sent.`;
  if (failed === 0)
    return kind === 'replay'
      ? 'All of them were handled again.'
      : 'All of them were handled. Whatever was broken is mended.';
  if (kind === 'replay') return `The consumer could not handle ${failed} of these events.`;
  return failedTheSameWay > 0
    ? 'Some have failed in the same way as before. Whatever was broken is still broken.'
    : 'Some have failed in another way than before.';
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
