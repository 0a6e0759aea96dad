import type { SaveReport } from '../../inbox/flush-writer.js';
import type { Delivery } from './delivery.js';
import type { EnteredEventsOf } from './entered-events.js';

/** Events that are to run alone, or that do not run any more, as long as no save says so. */
export class UnsavedSuspects {
  private readonly waiting = new Map<Delivery, 'runs alone' | 'dead'>();

  constructor(private readonly entered: EnteredEventsOf) {}

  get isEmpty(): boolean {
    return this.waiting.size === 0;
  }

  /** A save is to come that says so. */
  note(delivery: Delivery, becomes: 'runs alone' | 'dead'): void {
    this.waiting.set(delivery, becomes);
  }

  /** A dead letter is forgotten once it is saved as one: if it is redriven, it is like any other event. */
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
