import { Injectable, Logger } from '@nestjs/common';
import { LONGEST_TIMER_MS } from '../database/answer-within.js';
import { isConnectionLoss, sqlStateOf } from '../database/connection-loss.js';
import { EngineTransaction } from '../database/engine-transaction.js';
import { HostClient } from '../database/host-client.js';
import type { SqlClient } from '../database/sql-client.js';
import { IntegrationError } from '../errors.js';
import type { HeldLease } from '../inbox/held-lease.js';
import { InboxService } from '../inbox/inbox.service.js';
import { IntegrationLinkService } from '../links/integration-link.service.js';
import { OutboxNotifier } from '../outbox/outbox-notifier.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import {
  namesOf,
  type PublishedRecord,
  runHandler,
  runInHandlerContext,
} from '../telemetry/integration-context.js';
import { Attempt, type OutcomeHandler } from './attempt.js';
import type { Delivery, Outcome } from './delivery.js';
import { type FaultPointName, FaultPoints } from './fault-points.js';
import { HandlerContext } from './handler-context.js';
import { HandlerTransaction } from './handler-transaction.js';
import { isDatabaseOutage } from './infrastructure-failure.js';
import { isUnavailable, outcomeOfError } from './retry-policy.js';
import { Watchdog } from './watchdog.js';

/** How long a transactional handler waits for a connection of the host's pool, at most. */
const MAX_WAIT_MS = 5_000;
/** The client's own limit comes after the server's. */
const CLIENT_TIMEOUT_SLACK_MS = 2_000;

const PROCESSED: Outcome = { kind: 'processed' };
/** What a fault point comes to: everything that memory knows is dropped. */
const CRASHED: Outcome = { kind: 'lease-lost' };

/** Thrown to roll a transaction back whose outcome is decided. */
class Decided {
  constructor(readonly outcome: Outcome) {}
}

/** Runs handlers: one attempt of one delivery, from its deadline to its outcome. Never rejects. */
@Injectable()
export class HandlerRunner {
  private readonly logger = new Logger('HandlerRunner');

  constructor(
    private readonly host: HostClient,
    private readonly transaction: HandlerTransaction,
    readonly inboxService: InboxService,
    readonly linkService: IntegrationLinkService,
    private readonly notifier: OutboxNotifier,
    private readonly settings: IntegrationSettingsService,
    private readonly watchdog: Watchdog,
    private readonly faults: FaultPoints,
  ) {}

  /** `others`: of a batch. */
  begin(delivery: Delivery, others?: readonly Delivery[]): Attempt {
    const timeoutMs = delivery.subscription.timeoutMs ?? this.settings.snapshot().handlerTimeoutMs;
    return new Attempt(delivery, timeoutMs, others !== undefined, this.endAtDeadline, others);
  }

  /**
   * Runs one attempt and tells its outcome once: of its handler, of its transaction, or of its deadline, whichever comes first.
   * By callback: at a hundred thousand events a second every promise and every closure that is not needed counts.
   */
  run(
    attempt: Attempt,
    lease: HeldLease,
    onOutcome: OutcomeHandler,
    onCommitting?: (attempt: Attempt) => void,
  ): void {
    attempt.begin(onOutcome, onCommitting);
    const { subscription, position } = attempt.delivery;
    attempt.watched = this.watchdog.enter(subscription, position);
    if (subscription.transactional)
      this.runTransactional(attempt, lease).then((outcome) => this.end(attempt, outcome));
    else this.runPlain(attempt);
  }

  /** The handler's own end, which may come after the deadline has settled the attempt. */
  private end(attempt: Attempt, outcome: Outcome): void {
    this.watchdog.leave(attempt.watched);
    attempt.watched = -1;
    if (this.faults.isArmed) this.faults.outcomeOf(attempt);
    attempt.settle(outcome);
  }

  private runPlain(attempt: Attempt): void {
    if (this.crashes('before-handler', attempt)) {
      this.end(attempt, CRASHED);
      return;
    }
    attempt.inHandler = true;
    try {
      const running = this.callPlain(attempt);
      if (isThenable(running)) {
        running.then(
          () => this.finishPlain(attempt, PROCESSED),
          (error) => this.failPlain(attempt, error),
        );
      } else this.finishPlain(attempt, PROCESSED);
    } catch (error) {
      this.failPlain(attempt, error);
    }
  }

  private failPlain(attempt: Attempt, error: unknown): void {
    this.finishPlain(attempt, this.outcomeOfHandlerError(attempt, error));
  }

  private finishPlain(attempt: Attempt, outcome: Outcome): void {
    this.end(attempt, this.crashes('after-handler', attempt) ? CRASHED : outcome);
  }

