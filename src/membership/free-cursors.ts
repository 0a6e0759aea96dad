import { type CursorKey, nameOfCursor } from '../inbox/inbox-status.js';
import type { ClusterSnapshot, CursorSnapshot } from './integration-process.store.js';
import { assignFreeCursors, sameCursor } from './lease-spread.js';
import type { LeaseCandidate } from './lease-user.js';

const FREE_BEATS = 3;

/** What a process knows that wants to claim. */
export interface Claimer {
  readonly self: string;
  /** Whether the lease with this token is held by this process. */
  readonly isHeld: (token: string) => boolean;
  /** Processes whose leases count no more. */
  readonly dead: ReadonlySet<string>;
  /** Processes that take no part in the spread. */
  readonly gone: ReadonlySet<string>;
  readonly isBusy: (cursor: CursorKey) => boolean;
}

/** What a process is to claim. */
export interface ToClaim {
  readonly mine: readonly CursorKey[];
  /** Nothing that may be claimed was left out because handlers of a former lease still run. */
  readonly isAllOf: boolean;
}

/** The consumers that a process could lease: those of which it handles every name that is stored. */
export function ableAmong(candidates: readonly LeaseCandidate[], { cursors }: ClusterSnapshot): string[] {
  return candidates
    .filter(({ name, handles }) => cursors.every((c) => c.consumerName !== name || handles(c.eventNames)))
    .map(({ name }) => name);
}

/** Chooses which of the free cursors this process claims. */
export class FreeCursors {
  /** For how many beats a cursor was free that is another process's to claim. */
  private readonly freeFor = new Map<string, number>();

  toClaim(snapshot: ClusterSnapshot, candidates: readonly LeaseCandidate[], claimer: Claimer): ToClaim {
    const claimable = claimableOf(snapshot, candidates, claimer);
    const free = claimable.filter((cursor) => !claimer.isBusy(cursor));
    const assigned = assignFreeCursors(free, snapshot, claimer.self, claimer.gone);
    // Each once: what is claimed is counted against what was to be.
    const longFree = this.longFree(free).filter(
      (cursor) => !assigned.some((each) => sameCursor(each, cursor)),
    );
    return { mine: [...assigned, ...longFree], isAllOf: free.length === claimable.length };
  }

  /**
   * What another process should have claimed and did not for several beats: it may hang, or hold another
   * view.
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
        // One of ours that had run out was renewed by this very beat: claimed anew, what it has done would
        // never be saved.
        (cursor.leaseOwner === self
          ? !isHeld(cursor.leaseToken)
          : cursor.expired || dead.has(cursor.leaseOwner ?? ''))),
  );
}
