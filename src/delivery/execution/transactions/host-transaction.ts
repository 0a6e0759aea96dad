import type { EnteringEvent } from '../../../inbox/inbox-event.store.js';
import { type Begun, HandlerTransaction, requireReadCommitted } from './handler-transaction.js';

/**
 * A transaction of any client of the host. It sends one statement after another and assumes nothing about the
 * client.
 */
export class HostTransaction extends HandlerTransaction {
  protected readonly keepsOrder = false;
  readonly mayHaveEnded = true;

  protected async begin(row: EnteringEvent, timeoutMs: number): Promise<Begun> {
    const { inbox } = this.stores;
    const { isolation, start, inserted } = await inbox.insertRow(this.client, this.lease.key, row, timeoutMs);
    requireReadCommitted(isolation);
    this.attempt.transactionStart = start;
    return { isNew: inserted, isHeld: inserted && (await this.holdsLease()) };
  }

  protected async holdsLease(): Promise<boolean> {
    const { sql, values } = this.stores.cursors.leaseHeld(this.lease.key, this.lease.token);
    const held = await this.client.$queryRawUnsafe<unknown[]>(sql, ...values);
    return held.length > 0;
  }

  protected async verifyBeforeCommit(): Promise<void> {
    // The statement that settles a batch's positions makes this check itself.
    if (!this.attempt.settlesPositions) await this.requireSame();
  }

  protected verifyOpen(): Promise<void> {
    return this.requireSame();
  }

  /**
   * Aborts the transaction. The server would end the session half a second later, but that timeout is for
   * processes that do not run. Plain `pg` reports the end of a session by an 'error' event on the client.
   * Nobody listens to a client that is checked out, so this event would end the host's process. An aborted
   * transaction has released its locks, and its session lives until the client rolls back.
   */
  abandon(): Promise<void> {
    return this.stores.statements.abort(this.client);
  }

  beforeCommit(): void {}
}
