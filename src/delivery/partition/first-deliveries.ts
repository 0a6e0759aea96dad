import type { ClaimedCursor } from '../../inbox/inbox-cursor.store.js';
import type { LogEvent } from '../../log/log-event.js';
import type { PositionSet } from '../../log/position-set.js';

/**
 * Tells the first delivery of an event at its consumer from later ones. Only the first one says how fast
 * events are delivered: a replay of last week would show a latency of a week. An event that is older than its
 * consumer says nothing about it either. Only memory knows what a replay has put back, so an owner that takes
 * over in the middle of a replay counts the rest of it.
 */
export class FirstDeliveries {
  private readonly registeredAt: number;
  /** The positions that a replay has put back. */
  private readonly again: PositionSet;

  constructor({ registeredAt, replayed }: Pick<ClaimedCursor, 'registeredAt' | 'replayed'>) {
    this.registeredAt = registeredAt;
    this.again = replayed.clone();
  }

  /** Called when a replay has put back more. */
  replayedAlso(positions: PositionSet): void {
    this.again.addAll(positions);
  }

  has({ position, createdAt }: LogEvent): boolean {
    return createdAt >= this.registeredAt && !this.again.has(position);
  }
}
