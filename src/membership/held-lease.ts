// The import is needed for speed: the global of this name is looked up anew each time, and the lease is asked
// for every event.
import { performance } from 'node:perf_hooks';
import type { CursorKey } from '../inbox/inbox-status.js';

/**
 * The right to work on one cursor. The database judges when a lease has expired. In addition, the owner
 * itself starts nothing in two cases. In the first case, a lease's time has passed on its own monotonic clock
 * since it *sent* the last renewal that succeeded. In the second case, its heartbeat connection is lost. So a
 * process that wakes from a stop does not run what it fetched before.
 */
export class HeldLease {
  private confirmedAt: number;
  private leaseMs: number;

  constructor(
    readonly key: CursorKey,
    readonly token: string,
    sentAt: number,
    leaseMs: number,
  ) {
    this.confirmedAt = sentAt;
    this.leaseMs = leaseMs;
  }

  isValid(): boolean {
    return performance.now() - this.confirmedAt < this.leaseMs;
  }

  /** @internal The renewal that was sent at `sentAt` succeeded. */
  extend(sentAt: number, leaseMs: number): void {
    this.confirmedAt = sentAt;
    this.leaseMs = leaseMs;
  }

  /** @internal Nothing is known about the lease any more. */
  invalidate(): void {
    this.leaseMs = 0;
  }
}
