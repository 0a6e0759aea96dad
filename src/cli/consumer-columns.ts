import type { CursorStatus } from '../consumers/cursor-status.store.js';

/**
 * The events that a consumer has still to handle; where there are many, the positions that it has not
 * settled.
 */
export function pendingText({ pendingEvents, pendingPositions }: CursorStatus): string {
  return pendingEvents === null ? `${pendingPositions} positions` : String(pendingEvents);
}

/** Which process works on it, and since when it was not seen where its connection is gone. */
export function ownerText({ owner, ownerNotSeenSince }: CursorStatus): string {
  if (owner === null) return '-';
  const name = owner.host === null ? owner.id : `${owner.host}:${owner.pid}`;
  return ownerNotSeenSince === null ? name : `${name} (not seen since ${ownerNotSeenSince.toISOString()})`;
}

/** Whether processes may work on it. */
export function servingText({
  paused,
  unservedSince,
}: Pick<CursorStatus, 'paused' | 'unservedSince'>): string {
  if (paused) return 'paused';
  return unservedSince === null ? 'active' : 'unserved';
}
