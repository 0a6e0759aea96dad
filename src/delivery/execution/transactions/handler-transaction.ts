import { Injectable } from '@nestjs/common';
import type { SqlClient } from '../../../database/clients/sql-client.js';
import { isConnectionLoss, sqlStateOf } from '../../../database/connection/connection-loss.js';
import { EngineTransaction, queryEngine } from '../../../database/engine-transaction.js';
import { type EndedBy, endOf, transactionEnded } from '../../../database/sql/transaction-ends.js';
import { LONGEST_TIMER_MS } from '../../../database/wire/answer-within.js';
import { IntegrationError } from '../../../errors.js';
import { BrokenAttemptStore } from '../../../inbox/broken-attempt.store.js';
import { InboxCursorStore } from '../../../inbox/inbox-cursor.store.js';
import { InboxEventStore } from '../../../inbox/inbox-event.store.js';
import { PositionSet } from '../../../log/position-set.js';
import type { HeldLease } from '../../../membership/held-lease.js';
import type { Attempt } from '../../partition/attempt.js';
import type { Claim, Delivery, Outcome } from '../../partition/delivery.js';
import { HandlerTransactionStore } from './handler-transaction.store.js';

/** The server ends a transaction this much later than the handler's own deadline, which decides first. */
const SERVER_TIMEOUT_SLACK_MS = 500;

/** in_failed_sql_transaction */
const ABORTED = '25P02';

/** What a transaction says that is asked for one more statement; its server answers unless it is lost. */
export type TransactionAnswer =
  | { readonly kind: 'usable' | 'aborted' | 'refused' }
  | { readonly kind: 'ended'; readonly by: EndedBy }
  | { readonly kind: 'lost'; readonly error: unknown };

const LEASE_LOST: Outcome = { kind: 'lease-lost' };

/*
 * Effects exactly once. The steps of a transactional handler's transaction, in this order:
 *
 *   1. local statement and idle timeouts, enforced by the server: a timeout of the client cannot fire in a stopped
 *      process, and the locks of such a process would block the next owner. READ COMMITTED, verified: a repeatable-read
 *      snapshot would hide a changed token.
 *   2. the inbox row, unique on event and consumer: it waits for whoever holds it uncommitted. If it is there, the
 *      effects are (or the retry lane has the event). For an event from the log 1 and 2 are one statement; through our
 *      own client 1 to 3 are one message.
 *   3. then, in a statement of its own, the token. A process that stalled past its lease either finds the row, or finds
 *      the token changed, or holds the row before the next owner asks for it. (The other way round, a process could check the
 *      token, stall, and insert after the next owner's row was cleaned up.) In one message it is the same: the server takes a
 *      snapshot for each statement, this one's after 2 has ended.
 *   4. the handler. That of an event which nobody can have begun before is called before 1 to 3 are answered, through our own client:
 *      the server still takes its statements after them, and nothing commits until the answer is there (docs/decisions/0013).
 *   5. a handler that swallowed a database error has an aborted transaction, and its COMMIT would be a ROLLBACK without an
 *      error. Our own client looks at the answer to COMMIT; any other is asked one more statement before. The same statement says when
 *      the open transaction began: a handler that has ended its own is in another one (`transaction-ends.ts` for our own client).
 *
 * A batch from the log writes no rows: step 2 asks which of its positions are still unread under our token, and step 5
 * removes them from `unread`, fenced by the token, by their still being there, and by the transaction's beginning. Effects and progress commit together.
 */
@Injectable()
export class HandlerTransaction {
  constructor(
    private readonly statements: HandlerTransactionStore,
    private readonly inbox: InboxEventStore,
    private readonly cursors: InboxCursorStore,
    private readonly broken: BrokenAttemptStore,
  ) {}

  /** Whether the handler may be called before steps 1 to 3 are answered. The transaction counts as having begun it. */
  mayRunAhead(transaction: SqlClient, { delivery, isBatch }: Attempt, lease: HeldLease): boolean {
    const isFirst = delivery.isNew;
    delivery.isNew = false;
    return isFirst && !isBatch && transaction instanceof EngineTransaction && lease.isValid();
  }

