import { Injectable } from '@nestjs/common';
import { EngineTransaction } from '../../database/clients/engine-transaction.js';
import type { SqlClient } from '../../database/clients/sql-client.js';
import type { EndedBy } from '../../database/sql/transaction-ends.js';
import { BrokenAttemptStore } from '../../inbox/broken-attempt.store.js';
import { InboxCursorStore } from '../../inbox/inbox-cursor.store.js';
import { InboxEventStore } from '../../inbox/inbox-event.store.js';
import { PositionSet } from '../../log/position-set.js';
import type { HeldLease } from '../../membership/beat/held-lease.js';
import type { Attempt } from '../partition/attempt.js';
import {
  type AttemptTransactions,
  type HandlerTransaction,
  positionsOf,
  type TransactionStores,
} from './handler-transaction.js';
import { HandlerTransactionStore } from './handler-transaction.store.js';
import { HostTransaction } from './host-transaction.js';
import { OwnTransaction } from './own-transaction.js';

/**
 * Makes the transactions of transactional handlers, and asks the database about them after they have ended.
 */
@Injectable()
export class HandlerTransactions implements AttemptTransactions<HeldLease>, TransactionStores {
  constructor(
    readonly statements: HandlerTransactionStore,
    readonly inbox: InboxEventStore,
    readonly cursors: InboxCursorStore,
    private readonly broken: BrokenAttemptStore,
  ) {}

  /** Wraps an open transaction of the host's client as the transaction of this attempt. */
  of(client: SqlClient, attempt: Attempt, lease: HeldLease): HandlerTransaction {
    return client instanceof EngineTransaction
      ? new OwnTransaction(client, attempt, lease, this)
      : new HostTransaction(client, attempt, lease, this);
  }

  /**
   * Called after a handler has ended its transaction itself. It takes back what the inbox says about the
   * event, because the event must not count as processed. Resolves to how the transaction ended. The inbox
   * row was written before the handler ran, so it is there if the transaction was committed.
   */
  async takeBack(attempt: Attempt, lease: HeldLease, by: EndedBy): Promise<EndedBy> {
    if (attempt.settlesPositions) return by;
    const { log, claim, attempt: number } = attempt.delivery;
    const claimed = claim === undefined ? undefined : number;
    const wasThere = await this.broken.takeBack(lease.key, lease.token, log.id, claimed);
    return wasThere ? 'COMMIT' : (by ?? 'ROLLBACK');
  }

  /**
   * Resolves to whether the effects of an attempt are committed, for a client that does not report this. They
   * are if the inbox row is `processed`, or if the positions are not unread any more. If they may still be
   * committed later, this resolves to false too, because the next attempt begins with the same question.
   */
  async isCommitted(client: SqlClient, attempt: Attempt, lease: HeldLease): Promise<boolean> {
    if (!attempt.settlesPositions) {
      const { id: outboxEventId, position } = attempt.delivery.log;
      const found = await this.inbox.rowStatusOf(client, lease.key, { outboxEventId, position });
      return found?.status === 'processed';
    }
    const positions = positionsOf(attempt.toHandle).toString();
    const unread = await this.cursors.unreadOf(client, lease.key, lease.token, positions);
    return unread !== undefined && PositionSet.parse(unread).isEmpty;
  }

  /** Rejects if the server does not answer. */
  async verifyAnswers(client: SqlClient): Promise<void> {
    await this.statements.startOf(client);
  }
}
