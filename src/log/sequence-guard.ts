import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { IntegrationError } from '../errors.js';

/*
 * Positions must only ascend. They do not after a restore without the sequence, a switch to a logical
 * replica, or a reset of the sequence. Then a new event gets a position that consumers have already passed,
 * and it would never be delivered.
 *
 * A publisher detects this without a query. `tail` is one above the highest position that this process has
 * seen committed. So a position that is drawn after `tail` was noted must be at or above it. A position below
 * a tail that was noted before the statement was sent therefore proves the fault. There is one exception: the
 * host's client may be connected to another server than the engine. The look at the database tells these
 * cases apart.
 */

/** What publishing knows about the sequence. */
@Injectable()
export class SequenceGuard {
  /** One above the highest position that a consumer of this process has seen. 0 when nothing is known. */
  tail = 0;
  private problem: IntegrationError | undefined;
  private look: (() => Promise<void>) | undefined;

  constructor(db: EngineDatabase) {
    // A server that lost commits hands out the same positions again. Its cursors know nothing about their
    // first use.
    db.losses$.subscribe(() => this.forgetTail());
  }

  /** @param look compares the sequence with the cursors, and calls `refuse` or `accept`. */
  lookBy(look: () => Promise<void>): void {
    this.look = look;
  }

  /** Notes that this position was seen committed. */
  sawCommitted(position: number): void {
    if (position >= this.tail) this.tail = position + 1;
  }

  /** Forgets the tail, so that nothing is known about the sequence. */
  forgetTail(): void {
    this.tail = 0;
  }

  refuse(problem: IntegrationError): void {
    this.problem = problem;
  }

  accept(): void {
    this.problem = undefined;
  }

  /** True while the next event would not be delivered, as far as this process knows. */
  get isRefusing(): boolean {
    return this.problem !== undefined;
  }

  /**
   * Checks whether the sequence is behind. Callers use it when the sequence was behind before, or when an
   * event got a position that consumers had passed. Throws INTEGRATION_SEQUENCE_BEHIND if the sequence is
   * behind. A check that fails changes nothing.
   */
  async verifySequence(): Promise<void> {
    await this.look?.().catch(() => {});
    if (this.problem === undefined) return;
    const { code, message, details } = this.problem;
    throw new IntegrationError(code, message, details);
  }
}
