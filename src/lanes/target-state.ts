import type { LockedTarget } from './lane-round.store.js';
import type { Outcome, TargetState } from './lane-work.js';

/** The longest pause between two probes of a target that fails, in milliseconds. */
const LONGEST_PROBE_PAUSE_MS = 300_000;

export interface PausedState extends TargetState {
  readonly notBefore: Date | null;
}

/**
 * How a target stands after these runs, in their order.
 *
 * A target that fails is probed: one item at a time, with a pause of its own between two of them. Without the
 * pause, each probe would take the next of many items that are due, and each would burn an attempt. The pause
 * is that of the item, and never so long that a target that works again waits for hours.
 */
export function afterRuns(
  before: LockedTarget,
  outcomes: readonly Outcome[],
  probeAfterFailures: number,
): PausedState {
  const now = before.now.getTime();
  let { failures, failingSince } = before;
  let pauseMs = 0;
  let offMs = 0;
  for (const outcome of outcomes) {
    if (outcome.is === 'done') {
      failures = 0;
      failingSince = null;
    } else if (outcome.is === 'target-off') {
      failingSince ??= before.now;
      offMs = Math.max(offMs, outcome.forMs);
    } else if (outcome.isFailure) {
      failures++;
      failingSince ??= before.now;
      pauseMs = Math.max(pauseMs, outcome.is === 'again' ? outcome.afterMs : LONGEST_PROBE_PAUSE_MS);
    }
  }
  const isProbed = failures >= probeAfterFailures;
  const probeMs = isProbed ? Math.min(pauseMs, LONGEST_PROBE_PAUSE_MS) : 0;
  // The pause of a probe ends with the failures. One that the target has asked for does not.
  const hasRecovered = before.failures >= probeAfterFailures && !isProbed;
  const earlier = hasRecovered ? 0 : (before.notBefore?.getTime() ?? 0);
  const until = Math.max(earlier, now + Math.max(probeMs, offMs));
  return { failures, failingSince, notBefore: until > now ? new Date(until) : null };
}
