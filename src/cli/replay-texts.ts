import type { Operation } from '../changes/operations/operation.js';

/**
 * Why nothing works an operation off. `nobody`: there is no process that would. `paused`: it is a replay, and
 * its consumer is paused.
 */
export type Hindrance = 'nobody' | 'paused';

export function hindranceText(
  { kind, filter: { consumerName = '' } }: Operation,
  hindrance: Hindrance,
): string {
  if (hindrance === 'paused')
    return `Consumer "${consumerName}" is paused. The operation waits until somebody resumes it.`;
  const what = kind === 'replay' ? `consumer "${consumerName}"` : 'consumers';
  return `No process runs ${what} at the moment, so nothing takes the operation up. The next one that starts does.`;
}

/** Why nothing may have happened for a while. */
export const SILENCE = {
  replay:
    'The replays of a consumer are sent one after the other, and nothing is sent while a thousand of its events are due.',
  others: 'Operations are worked off one after the other, and only by processes whose role may change them.',
};

/** How far a replay has looked: `, at position 120 of 900`. */
export function placeText({ nextPosition, toPosition }: Operation): string {
  if (nextPosition === null || toPosition === null) return '';
  return `, at position ${Math.min(nextPosition, toPosition)} of ${toPosition}`;
}
