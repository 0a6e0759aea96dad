import type { HeldLease } from './beat/held-lease.js';
import type { ClusterSnapshot } from './beat/integration-process.store.js';

/** The part of a lease that must be left where its row was passed over. Otherwise it is tried again soon. */
const LONG_ENOUGH = 2 / 3;

/**
 * Compares the leases that this process holds, by their tokens, with what a beat saw.
 *
 * - A token that was renewed: its lease lasts for `leaseMs` from when the beat was sent.
 * - A token that is on its cursor and was not renewed: somebody holds the row at the moment. As a rule that
 *   is a save of this process, and the saves before it have renewed the lease (see
 *   `inbox/kept-lease.store.ts`). The lease lasts as long as is stored. The database told the time that is
 *   left after the beat was sent, so it is rather too short by the clock of this process.
 * - A token that is not on its cursor: the lease is lost, and taken out of `held`.
 *
 * Returns whether no lease has to be renewed soon.
 */
export function confirmLeases(
  held: Map<string, HeldLease>,
  snapshot: Pick<ClusterSnapshot, 'renewed' | 'cursors'>,
  { sentAt, leaseMs }: { readonly sentAt: number; readonly leaseMs: number },
  lost: (lease: HeldLease) => void,
): boolean {
  const renewed = new Set(snapshot.renewed);
  const left = new Map(snapshot.cursors.map((cursor) => [cursor.leaseToken, cursor.leaseLeftMs ?? 0]));
  let isEachRenewed = true;
  for (const lease of [...held.values()]) {
    const leftMs = left.get(lease.token);
    if (renewed.has(lease.token)) lease.extend(sentAt, leaseMs);
    else if (leftMs !== undefined) {
      lease.seen(sentAt, leftMs);
      if (leftMs < leaseMs * LONG_ENOUGH) isEachRenewed = false;
    } else {
      held.delete(lease.token);
      lease.invalidate();
      lost(lease);
    }
  }
  return isEachRenewed;
}
