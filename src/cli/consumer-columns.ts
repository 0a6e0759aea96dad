import type { CursorStatus } from '../consumers/cursor-status.store.js';

/** The events that a consumer has still to handle; where there are many, the positions that it has not settled. */
export function pendingText({ pendingEvents, pendingPositions }: CursorStatus): string {
  return pendingEvents === null ? `${pendingPositions} positions` : String(pendingEvents);
}

/** Which process works on it. */
export function ownerText({ owner }: Pick<CursorStatus, 'owner'>): string {
  if (owner === null) return '-';
  return owner.host === null ? owner.id : `${owner.host}:${owner.pid}`;
}
