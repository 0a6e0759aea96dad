import type { OneEventFilter } from './chosen/inbox-admin.store.js';
import { heldByItsTransaction } from './chosen/row-checks.js';

/** Milliseconds to wait for the event's own transaction, and milliseconds between two looks. */
const HELD_FOR_MS = 10_000;
const HELD_LOOK_MS = 50;

/**
 * Tries a change of one event until no transaction holds the event. The change resolves to undefined while
 * one does.
 *
 * @throws IntegrationError INTEGRATION_CONSUMER_ACTIVE after ten seconds
 */
export async function untilNotHeld(
  filter: OneEventFilter,
  change: () => Promise<number | undefined>,
): Promise<number> {
  const deadline = performance.now() + HELD_FOR_MS;
  for (;;) {
    const changed = await change();
    if (changed !== undefined) return changed;
    if (performance.now() >= deadline) throw heldByItsTransaction(filter);
    await new Promise((resolve) => setTimeout(resolve, HELD_LOOK_MS));
  }
}
