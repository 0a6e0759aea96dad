import type { ClaimedCursor } from '../inbox/inbox-cursor.store.js';
import type { CursorKey } from '../inbox/inbox-status.js';
import type { HeldLease } from './held-lease.js';
import type { CursorSnapshot } from './integration-process.store.js';

/** A consumer of this process: by name, and whether its code handles all the names that are stored for it. */
export interface LeaseCandidate {
  readonly name: string;
  readonly handles: (storedNames: readonly string[]) => boolean;
}

/** Whoever works with the leases. */
export interface LeaseUser {
  candidates(): readonly LeaseCandidate[];
  claimed(cursor: ClaimedCursor, lease: HeldLease): void;
  /** The lease is somebody else's now: drop everything. */
  lost(lease: HeldLease): void;
  /**
   * Finish, save and release: another process has fewer, the cursor is paused, or has names that are not
   * handled here. From this call on nothing more is taken in or started under the lease.
   */
  handOver(lease: HeldLease): void;
  /**
   * Every cursor of the candidates, with every beat. Resolves to whether some have vanished, and are being
   * registered anew.
   */
  cursorsSeen(cursors: readonly CursorSnapshot[]): boolean;
  /** A beat's look at a cursor that we hold. */
  leaseSeen(lease: HeldLease, snapshot: CursorSnapshot): void;
  /** Handlers of a former lease on this cursor are still running: it is not to be claimed anew yet. */
  isBusy(key: CursorKey): boolean;
  /** The stored settings, with every beat. */
  settingsRead(stored: Record<string, unknown>, readAt: number): void;
}
