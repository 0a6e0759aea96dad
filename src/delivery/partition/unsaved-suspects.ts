import type { SaveReport } from '../../inbox/flush-writer.js';
import type { Delivery } from './delivery.js';
import type { EnteredEventsOf } from './entered-events.js';

/** The events that have become suspects or dead letters, while no save has written this yet. */
export class UnsavedSuspects {
  private readonly waiting = new Map<Delivery, 'suspect' | 'dead'>();

  constructor(private readonly entered: EnteredEventsOf) {}

  get isEmpty(): boolean {
    return this.waiting.size === 0;
  }

  /** Records an event that a later save will write. */
  note(delivery: Delivery, becomes: 'suspect' | 'dead'): void {
    this.waiting.set(delivery, becomes);
  }

  /**
   * Called when a save is committed. A dead letter is forgotten when it is saved. If it is redriven, it is
   * treated like any other event.
   */
  saved({ positions, resolved }: SaveReport): void {
    if (this.waiting.size === 0) return;
    const rows = new Set(resolved.map(({ inboxEventId }) => inboxEventId));
    for (const [delivery, becomes] of this.waiting) {
      const { claim, log } = delivery;
      const isSaved = claim === undefined ? positions.has(log.position) : rows.has(claim.inboxEventId);
      if (!isSaved) continue;
      this.waiting.delete(delivery);
      if (becomes === 'dead') this.entered.forget(log.id);
    }
  }
}
