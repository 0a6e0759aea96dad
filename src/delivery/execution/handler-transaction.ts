import { type LentTransaction, lend } from '../../database/clients/lent-transaction.js';
import type { SqlClient } from '../../database/clients/sql-client.js';
import { isConnectionLoss, sqlStateOf } from '../../database/connection/connection-loss.js';
import { type EndedBy, endOf, transactionEnded } from '../../database/sql/transaction-ends.js';
import { LONGEST_TIMER_MS } from '../../database/wire/answer-within.js';
import { IntegrationError } from '../../errors.js';
import type { InboxCursorStore } from '../../inbox/inbox-cursor.store.js';
import type { EnteringEvent, InboxEventStore } from '../../inbox/inbox-event.store.js';
import { PositionSet } from '../../log/position-set.js';
import type { HeldLease } from '../../membership/beat/held-lease.js';
import type { Attempt } from '../partition/attempt.js';
import type { Claim, Delivery, Outcome } from '../partition/delivery.js';
import type { HandlerTransactionStore } from './handler-transaction.store.js';

/**
 * The server ends a transaction this long after the handler's own deadline, so that the deadline decides
 * first.
 */
export const SERVER_TIMEOUT_SLACK_MS = 500;

/** The SQLSTATE in_failed_sql_transaction. */
const ABORTED = '25P02';

const LEASE_LOST: Outcome = { kind: 'lease-lost' };

/** The answer of a transaction to one more statement. The server answers unless the transaction is lost. */
export type TransactionAnswer =
  | { readonly kind: 'usable' | 'aborted' | 'refused' }
  | { readonly kind: 'ended'; readonly by: EndedBy }
  | { readonly kind: 'lost'; readonly error: unknown };

/** The transaction of an attempt, as its runner uses it. `HandlerTransaction` says what each member does. */
export interface AttemptTransaction {
  readonly lent: LentTransaction;
  readonly mayHaveEnded: boolean;
  /** The row that only this transaction sees, if it is the one of a rehearsal. */
  readonly fence?: string;
  runsAhead(): boolean;
  enter(remainingMs: number): Promise<Outcome | undefined>;
  leave(): Promise<Outcome | undefined>;
  ask(): Promise<TransactionAnswer>;
  abandon(error: Error): Promise<void>;
  beforeCommit(): void;
}

/** Makes the transactions of attempts. `For` is what each of them is bound to: a lease, or a rehearsal. */
export interface AttemptTransactions<For> {
  of(client: SqlClient, attempt: Attempt, bound: For): AttemptTransaction;
  takeBack(attempt: Attempt, bound: For, by: EndedBy): Promise<EndedBy>;
  isCommitted(client: SqlClient, attempt: Attempt, bound: For): Promise<boolean>;
  verifyAnswers(client: SqlClient): Promise<void>;
}

/** The stores whose statements the transactions use. */
export interface TransactionStores {
  readonly statements: HandlerTransactionStore;
  readonly inbox: InboxEventStore;
  readonly cursors: InboxCursorStore;
}

/**
 * The result of steps 1 to 3: whether the inbox row is new, and whether the lease was still ours after that.
 */
export interface Begun {
  readonly isNew: boolean;
  readonly isHeld: boolean;
}

