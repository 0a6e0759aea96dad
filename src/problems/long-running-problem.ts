import type { LongRunning } from '../status/long-running.store.js';
import { wholeText } from '../words/number-text.js';
import { otherProblem } from './other-problem.js';
import type { Problem } from './problem.js';

/**
 * Attempts that run for long, as one problem: handlers that wait for one thing hang together. The longest of
 * them stands for the others.
 *
 * @param running one of each consumer, the longest first
 */
export function problemOfLongRunning(running: readonly LongRunning[]): Problem[] {
  const [longest, ...others] = running;
  if (longest === undefined) return [];
  const { sentence } = longest;
  return [
    otherProblem({
      key: 'long-running/',
      kind: 'long-running',
      severity: 'warning',
      says:
        others.length === 0
          ? sentence
          : `${wholeText(running.length)} consumers have run attempts for long, the longest: ${sentence}`,
      check: null,
      consumers: running.map(({ consumerName }) => consumerName).sort(),
      times: running.map(({ since }) => since),
    }),
  ];
}
