import type { EngineTransaction } from '../../database/clients/engine-transaction.js';
import type { EnteringEvent } from '../../inbox/inbox-event.store.js';
import { type Begun, HandlerTransaction } from './handler-transaction.js';

/**
 * A transaction of the engine's own client. This client sends a statement without waiting for the answers to
 * earlier statements, and it knows whether a COMMIT has committed.
 *
 * Steps 1 to 3 are one message. Their order is kept, because the server takes a snapshot for each statement,
 * and it takes the snapshot of step 3 after step 2 has ended. If nobody can have begun an event before, its
 * handler is called before the server has answered these steps. The server still executes the handler's
 * statements after them, and nothing commits until the answer is there (docs/decisions/0013).
 *
 * Step 5 sends no statement. The client looks at the answer to COMMIT, and its guard watches for a handler
 * that ends the transaction (`database/sql/transaction-ends.ts`).
 */
export class OwnTransaction extends HandlerTransaction<EngineTransaction> {
  protected readonly keepsOrder = true;

  get mayHaveEnded(): boolean {
    return this.client.guard.mayHaveEnded;
  }

  protected async begin(row: EnteringEvent, timeoutMs: number): Promise<Begun> {
    const { key, token } = this.lease;
    const { inbox, cursors } = this.stores;
    const statements = [inbox.processedRow(key, row), cursors.leaseHeld(key, token)];
    const [inserted, held] = await this.client.beginWith(timeoutMs, statements);
    return { isNew: inserted === 1, isHeld: held === 1 };
  }

  protected async holdsLease(): Promise<boolean> {
    const held = await this.client.queryEngine(
      this.stores.cursors.leaseHeld(this.lease.key, this.lease.token),
    );
    return held.length > 0;
  }

  protected async verifyBeforeCommit(): Promise<void> {
    if (this.mayHaveEnded) await this.client.guard.verify();
  }

  protected async verifyOpen(): Promise<void> {
    await this.verifyBeforeCommit();
    await this.requireSame();
  }

  /** The client's ROLLBACK travels behind the statement that is in flight. */
  async abandon(error: Error): Promise<void> {
    await this.lent.takeBack(error);
  }

  /**
   * While the server writes the commit to disk, the connection may take the next transaction, and another
   * handler may run.
   */
  beforeCommit(): void {
    this.client.giveWayToNext(() => this.attempt.commits());
  }
}