  /** Steps 1 to 3: undefined if the handler is to run, else what is already settled. */
  async enter(
    transaction: SqlClient,
    attempt: Attempt,
    lease: HeldLease,
    remainingMs: number,
  ): Promise<Outcome | undefined> {
    const timeoutMs = Math.min(Math.ceil(remainingMs + SERVER_TIMEOUT_SLACK_MS), LONGEST_TIMER_MS);
    const { claim } = attempt.delivery;
    if (claim === undefined && !attempt.settlesPositions)
      return this.takeFromLog(transaction, attempt, lease, timeoutMs);
    const { isolation, start } = await this.statements.begin(transaction, timeoutMs);
    requireReadCommitted(isolation);
    attempt.transactionStart = start;
    if (claim === undefined) return this.takePositions(transaction, attempt, lease);
    return this.takeClaimed(transaction, claim, attempt.delivery.attempt, lease);
  }

  /**
   * Step 5: undefined if the transaction may commit. Rejects with INTEGRATION_TRANSACTION_ENDED if the handler has ended it: what is open
   * now, if anything, is another one, whose COMMIT would say nothing of the handler's effects.
   */
  async leave(transaction: SqlClient, attempt: Attempt, lease: HeldLease): Promise<Outcome | undefined> {
    if (transaction instanceof EngineTransaction) {
      if (transaction.guard.mayHaveEnded) await transaction.guard.verify();
    } else if (!attempt.settlesPositions) await this.requireSame(transaction, attempt);
    if (!attempt.settlesPositions) return undefined;
    const positions = positionsOf(attempt.toHandle).toString();
    const start = attempt.transactionStart ?? '';
    const { key, token } = lease;
    if (await this.cursors.settleInTransaction(transaction, key, token, positions, start)) return undefined;
    await this.requireSame(transaction, attempt);
    // The lease, or an earlier attempt's commit: the next attempt begins by asking which.
    return { kind: 'infrastructure', error: new Error('the positions of the batch are not ours any more') };
  }

  /** Whether a handler may have ended this transaction itself, as far as that is known without asking. */
  mayHaveEnded(transaction: SqlClient): boolean {
    return !(transaction instanceof EngineTransaction) || transaction.guard.mayHaveEnded;
  }

  /**
   * After a handler has ended its transaction itself: the event is not to be known as processed. Resolves to what is known of the end: the
   * inbox row, written before the handler, is there if it was committed.
   */
  async takeBack(attempt: Attempt, lease: HeldLease, by: EndedBy): Promise<EndedBy> {
    if (attempt.settlesPositions) return by;
    const { log, claim, attempt: number } = attempt.delivery;
    const claimed = claim === undefined ? undefined : number;
    const wasThere = await this.broken.takeBack(lease.key, lease.token, log.id, claimed);
    return wasThere ? 'COMMIT' : (by ?? 'ROLLBACK');
  }

