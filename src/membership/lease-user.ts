import type { ClaimedCursor } from '../inbox/inbox-cursor.store.js';
import type { CursorKey } from '../inbox/inbox-status.js';
import type { HeldLease } from './beat/held-lease.js';
import type { CursorSnapshot } from './beat/integration-process.store.js';
import type { SelfReport } from './beat/self-report.js';

/** A consumer of this process: its name, and whether its code handles all names that are stored for it. */
export interface LeaseCandidate {
  readonly name: string;
  readonly handles: (storedNames: readonly string[]) => boolean;
}

/** The part of the engine that works with the leases. */
export interface LeaseUser {
  candidates(): readonly LeaseCandidate[];
  claimed(cursor: ClaimedCursor, lease: HeldLease): void;
  /** The lease belongs to somebody else now. The user must drop everything under it. */
  lost(lease: HeldLease): void;
  /**
   * The user must finish, save and release, for one of three reasons: another process has fewer cursors, the
   * cursor is paused, or it has names that are not handled here. From this call on, nothing more is taken in
   * or started under the lease.
   */
  handOver(lease: HeldLease): void;
  /**
   * Receives every cursor of the candidates with every beat, and the ids of the processes that are dead.
   * Returns whether some of the cursors have vanished and are being registered again.
   */
  cursorsSeen(cursors: readonly CursorSnapshot[], dead: readonly string[]): boolean;
  /** Receives what a beat saw of a cursor that this process holds. */
  leaseSeen(lease: HeldLease, snapshot: CursorSnapshot): void;
  /**
   * Whether handlers of a former lease on this cursor are still running. Then the cursor must not be claimed
   * again yet.
   */
  isBusy(key: CursorKey): boolean;
  /** What the process says of itself, for people who look at the processes. */
  report(): SelfReport;
}
