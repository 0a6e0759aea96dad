import { Inject, Injectable } from '@nestjs/common';
import { namesOf, type PublishedRecord, runInHandlerContext } from '../../context/integration-context.js';
import { HostClient } from '../../database/clients/host-client.js';
import { PgSqlClient } from '../../database/clients/pg-sql-client.js';
import type { SqlClient } from '../../database/clients/sql-client.js';
import {
  isConnectionLoss,
  PROTOCOL_VIOLATION,
  sqlStateOf,
} from '../../database/connection/connection-loss.js';
import { type EndedBy, endOf, transactionEnded } from '../../database/sql/transaction-ends.js';
import { answerWithin, LONGEST_TIMER_MS } from '../../database/wire/answer-within.js';
import { EventGate } from '../../events/event-gate.js';
import { InboxService } from '../../inbox/inbox.service.js';
import { IntegrationLinkService } from '../../links/integration-link.service.js';
import type { HeldLease } from '../../membership/beat/held-lease.js';
import { OutboxNotifier } from '../../wakeups/outbox-notifier.js';
import type { Attempt } from '../partition/attempt.js';
import { CRASHED, type Outcome, PROCESSED } from '../partition/delivery.js';
import { FailedAttempts } from './failed-attempts.js';
import { type FaultPointName, FaultPoints } from './fault-points.js';
import { givenUp, giveUp } from './given-up.js';
import { contextOf } from './handler-context.js';
import { inputOf } from './handler-input.js';
import type { AttemptTransaction, AttemptTransactions } from './handler-transaction.js';
import { HandlerTransactions } from './handler-transactions.js';
import { HostConnections } from './host-connections.js';
import { isAborted, isFailureOfCommit, isKeptWaiting } from './infrastructure-failure.js';
import { LineKeeping } from './line-keeping.js';
import { notCommitted, TransactionRun } from './transaction-run.js';

/** How long a transactional handler waits at most for a connection of the host's pool, in milliseconds. */
const MAX_WAIT_MS = 5_000;
/** Milliseconds. The client's own time limit comes after the server's. */
const CLIENT_TIMEOUT_SLACK_MS = 2_000;

/**
 * Runs transactional handlers in transactions of the host's client. `For` is what binds an attempt: the lease
 * of its consumer, or a rehearsal. Both run in this one way, so a rehearsal shows what a delivery would do.
 */
@Injectable()
export class TransactionalRunner<For = HeldLease> {
  constructor(
    private readonly host: HostClient,
    @Inject(HandlerTransactions) private readonly transactions: AttemptTransactions<For>,
    readonly inboxService: InboxService,
    readonly linkService: IntegrationLinkService,
    private readonly notifier: OutboxNotifier,
    private readonly failures: FailedAttempts,
    private readonly faults: FaultPoints,
    private readonly gate: EventGate,
    readonly lines: LineKeeping,
    private readonly connections: HostConnections,
  ) {}

  get engine(): string {
    return this.host.engine;
  }

  /** Runs one attempt's transaction and resolves to its outcome. Never rejects. */
  async run(attempt: Attempt, bound: For): Promise<Outcome> {
    const remainingMs = attempt.remainingMs;
    let run: TransactionRun | undefined;
    let result: unknown;
    let stopListening: (() => void) | undefined;
    let giveBack: (() => void) | undefined;
    try {
      result = await this.host.client.$transaction(
        (client) => {
          run = new TransactionRun();
          stopListening?.();
          stopListening = listenForErrors(client);
          const transaction = this.transactions.of(client, attempt, bound);
          giveBack?.();
          giveBack = this.holdConnection(attempt, transaction);
          return this.runWithin(transaction, attempt, remainingMs, run);
        },
        {
          isolationLevel: 'ReadCommitted',
          maxWait: Math.min(remainingMs, MAX_WAIT_MS),
          timeout: Math.min(remainingMs + CLIENT_TIMEOUT_SLACK_MS, LONGEST_TIMER_MS),
        },
      );
    } catch (error) {
      return this.outcomeOfRejection(run, attempt, bound, error);
    } finally {
      stopListening?.();
      giveBack?.();
    }
    if (run !== undefined && result === run) return this.committed(run, attempt);
    return this.outcomeOfOddResult(run, attempt, bound);
  }

  /** Rejects if the host's client does not answer. */
  askHost(): Promise<void> {
    return answerWithin(MAX_WAIT_MS, this.transactions.verifyAnswers(this.host.client));
  }

