import type { CursorKey } from '../inbox/inbox-status.js';
import type { ClusterSnapshot, CursorSnapshot, ProcessSnapshot } from './beat/integration-process.store.js';

/**
 * Decides which of the free cursors this process should claim. Every process computes the same assignment
 * from the same snapshot. It goes through the free cursors in the order of their keys. Each cursor goes to a
 * live process that registered its consumer: to the one with the fewest cursors, and among equals to the one
 * with the lowest id. Where snapshots differ, the claim itself decides.
 */
export function assignFreeCursors(
  free: readonly CursorSnapshot[],
  snapshot: Pick<ClusterSnapshot, 'cursors' | 'processes'>,
  self: string,
  gone: ReadonlySet<string>,
): CursorKey[] {
  const load = loads(snapshot, self, gone);
  for (const cursor of free) {
    // A cursor whose owner is gone or whose lease has expired counts for nobody.
    if (cursor.leaseOwner !== null && load.has(cursor.leaseOwner)) decrement(load, cursor.leaseOwner);
  }
  const mine: CursorKey[] = [];
  for (const cursor of [...free].sort(byKey)) {
    const owner = leastLoaded(cursor, snapshot.processes, load, self);
    load.set(owner, (load.get(owner) ?? 0) + 1);
    if (owner === self) mine.push({ consumerName: cursor.consumerName, partition: cursor.partition });
  }
  return mine;
}

/**
 * Returns one of our cursors that a process with at least two cursors fewer could take. Undefined when the
 * load is even.
 */
export function cursorToHandOver(
  snapshot: Pick<ClusterSnapshot, 'cursors' | 'processes'>,
  self: string,
  gone: ReadonlySet<string>,
): CursorKey | undefined {
  const load = loads(snapshot, self, gone);
  const own = load.get(self) ?? 0;
  return [...snapshot.cursors].sort(byKey).find((cursor) => {
    if (cursor.leaseOwner !== self || cursor.expired) return false;
    const other = leastLoaded(cursor, snapshot.processes, load, self);
    return other !== self && own - (load.get(other) ?? 0) >= 2;
  });
}

/** How many cursors each live process holds. */
function loads(
  snapshot: Pick<ClusterSnapshot, 'cursors' | 'processes'>,
  self: string,
  gone: ReadonlySet<string>,
): Map<string, number> {
  const load = new Map<string, number>([[self, 0]]);
  for (const { id, alive, held } of snapshot.processes) {
    if (id === self || (alive && !gone.has(id))) load.set(id, held);
  }
  return load;
}

function leastLoaded(
  cursor: CursorSnapshot,
  processes: readonly ProcessSnapshot[],
  load: Map<string, number>,
  self: string,
): string {
  let best = self;
  for (const { id, consumers } of [...processes].sort((a, b) => (a.id < b.id ? -1 : 1))) {
    if (!load.has(id) || !consumers.includes(cursor.consumerName)) continue;
    const [count, least] = [load.get(id) ?? 0, load.get(best) ?? 0];
    if (count < least || (count === least && id < best)) best = id;
  }
  return best;
}

function decrement(load: Map<string, number>, id: string): void {
  load.set(id, Math.max(0, (load.get(id) ?? 0) - 1));
}

function byKey(a: CursorKey, b: CursorKey): number {
  if (a.consumerName !== b.consumerName) return a.consumerName < b.consumerName ? -1 : 1;
  return a.partition - b.partition;
}

export function sameCursor(a: CursorKey, b: CursorKey): boolean {
  return a.consumerName === b.consumerName && a.partition === b.partition;
}
