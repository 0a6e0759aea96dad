import { countText } from '../rates/counted.js';
import type { CursorStatus } from '../status/cursor-status.store.js';

/**
 * The number of events that a consumer has still to handle. If there are many, it is the number of positions
 * that it has not settled.
 */
export function pendingText({ pendingEvents, pendingPositions }: CursorStatus): string {
  return pendingEvents === null ? `${pendingPositions} positions` : String(pendingEvents);
}

/** The number of dead letters, of which not all may have been counted. */
export function deadLettersText({ deadLetters, deadLettersAtLeast }: CursorStatus): string {
  return countText({ count: deadLetters, atLeast: deadLettersAtLeast });
}

/** The process that works on the consumer. If its connection is gone, the text also says since when. */
export function ownerText({ owner, ownerNotSeenSince }: CursorStatus): string {
  if (owner === null) return '-';
  const name = owner.host === null ? owner.id : `${owner.host}:${owner.pid}`;
  return ownerNotSeenSince === null ? name : `${name} (not seen since ${ownerNotSeenSince.toISOString()})`;
}

/** Whether processes may work on the consumer. */
export function servingText({
  paused,
  unservedSince,
}: Pick<CursorStatus, 'paused' | 'unservedSince'>): string {
  if (paused) return 'paused';
  return unservedSince === null ? 'active' : 'unserved';
}
