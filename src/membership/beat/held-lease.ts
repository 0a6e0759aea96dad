// The import is needed for speed: the global of this name is looked up again each time, and the lease is
// asked for every event.
import { performance } from 'node:perf_hooks';
import type { CursorKey } from '../../inbox/inbox-status.js';

/**
 * The right to work on one cursor, or on what else has a lease. The database judges when a lease has expired.
 * In addition, the owner itself starts nothing in two cases. In the first case, a lease's time has passed on
 * its own monotonic clock since it *sent* the last renewal that succeeded, or the last beat that read how
 * long the lease still lasts. In the second case, its heartbeat connection is lost. So a process that wakes
 * from a stop does not run what it fetched before.
 */
export class HeldLease<Key = CursorKey, Token = string> {
  private confirmedAt: number;
  private leaseMs: number;

  constructor(
    readonly key: Key,
    readonly token: Token,
    sentAt: number,
    leaseMs: number,
  ) {
    this.confirmedAt = sentAt;
    this.leaseMs = leaseMs;
  }

  isValid(): boolean {
    return performance.now() - this.confirmedAt < this.leaseMs;
  }

  /** For how many milliseconds the lease was last renewed. */
  get lengthMs(): number {
    return this.leaseMs;
  }

  /** Milliseconds until the lease is not valid any more, if it is not renewed. */
  get remainingMs(): number {
    return this.confirmedAt + this.leaseMs - performance.now();
  }

  /** @internal The renewal that was sent at `sentAt` succeeded. */
  extend(sentAt: number, leaseMs: number): void {
    this.confirmedAt = sentAt;
    this.leaseMs = leaseMs;
  }

  /** @internal A beat that was sent at `sentAt` has read that the lease lasts for at least this long. */
  seen(sentAt: number, leftMs: number): void {
    if (sentAt + leftMs > this.confirmedAt + this.leaseMs) this.extend(sentAt, leftMs);
  }

  /** @internal Nothing is known about the lease any more. */
  invalidate(): void {
    this.leaseMs = 0;
  }
}