  private holdConnection(attempt: Attempt, { lent }: AttemptTransaction): () => void {
    attempt.explainDeadline = () => this.connections.shortage(lent);
    return this.connections.hold(attempt.delivery.subscription.consumerName, lent);
  }

  private committed(run: TransactionRun, attempt: Attempt): Outcome {
    if (this.crashes('after-commit', attempt)) return CRASHED;
    if (run.published.length > 0)
      this.notifier.signal({ source: 'commit', eventNames: namesOf(run.published) });
    return PROCESSED;
  }

  /**
   * One run of the transaction's function. It resolves to `run` when only the COMMIT is left, or rejects when
   * the outcome is decided.
   */
  private async runWithin(
    transaction: AttemptTransaction,
    attempt: Attempt,
    remainingMs: number,
    run: TransactionRun,
  ): Promise<TransactionRun> {
    attempt.beginsAnew();
    attempt.onAbandoned = (reason) => giveUp(transaction, attempt, run, reason);
    const runsAhead = transaction.runsAhead();
    const entered = enter(transaction, attempt, remainingMs, run);
    if (!runsAhead) await entered;
    // The attempt was given up, or its deadline passed, while it waited. The token may still be ours, and the
    // row that was inserted may be a second one after the first was cleaned up. So the attempt must neither
    // run nor commit.
    if (attempt.isAbandoned) run.rollBack(givenUp(attempt));
    if (this.crashes('before-handler', attempt)) run.rollBack(CRASHED);
    const handler = this.callInTransaction(attempt, transaction, run.published);
    await run.untilGivenUp(handler).catch(async (error) => {
      await entered;
      // A statement of the handler may have been refused because the attempt was given up.
      if (attempt.isAbandoned) run.rollBack(givenUp(attempt));
      await this.endAfterFailure(transaction, attempt, run, error);
    });
    await entered;
    if (attempt.isAbandoned) run.rollBack(givenUp(attempt));
    if (this.crashes('after-handler', attempt)) run.rollBack(CRASHED);
    attempt.leaves();
    const refused = await transaction.leave().catch((error) => this.outcomeOfLeaving(attempt, run, error));
    if (refused !== undefined) run.rollBack(refused);
    // The attempt has failed already, so its effects must not be committed.
    if (attempt.isAbandoned) run.rollBack(givenUp(attempt));
    run.committing();
    transaction.beforeCommit();
    return run;
  }

  /** Called when `$transaction` rejected. Its error counts only if the run itself has decided nothing. */
  private async outcomeOfRejection(
    run: TransactionRun | undefined,
    attempt: Attempt,
    bound: For,
    error: unknown,
  ): Promise<Outcome> {
    if (run?.state.kind === 'rolled-back') return run.state.outcome;
    const ended = run?.state.kind === 'ended' ? run.state : endOf(error);
    if (ended !== undefined) return this.outcomeOfEnded(attempt, bound, ended);
    const hasResolved = run?.state.kind === 'committing';
    const isOfTheEvent = hasResolved ? isFailureOfCommit(error) : isAborted(error);
    if (!isOfTheEvent) return { kind: 'infrastructure', error };
    const outcome = this.outcomeOf(attempt, error);
    // The error may come from something that the client did after COMMIT. An event's inbox row shows whether
    // it was committed. Positions have no such row, so the database is asked.
    return hasResolved && attempt.settlesPositions
      ? this.unlessCommitted(run, attempt, bound, outcome)
      : outcome;
  }

  /** Called when `$transaction` resolved, but not to its run. The client may have swallowed an error. */
  private async outcomeOfOddResult(
    run: TransactionRun | undefined,
    attempt: Attempt,
    bound: For,
  ): Promise<Outcome> {
    if (run?.state.kind === 'rolled-back') return run.state.outcome;
    if (run?.state.kind === 'ended') return this.outcomeOfEnded(attempt, bound, run.state);
    const refused: Outcome = { kind: 'infrastructure', error: notCommitted(run) };
    return run?.state.kind === 'committing' ? this.unlessCommitted(run, attempt, bound, refused) : refused;
  }

  /**
   * Called when the handler has ended its transaction itself. An event whose effects may be committed is not
   * tried again, because they would be written a second time.
   */
  private async outcomeOfEnded(
    attempt: Attempt,
    bound: For,
    { by, cause }: { readonly by: EndedBy; readonly cause?: unknown },
  ): Promise<Outcome> {
    const { subscription, log } = attempt.delivery;
    try {
      const endedBy = await this.transactions.takeBack(attempt, bound, by);
      const whose = `The transaction of ${subscription.place}, of consumer "${subscription.consumerName}",`;
      const details = { consumerName: subscription.consumerName, eventName: log.eventName };
      const error = transactionEnded(endedBy, whose, details, cause === undefined ? {} : { cause });
      return endedBy === 'ROLLBACK' ? this.failures.outcomeOfEvent(attempt, error) : { kind: 'dead', error };
    } catch (error) {
      return { kind: 'infrastructure', error };
    }
  }