  /**
   * Whether the effects of an attempt are there, for a client that does not say so: its inbox row says `processed`, or its positions are
   * not unread any more. False where they may still be committed: the next attempt begins by asking.
   */
  async isCommitted(client: SqlClient, attempt: Attempt, lease: HeldLease): Promise<boolean> {
    if (!attempt.settlesPositions) {
      const { id: outboxEventId, position } = attempt.delivery.log;
      const found = await this.inbox.statusOf(client, lease.key, { outboxEventId, position });
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

  /**
   * Aborts the transaction of a handler that has not returned, and whose effects are not to be there. The server would end its session
   * half a second later, which is for processes that stand still: plain `pg` says so by an 'error' event of a client that is
   * checked out, nobody listens to it there, and the process of the host would end. An aborted transaction has given its locks back,
   * and its session lives until the client rolls it back.
   */
  async abandon(transaction: SqlClient): Promise<void> {
    // Our own client listens.
    if (!(transaction instanceof EngineTransaction)) await this.statements.abort(transaction);
  }

  /** How it stands with a transaction in which something has failed. */
  async ask(transaction: SqlClient, attempt: Attempt): Promise<TransactionAnswer> {
    try {
      if (transaction instanceof EngineTransaction && transaction.guard.mayHaveEnded)
        await transaction.guard.verify();
      await this.requireSame(transaction, attempt);
      return { kind: 'usable' };
    } catch (error) {
      const end = endOf(error);
      if (end !== undefined) return { kind: 'ended', by: end.by };
      if (isConnectionLoss(error)) return { kind: 'lost', error };
      return { kind: sqlStateOf(error) === ABORTED ? 'aborted' : 'refused' };
    }
  }

  /** Rejects also where the transaction is aborted, or lost. */
  private async requireSame(transaction: SqlClient, { transactionStart }: Attempt): Promise<void> {
    const start = await this.statements.startOf(transaction);
    if (transactionStart !== undefined && start !== transactionStart) throw transactionEnded(undefined);
  }

  private async takeFromLog(
    transaction: SqlClient,
    attempt: Attempt,
    lease: HeldLease,
    timeoutMs: number,
  ): Promise<Outcome | undefined> {
    const { log } = attempt.delivery;
    const { id: outboxEventId, position, aggregateType, aggregateId } = log;
    const row = { outboxEventId, position, aggregateType, aggregateId };
    const ask = this.cursors.leaseHeld(lease.key, lease.token);
    if (transaction instanceof EngineTransaction) {
      const enter = this.inbox.processedRow(lease.key, row);
      const [inserted, held] = await transaction.beginWith(timeoutMs, [enter, ask]);
      if (inserted === 1) return held === 1 ? undefined : LEASE_LOST;
    } else {
      const { isolation, start, inserted } = await this.inbox.enter(transaction, lease.key, row, timeoutMs);
      requireReadCommitted(isolation);
      attempt.transactionStart = start;
      if (inserted) return this.checkToken(transaction, lease);
    }
    const found = await this.inbox.statusOf(transaction, lease.key, row);
    if (found?.status === 'processed') return { kind: 'processed' };
    if (found !== undefined) return { kind: 'elsewhere', settled: found.settled };
    return { kind: 'infrastructure', error: new Error('the inbox row vanished meanwhile') };
  }

  /** In the retry lane the row is there: `processing` with this attempt's number becomes `processed`, or nothing happens. */
  private async takeClaimed(
    transaction: SqlClient,
    { inboxEventId }: Claim,
    attempt: number,
    lease: HeldLease,
  ): Promise<Outcome | undefined> {
    const ours = await this.inbox.completeClaimed(transaction, inboxEventId, attempt);
    return ours ? this.checkToken(transaction, lease) : { kind: 'elsewhere' };
  }

  private async checkToken(transaction: SqlClient, lease: HeldLease): Promise<Outcome | undefined> {
    const held = await queryEngine(transaction, this.cursors.leaseHeld(lease.key, lease.token));
    return held.length > 0 ? undefined : LEASE_LOST;
  }

  private async takePositions(
    transaction: SqlClient,
    attempt: Attempt,
    lease: HeldLease,
  ): Promise<Outcome | undefined> {
    const all = positionsOf(attempt.deliveries);
    const unread = await this.cursors.unreadOf(transaction, lease.key, lease.token, all.toString());
    if (unread === undefined) return LEASE_LOST;
    const pending = PositionSet.parse(unread);
    const toHandle = attempt.deliveries.filter((delivery) => pending.has(delivery.position));
    attempt.handleOnly(toHandle);
    return toHandle.length === 0 ? { kind: 'processed' } : undefined;
  }
}

function positionsOf(deliveries: readonly Delivery[]): PositionSet {
  return PositionSet.of(deliveries.map((delivery) => delivery.position));
}

function requireReadCommitted(isolation: string): void {
  if (isolation === 'read committed') return;
  throw new IntegrationError(
    'INTEGRATION_ISOLATION_LEVEL',
    `The host's client opened a ${isolation} transaction for a transactional handler; READ COMMITTED is needed. Let the client honour isolationLevel in $transaction's options.`,
    { isolation },
  );
}
