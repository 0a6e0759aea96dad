import type { RelayOutcome } from './relay-message.js';

export const COUNTED = ['accepted', 'refused', 'duplicates', 'unaccepted'] as const;

/** How many messages of a call came to which end. A duplicate was accepted as well. */
export type RelayCounts = Readonly<Record<(typeof COUNTED)[number], number>>;

export function countsOf(outcomes: readonly RelayOutcome[]): RelayCounts {
  const counts = { accepted: 0, refused: 0, duplicates: 0, unaccepted: 0 };
  for (const outcome of outcomes) {
    counts[outcome.is === 'unavailable' ? 'unaccepted' : outcome.is]++;
    if (outcome.is === 'accepted' && outcome.isDuplicate === true) counts.duplicates++;
  }
  return counts;
}
