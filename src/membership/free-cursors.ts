import { type CursorKey, nameOfCursor } from '../inbox/inbox-status.js';
import type { ClusterSnapshot, CursorSnapshot } from './beat/integration-process.store.js';
import { assignFreeCursors, sameCursor } from './lease-spread.js';
import type { LeaseCandidate } from './lease-user.js';

const FREE_BEATS = 3;

/** What a process that wants to claim knows. */
export interface Claimer {
  readonly self: string;
  /** Whether this process holds the lease with this token. */
  readonly isHeld: (token: string) => boolean;
  /** Processes whose leases no longer count. */
  readonly dead: ReadonlySet<string>;
  /** Processes that take no part when work is spread. */
  readonly gone: ReadonlySet<string>;
  readonly isBusy: (cursor: CursorKey) => boolean;
}

/** What a process should claim. */
export interface ToClaim {
  readonly mine: readonly CursorKey[];
  /** True when nothing was left out because handlers of a former lease still run. */
  readonly isAllOf: boolean;
}

/** Returns the consumers that a process could lease. It must handle every name that is stored for them. */
export function ableAmong(candidates: readonly LeaseCandidate[], { cursors }: ClusterSnapshot): string[] {
  return candidates
    .filter(({ name, handles }) => cursors.every((c) => c.consumerName !== name || handles(c.eventNames)))
    .map(({ name }) => name);
}

/** Chooses which of the free cursors this process claims. */
export class FreeCursors {
  /** The number of beats for which a cursor was free that another process should claim. */
  private readonly freeFor = new Map<string, number>();

  toClaim(snapshot: ClusterSnapshot, candidates: readonly LeaseCandidate[], claimer: Claimer): ToClaim {
    const claimable = claimableOf(snapshot, candidates, claimer);
    const free = claimable.filter((cursor) => !claimer.isBusy(cursor));
    const assigned = assignFreeCursors(free, snapshot, claimer.self, claimer.gone);
    // Each cursor is listed once, because the number of claimed cursors is compared with the length of the
    // list.
    const longFree = this.longFree(free).filter(
      (cursor) => !assigned.some((each) => sameCursor(each, cursor)),
    );
    return { mine: [...assigned, ...longFree], isAllOf: free.length === claimable.length };
  }

  /**
   * Returns the cursors that another process should have claimed but did not for several beats. That process
   * may hang, or may see something else.
   */
  private longFree(free: readonly CursorSnapshot[]): CursorKey[] {
    const before = new Map(this.freeFor);
    this.freeFor.clear();
    return free.filter((cursor) => {
      const name = nameOfCursor(cursor);
      const beats = (before.get(name) ?? 0) + 1;
      this.freeFor.set(name, beats);
      return beats > FREE_BEATS;
    });
  }
}

function claimableOf(
  { cursors }: ClusterSnapshot,
  candidates: readonly LeaseCandidate[],
  { self, isHeld, dead }: Claimer,
): CursorSnapshot[] {
  const able = new Map(candidates.map((candidate) => [candidate.name, candidate]));
  return cursors.filter(
    (cursor) =>
      !cursor.paused &&
      able.get(cursor.consumerName)?.handles(cursor.eventNames) === true &&
      (cursor.leaseToken === null ||
        // The lease of such a cursor had run out, and this very beat renewed it. If the cursor were claimed
        // again, what the process has done would never be saved.
        (cursor.leaseOwner === self
          ? !isHeld(cursor.leaseToken)
          : cursor.expired || dead.has(cursor.leaseOwner ?? ''))),
  );
}