/*
 * This is how effects happen exactly once. A transactional handler's transaction has these steps, in this
 * order:
 *
 *   1. It sets local statement and idle timeouts, which the server enforces. A timeout of the client cannot
 *      fire in a stopped process, and the locks of such a process would block the next owner. The isolation
 *      level must be READ COMMITTED, and the engine verifies that, because a repeatable-read snapshot would
 *      hide a changed token.
 *   2. It writes the inbox row, which is unique for event and consumer. The statement waits for any other
 *      transaction that holds the row uncommitted. If the row is there already, the effects are there too, or
 *      the retry loop has the event. For an event from the log, steps 1 and 2 are one statement.
 *   3. It checks the lease's token, in a later statement of its own. For a process that stalled past its
 *      lease there are three cases: it finds the row, or it finds that the token has changed, or it holds the
 *      row before the next owner asks for it. The opposite order would be wrong: a process could check the
 *      token, stall, and insert the row after the next owner's row was cleaned up.
 *   4. It calls the handler.
 *   5. It sends one more statement, because a handler that swallowed a database error has an aborted
 *      transaction, and the COMMIT of an aborted transaction is a ROLLBACK without an error. The statement
 *      shows the abort. It also says when the open transaction began, because a handler that has ended its
 *      transaction is now in another one.
 *
 * A batch from the log writes no rows. Step 2 asks which positions of the batch are still unread under our
 * token. Step 5 removes these positions from `unread`. It does so only if the token is still ours, the
 * positions are still there, and the transaction is the one that began. Effects and progress commit together.
 *
 * `HostTransaction` takes these steps through any client of the host, one after another. `OwnTransaction`
 * takes them through the engine's own client, in fewer messages.
 */
export abstract class HandlerTransaction<Client extends SqlClient = SqlClient> implements AttemptTransaction {
  /** The transaction as the handler gets it. */
  readonly lent: LentTransaction;

  constructor(
    readonly client: Client,
    protected readonly attempt: Attempt,
    protected readonly lease: HeldLease,
    protected readonly stores: TransactionStores,
  ) {
    this.lent = lend(client);
  }

  /**
   * Whether the server executes statements in the order in which they are sent. Then the handler's statements
   * may be sent before steps 1 to 3 are answered.
   */
  protected abstract readonly keepsOrder: boolean;

  /** Whether the handler may have ended this transaction itself, as far as this is known without asking. */
  abstract readonly mayHaveEnded: boolean;

  /** Steps 1 to 3 for an event from the log. */
  protected abstract begin(row: EnteringEvent, timeoutMs: number): Promise<Begun>;

  /** Step 3. Resolves to whether the token is still ours. */
  protected abstract holdsLease(): Promise<boolean>;

  /** Step 5. Rejects if the transaction is aborted or not open any more. */
  protected abstract verifyBeforeCommit(): Promise<void>;

  /** Rejects if the transaction is aborted or is not the one that began. It is called after a failure. */
  protected abstract verifyOpen(): Promise<void>;

  /**
   * Called when the attempt is ended from outside. The effects must not be committed. What the handler sends
   * from now on is rejected with this error. Resolves when its statement in flight has ended.
   */
  abstract abandon(error: Error): Promise<void>;

  /** Called when only the COMMIT is left to do. */
  abstract beforeCommit(): void;

  /**
   * Returns whether the handler may be called before steps 1 to 3 are answered. The event counts as begun
   * after this call.
   */
  runsAhead(): boolean {
    const { delivery, isBatch } = this.attempt;
    const isFirst = delivery.isNew;
    delivery.isNew = false;
    return this.keepsOrder && isFirst && !isBatch && this.lease.isValid();
  }

  /**
   * Steps 1 to 3. Resolves to undefined if the handler should run, and otherwise to the outcome that is
   * already settled.
   */
  async enter(remainingMs: number): Promise<Outcome | undefined> {
    const timeoutMs = Math.min(Math.ceil(remainingMs + SERVER_TIMEOUT_SLACK_MS), LONGEST_TIMER_MS);
    const { claim } = this.attempt.delivery;
    if (claim === undefined && !this.attempt.settlesPositions) return this.takeFromLog(timeoutMs);
    const { isolation, start } = await this.stores.statements.begin(this.client, timeoutMs);
    requireReadCommitted(isolation);
    this.attempt.transactionStart = start;
    return claim === undefined ? this.takePositions() : this.takeClaimed(claim);
  }

