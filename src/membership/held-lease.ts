// The global of this name is looked up anew each time, and this is asked for every event.
import { performance } from 'node:perf_hooks';
import type { CursorKey } from '../inbox/inbox-status.js';

/**
 * The right to work on one cursor. Expiry is the database's to judge; beside that the owner itself starts
 * nothing once its own monotonic clock says that a lease's time has passed since it *sent* the last renewal
 * that succeeded, or while its heartbeat connection is lost. So a process that wakes from a stop does not run
 * what it had fetched before.
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

  /** @internal Nothing is known any more. */
  invalidate(): void {
    this.leaseMs = 0;
  }
}