  private async runTransactional(attempt: Attempt, lease: HeldLease): Promise<Outcome> {
    const published: PublishedRecord[] = [];
    const remainingMs = attempt.remainingMs;
    try {
      await this.host.client.$transaction(
        async (transaction) => {
          published.length = 0;
          const runsAhead = this.transaction.mayRunAhead(transaction, attempt, lease);
          const entered = this.enter(transaction, attempt, lease, remainingMs);
          if (!runsAhead) await entered;
          // Given up, or past its deadline, while it waited: the token may still be ours, and the row it inserted a second one
          // after the first was cleaned up. It must neither run nor commit.
          if (attempt.ended) throw attempt.timeoutError();
          if (this.crashes('before-handler', attempt)) throw new Decided(CRASHED);
          await this.callInTransaction(attempt, transaction, published).catch(async (error) => {
            await entered;
            throw new Decided(await this.outcomeWithin(transaction, attempt, error));
          });
          await entered;
          if (this.crashes('after-handler', attempt)) throw new Decided(CRASHED);
          attempt.isSettling = attempt.settlesPositions;
          const refused = await this.transaction.leave(transaction, attempt, lease).catch((error) => {
            const isOurs = attempt.isSettling && sqlStateOf(error) !== '25P02';
            if (isOurs || isConnectionLoss(error)) throw new Decided({ kind: 'infrastructure', error });
            throw new Decided(this.outcomeOfHandlerError(attempt, error));
          });
          if (refused !== undefined) throw new Decided(refused);
          // Its failure is decided already: the effects must not be committed any more.
          if (attempt.ended) throw attempt.timeoutError();
          if (transaction instanceof EngineTransaction) transaction.giveWayToNext(() => attempt.committing());
        },
        {
          isolationLevel: 'ReadCommitted',
          maxWait: Math.min(remainingMs, MAX_WAIT_MS),
          timeout: Math.min(remainingMs + CLIENT_TIMEOUT_SLACK_MS, LONGEST_TIMER_MS),
        },
      );
    } catch (error) {
      if (error instanceof Decided) return error.outcome;
      return isSwallowed(error)
        ? this.outcomeOfHandlerError(attempt, error)
        : { kind: 'infrastructure', error };
    }
    if (this.crashes('after-commit', attempt)) return CRASHED;
    if (published.length > 0) {
      this.notifier.signal({
        source: 'commit',
        eventNames: namesOf(published),
      });
    }
    return PROCESSED;
  }

  /** Rejects where the handler's effects are not to be: they are there, or not ours to write. */
  private enter(
    transaction: SqlClient,
    attempt: Attempt,
    lease: HeldLease,
    remainingMs: number,
  ): Promise<void> {
    const entered = this.transaction.enter(transaction, attempt, lease, remainingMs).then((settled) => {
      if (settled !== undefined) throw new Decided(settled);
      attempt.inHandler = true;
    });
    // A handler that runs ahead may never come to where it is waited for.
    entered.catch(() => {});
    return entered;
  }

  private crashes(point: FaultPointName, attempt: Attempt): boolean {
    return this.faults.isArmed && this.faults.reached(point, attempt);
  }

  private callPlain(attempt: Attempt): unknown {
    const { subscription } = attempt.delivery;
    const context = new HandlerContext(attempt, this, undefined);
    const input = attempt.isBatch ? attempt.toEvents() : attempt.delivery.toEvent();
    const event = Array.isArray(input) ? undefined : input;
    return runHandler(subscription.consumerName, event, subscription.handler, input, context);
  }

  private async callInTransaction(
    attempt: Attempt,
    client: object,
    published: PublishedRecord[],
  ): Promise<void> {
    const { subscription } = attempt.delivery;
    const { consumerName } = subscription;
    const context = new HandlerContext(attempt, this, client);
    const input = attempt.isBatch ? attempt.toEvents() : attempt.delivery.toEvent();
    const event = Array.isArray(input) ? undefined : input;
    await runInHandlerContext({ consumerName, event, transaction: client, published }, async () =>
      subscription.handler(input, context),
    );
  }

  /**
   * Of what a handler threw in its transaction. The error of a connection that was lost between two statements has no code: the transaction
   * is asked whether it still has its own.
   */
  private async outcomeWithin(transaction: SqlClient, attempt: Attempt, error: unknown): Promise<Outcome> {
    const loss = sqlStateOf(error) === undefined ? await this.transaction.lossOf(transaction) : undefined;
    return loss === undefined
      ? this.outcomeOfHandlerError(attempt, error)
      : { kind: 'infrastructure', error: loss };
  }

  private outcomeOfHandlerError(attempt: Attempt, error: unknown): Outcome {
    const { delivery } = attempt;
    const judge = (thrown: unknown) =>
      outcomeOfError(thrown, delivery.attempt, delivery.subscription, this.settings.snapshot());
    try {
      return !isUnavailable(error) && isDatabaseOutage(error)
        ? { kind: 'infrastructure', error }
        : judge(error);
    } catch {
      return judge(new Error('something was thrown that cannot be looked at'));
    }
  }

  /** One function for all attempts. */
  private readonly endAtDeadline = (attempt: Attempt, error: IntegrationError): void => {
    // Waiting for a connection, or for a row that a stalled process holds, is no failure of the event.
    if (!attempt.inHandler || attempt.isSettling) {
      attempt.settle({ kind: 'infrastructure', error });
      return;
    }
    this.logger.warn(error.message);
    attempt.settle(this.outcomeOfHandlerError(attempt, error));
  };
}

/** The handler caught an error of the database, and its transaction was lost with it. */
function isSwallowed(error: unknown): boolean {
  return error instanceof IntegrationError && error.code === 'INTEGRATION_TRANSACTION_ABORTED';
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
    typeof (value as PromiseLike<unknown>).then === 'function'
  );
}