  /**
   * Step 5. Resolves to undefined if the transaction may commit. Rejects with INTEGRATION_TRANSACTION_ENDED
   * if the handler has ended it. A transaction that is open now is then another one, and its COMMIT would say
   * nothing about the handler's effects.
   */
  async leave(): Promise<Outcome | undefined> {
    const { attempt } = this;
    await this.verifyBeforeCommit();
    if (!attempt.settlesPositions) return undefined;
    const positions = positionsOf(attempt.toHandle).toString();
    const start = attempt.transactionStart ?? '';
    const { key, token } = this.lease;
    const { cursors } = this.stores;
    if (await cursors.settleInTransaction(this.client, key, token, positions, start)) return undefined;
    await this.requireSame();
    // Either the lease was lost or an earlier attempt has committed. The next attempt begins by asking which
    // it was.
    return { kind: 'infrastructure', error: new Error('the positions of the batch are not ours any more') };
  }

  ask(): Promise<TransactionAnswer> {
    return answerOf(() => this.verifyOpen());
  }

  /** Rejects if the open transaction is not the one that began, or is aborted, or its connection is lost. */
  protected async requireSame(): Promise<void> {
    const { transactionStart } = this.attempt;
    const start = await this.stores.statements.startOf(this.client);
    if (transactionStart !== undefined && start !== transactionStart) throw transactionEnded(undefined);
  }

  private async takeFromLog(timeoutMs: number): Promise<Outcome | undefined> {
    const { id: outboxEventId, position, aggregateType, aggregateId } = this.attempt.delivery.log;
    const row = { outboxEventId, position, aggregateType, aggregateId };
    const { isNew, isHeld } = await this.begin(row, timeoutMs);
    if (isNew) return isHeld ? undefined : LEASE_LOST;
    const found = await this.stores.inbox.rowStatusOf(this.client, this.lease.key, row);
    if (found?.status === 'processed') return { kind: 'processed' };
    if (found !== undefined) return { kind: 'elsewhere', settled: found.settled };
    return { kind: 'infrastructure', error: new Error('the inbox row vanished meanwhile') };
  }

  /**
   * In the retry loop the row exists. If it is `processing` with this attempt's number, it becomes
   * `processed`. Otherwise nothing changes.
   */
  private async takeClaimed({ inboxEventId }: Claim): Promise<Outcome | undefined> {
    const { attempt } = this.attempt.delivery;
    const isOurs = await this.stores.inbox.completeClaimed(this.client, inboxEventId, attempt);
    if (!isOurs) return { kind: 'elsewhere' };
    return (await this.holdsLease()) ? undefined : LEASE_LOST;
  }

  private async takePositions(): Promise<Outcome | undefined> {
    const { attempt, lease } = this;
    const all = positionsOf(attempt.deliveries).toString();
    const unread = await this.stores.cursors.unreadOf(this.client, lease.key, lease.token, all);
    if (unread === undefined) return LEASE_LOST;
    const pending = PositionSet.parse(unread);
    const toHandle = attempt.deliveries.filter((delivery) => pending.has(delivery.position));
    attempt.handleOnly(toHandle);
    return toHandle.length === 0 ? { kind: 'processed' } : undefined;
  }
}

/** Resolves to the state of a transaction in which something has failed. Never rejects. */
export async function answerOf(verifyOpen: () => Promise<void>): Promise<TransactionAnswer> {
  try {
    await verifyOpen();
    return { kind: 'usable' };
  } catch (error) {
    const end = endOf(error);
    if (end !== undefined) return { kind: 'ended', by: end.by };
    if (isConnectionLoss(error)) return { kind: 'lost', error };
    return { kind: sqlStateOf(error) === ABORTED ? 'aborted' : 'refused' };
  }
}

export function positionsOf(deliveries: readonly Delivery[]): PositionSet {
  return PositionSet.of(deliveries.map((delivery) => delivery.position));
}

export function requireReadCommitted(isolation: string): void {
  if (isolation === 'read committed') return;
  throw new IntegrationError(
    'INTEGRATION_ISOLATION_LEVEL',
    `The host's client opened a ${isolation} transaction for a transactional handler; READ COMMITTED is needed. Let the client honour isolationLevel in $transaction's options`,
    { isolation },
  );
}
