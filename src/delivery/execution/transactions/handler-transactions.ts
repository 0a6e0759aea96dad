import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../../../database/clients/sql-client.js';
import { EngineTransaction } from '../../../database/engine-transaction.js';
import type { EndedBy } from '../../../database/sql/transaction-ends.js';
import { BrokenAttemptStore } from '../../../inbox/broken-attempt.store.js';
import { InboxCursorStore } from '../../../inbox/inbox-cursor.store.js';
import { InboxEventStore } from '../../../inbox/inbox-event.store.js';
import { PositionSet } from '../../../log/position-set.js';
import type { HeldLease } from '../../../membership/held-lease.js';
import type { Attempt } from '../../partition/attempt.js';
import { type HandlerTransaction, positionsOf, type TransactionStores } from './handler-transaction.js';
import { HandlerTransactionStore } from './handler-transaction.store.js';
import { HostTransaction } from './host-transaction.js';
import { OwnTransaction } from './own-transaction.js';

/** The transactions of transactional handlers, and what the database knows of them once they have ended. */
@Injectable()
export class HandlerTransactions implements TransactionStores {
  constructor(
    readonly statements: HandlerTransactionStore,
    readonly inbox: InboxEventStore,
    readonly cursors: InboxCursorStore,
    private readonly broken: BrokenAttemptStore,
  ) {}

  /** An open transaction of the host's client, as the one of this attempt. */
  of(client: SqlClient, attempt: Attempt, lease: HeldLease): HandlerTransaction {
    return client instanceof EngineTransaction
      ? new OwnTransaction(client, attempt, lease, this)
      : new HostTransaction(client, attempt, lease, this);
  }

  /**
   * After a handler has ended its transaction itself: the event is not to be known as processed. Resolves to
   * what is known of the end: the inbox row, written before the handler, is there if it was committed.
   */
  async takeBack(attempt: Attempt, lease: HeldLease, by: EndedBy): Promise<EndedBy> {
    if (attempt.settlesPositions) return by;
    const { log, claim, attempt: number } = attempt.delivery;
    const claimed = claim === undefined ? undefined : number;
    const wasThere = await this.broken.takeBack(lease.key, lease.token, log.id, claimed);
    return wasThere ? 'COMMIT' : (by ?? 'ROLLBACK');
  }

  /**
   * Whether the effects of an attempt are there, for a client that does not say so: its inbox row says
   * `processed`, or its positions are not unread any more. False where they may still be committed: the next
   * attempt begins by asking.
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

  /** Rejects where the server does not answer. */
  async verifyAnswers(client: SqlClient): Promise<void> {
    await this.statements.startOf(client);
  }
}
