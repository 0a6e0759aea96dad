import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { IntegrationError } from '../errors.js';

/*
 * Positions only ascend. Where they do not (a restore that left the sequence out, a switch to a logical
 * replica, a reset), a new event gets a position that consumers have left behind, and would never be
 * delivered.
 *
 * A publisher finds that out without asking anybody: `tail` lies one past a position that this process has
 * seen committed, so whatever is drawn after it was noted lies at or above it. A position below the tail that
 * was noted before the statement was sent is therefore proof, unless the host's client is with another server
 * than the engine: that is what the look at the database is for.
 */

/** What publishing knows of the sequence. */
@Injectable()
export class SequenceGuard {
  /** One past the highest position that a consumer of this process has seen; 0 where nothing is known. */
  tail = 0;
  private problem: IntegrationError | undefined;
  private look: (() => Promise<void>) | undefined;

  constructor(db: EngineDatabase) {
    // A server that lost commits hands out positions again, and its cursors know nothing of the first time.
    db.losses$.subscribe(() => this.forgetTail());
  }

  /** @param look compares the sequence with the cursors, and calls `refuse` or `accept`. */
  lookBy(look: () => Promise<void>): void {
    this.look = look;
  }

  /** This position was seen committed. */
  sawCommitted(position: number): void {
    if (position >= this.tail) this.tail = position + 1;
  }

  /** Nothing is known any more. */
  forgetTail(): void {
    this.tail = 0;
  }

  refuse(problem: IntegrationError): void {
    this.problem = problem;
  }

  accept(): void {
    this.problem = undefined;
  }

  /** The next event would not be delivered, as far as is known. */
  get isRefusing(): boolean {
    return this.problem !== undefined;
  }

  /**
   * Looks whether the sequence is behind: it was, or an event has got a position that was left behind. Throws
   * INTEGRATION_SEQUENCE_BEHIND if it is; a look that fails changes nothing.
   */
  async verifySequence(): Promise<void> {
    await this.look?.().catch(() => {});
    if (this.problem === undefined) return;
    const { code, message, details } = this.problem;
    throw new IntegrationError(code, message, details);
  }
}
