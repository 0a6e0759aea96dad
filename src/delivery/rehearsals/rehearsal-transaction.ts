import { randomUUID } from 'node:crypto';
import { MOST_PUBLISHED, type UnpublishedEvent } from '../../changes/rehearsals/rehearsal.js';
import { type LentTransaction, lend } from '../../database/clients/lent-transaction.js';
import type { SqlClient } from '../../database/clients/sql-client.js';
import { transactionEnded } from '../../database/sql/transaction-ends.js';
import { LONGEST_TIMER_MS } from '../../database/wire/answer-within.js';
import {
  type AttemptTransaction,
  answerOf,
  requireReadCommitted,
  SERVER_TIMEOUT_SLACK_MS,
  type TransactionAnswer,
} from '../execution/handler-transaction.js';
import type { HandlerTransactionStore } from '../execution/handler-transaction.store.js';
import type { Attempt } from '../partition/attempt.js';
import { type Outcome, PROCESSED } from '../partition/delivery.js';
import type { RehearsalTransactionStore } from './rehearsal-transaction.store.js';
import type { ClaimedRehearsal } from './rehearsal-work.store.js';

/** A rehearsal while it runs, and what its transaction has shown. */
export interface RunningRehearsal {
  readonly claimed: ClaimedRehearsal;
  /** When the handler was called, in milliseconds of the monotonic clock. Undefined before that. */
  handlerBeganAt: number | undefined;
  /** Whether the handler has succeeded. */
  hasSucceeded: boolean;
  published: UnpublishedEvent[];
  hasMorePublished: boolean;
}

/** The stores whose statements a rehearsal sends through the transaction. */
export interface RehearsalStores {
  readonly statements: HandlerTransactionStore;
  readonly rehearsals: RehearsalTransactionStore;
}

/*
 * Why nothing of a rehearsal is ever committed. Each of these is enough for a handler that does nothing odd,
 * and the second holds whatever the handler and the client do.
 *
 *   1. `leave` always resolves to an outcome. The runner takes an outcome for a reason to roll back, so the
 *      function of the transaction rejects, and the client sends ROLLBACK.
 *   2. The first write is the fence: a row whose deferred trigger fails at COMMIT. So a COMMIT fails that the
 *      handler sends, or a client that does not obey, or PREPARE TRANSACTION, and the server rolls back.
 *   3. If the process dies, or the session ends, the server rolls back.
 *
 * The inbox is not written and no lease is looked at, so the dead letter stays as it is, and the consumer may
 * run, be paused or belong to another process. The locks of the transaction end with it. The server ends it
 * shortly after the deadline of the handler, even if the process stands still.
 */

/** The transaction of a rehearsal. It goes through any client, one statement after another. */
export class RehearsalTransaction implements AttemptTransaction {
  readonly lent: LentTransaction;
  readonly mayHaveEnded = true;
  readonly fence = randomUUID();
  private head = '0';

  constructor(
    private readonly client: SqlClient,
    private readonly attempt: Attempt,
    private readonly running: RunningRehearsal,
    private readonly stores: RehearsalStores,
  ) {
    this.lent = lend(client);
  }

  runsAhead(): boolean {
    return false;
  }

  /**
   * A client may run a function again that has rejected. It does not run a handler again that has succeeded.
   */
  async enter(remainingMs: number): Promise<Outcome | undefined> {
    if (this.running.hasSucceeded) return PROCESSED;
    const { statements, rehearsals } = this.stores;
    const timeoutMs = Math.min(Math.ceil(remainingMs + SERVER_TIMEOUT_SLACK_MS), LONGEST_TIMER_MS);
    const { isolation, start } = await statements.begin(this.client, timeoutMs);
    requireReadCommitted(isolation);
    this.attempt.transactionStart = start;
    this.head = await rehearsals.fence(this.client, this.fence, this.running.claimed);
    this.running.handlerBeganAt = performance.now();
    return undefined;
  }

  /** Runs what would run at COMMIT, and sees what was published. Then everything is rolled back. */
  async leave(): Promise<Outcome> {
    const { rehearsals } = this.stores;
    await this.requireSame();
    await rehearsals.runDeferred(this.client);
    const published = await rehearsals.publishedBehind(this.client, this.head);
    this.running.published = published.slice(0, MOST_PUBLISHED);
    this.running.hasMorePublished = published.length > MOST_PUBLISHED;
    this.running.hasSucceeded = true;
    return PROCESSED;
  }

  ask(): Promise<TransactionAnswer> {
    return answerOf(() => this.requireSame());
  }

  async abandon(error: Error): Promise<void> {
    await (this.lent.takeBack(error) ?? this.stores.statements.abort(this.client).catch(() => {}));
  }

  /** No rehearsal comes to this. If one did, the function of the transaction would reject here. */
  beforeCommit(): never {
    throw new Error('a rehearsal is never committed');
  }

  private async requireSame(): Promise<void> {
    const start = await this.stores.statements.startOf(this.client);
    if (start !== this.attempt.transactionStart) throw transactionEnded(undefined);
  }
}