  private async unlessCommitted(
    run: TransactionRun,
    attempt: Attempt,
    bound: For,
    otherwise: Outcome,
  ): Promise<Outcome> {
    try {
      const isCommitted = await this.transactions.isCommitted(this.host.client, attempt, bound);
      return isCommitted ? this.committed(run, attempt) : otherwise;
    } catch (error) {
      return { kind: 'infrastructure', error };
    }
  }

  private crashes(point: FaultPointName, attempt: Attempt): boolean {
    return this.faults.isArmed && this.faults.reached(point, attempt);
  }

  private async callInTransaction(
    attempt: Attempt,
    { lent: { native: client }, fence }: AttemptTransaction,
    published: PublishedRecord[],
  ): Promise<void> {
    const { subscription } = attempt.delivery;
    const { consumerName } = subscription;
    attempt.isEntered = true;
    const context = contextOf(attempt, this, client);
    const input = inputOf(attempt, this.gate);
    const event = Array.isArray(input) ? undefined : input;
    const { engine } = this;
    const scope = { consumerName, event, fence, engine, transaction: client, published };
    await runInHandlerContext(scope, async () => attempt.inSpan(() => subscription.handler(input, context)));
  }

  /**
   * Decides about an error that a handler threw in its transaction. In case of doubt the transaction is
   * asked, for three reasons: the error of a connection that was lost between two statements has no code,
   * 08P01 may mean a lost connection or one wrong statement, and a handler may have ended the transaction
   * before.
   */
  private async endAfterFailure(
    transaction: AttemptTransaction,
    attempt: Attempt,
    run: TransactionRun,
    error: unknown,
  ): Promise<never> {
    const outcome = this.outcomeOf(attempt, error);
    const state = sqlStateOf(error);
    const isClear = state !== undefined && state !== PROTOCOL_VIOLATION;
    if (isClear && (outcome.kind === 'infrastructure' || !transaction.mayHaveEnded))
      return run.rollBack(outcome);
    const answer = await transaction.ask();
    if (answer.kind === 'ended') return run.endedItself(answer.by, error);
    if (answer.kind === 'lost') return run.rollBack({ kind: 'infrastructure', error: answer.error });
    // A statement of this transaction failed, but its connection works.
    const isOurs = state === PROTOCOL_VIOLATION && answer.kind === 'aborted';
    return run.rollBack(isOurs ? this.failures.outcomeOfEvent(attempt, error) : outcome);
  }

  /**
   * Decides about an error of the engine's last statement in the transaction. If that statement had to wait,
   * this is not the event's fault.
   */
  private outcomeOfLeaving(attempt: Attempt, run: TransactionRun, error: unknown): Outcome {
    const end = endOf(error);
    if (end !== undefined) return run.endedItself(end.by);
    const state = sqlStateOf(error);
    const isOurs = state === undefined ? attempt.settlesPositions : isKeptWaiting(state);
    return isOurs || isConnectionLoss(error)
      ? { kind: 'infrastructure', error }
      : this.outcomeOf(attempt, error);
  }

  private outcomeOf(attempt: Attempt, error: unknown): Outcome {
    return this.failures.outcomeOf(attempt, error);
  }
}

/**
 * Rejects if the handler must not run, because its effects are already committed or because the lease is no
 * longer ours.
 */
function enter(
  transaction: AttemptTransaction,
  attempt: Attempt,
  remainingMs: number,
  run: TransactionRun,
): Promise<void> {
  const entered = transaction.enter(remainingMs).then(
    (settled) => {
      if (settled !== undefined) run.rollBack(settled);
      attempt.handles();
    },
    (error) => run.rollBack({ kind: 'infrastructure', error }),
  );
  // A handler that runs ahead may never reach the point at which this promise is awaited.
  entered.catch(() => {});
  return entered;
}

/**
 * While the transaction runs, a lost connection is reported by the statements that fail. The listener keeps
 * it from ending the process.
 */
function listenForErrors(client: SqlClient): (() => void) | undefined {
  return client instanceof PgSqlClient ? client.listenForErrors() : undefined;
}
