import type { EnteringEvent } from '../../inbox/inbox-event.store.js';
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
   * Takes the transaction back from the handler, and waits for the statement that is in flight. If it is not
   * known whether there is one, the transaction is aborted: the client runs this statement behind the other.
   */
  async abandon(error: Error): Promise<void> {
    await (this.lent.takeBack(error) ?? this.stores.statements.abort(this.client).catch(() => {}));
  }

  beforeCommit(): void {}
}
