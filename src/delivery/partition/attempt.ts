import { IntegrationError } from '../../errors.js';
import type { DomainEvent } from '../../events/domain-event.js';
import type { AttemptObserver } from '../../telemetry/handled-message.js';
import type { AttemptLines } from './attempt-lines.js';
import type { Deliveries, Delivery, EndOfAttempt } from './delivery.js';

/** Called once with the outcome of an attempt. */
export type OutcomeHandler = (attempt: Attempt, outcome: EndOfAttempt) => void;

/**
 * How far an attempt has come:
 *
 *   - `taken`: its events have left their queues, and nobody runs it yet.
 *   - `beginning`: its handler will be called soon, or its transaction is being opened.
 *   - `handling`: its handler runs, in its transaction if it has one.
 *   - `leaving`: its handler is done, and the engine's last statement is sent in its transaction.
 *   - `committing`: only the COMMIT is left.
 *   - `ended`: it has its outcome, and later results are ignored.
 *
 * A client may run the function of its transaction again. Then the attempt is `beginning` once more.
 */
export type AttemptPhase = 'taken' | 'beginning' | 'handling' | 'leaving' | 'committing' | 'ended';

const NOBODY: readonly Delivery[] = [];
/** One function serves all attempts. */
const nobodyIsTold: OutcomeHandler = () => {};

/** One run of a handler, for one event or for a batch: its phase, its deadline and its abort signal. */
export class Attempt {
  /**
   * Whether the handler's own code has been called. This may be before its transaction is known to have
   * begun.
   */
  isEntered = false;

  /**
   * Whether the host's client must answer before the attempt begins. The event may have ended its session
   * before, and the attempt's end would count against the event. A transactional attempt asks the client by
   * itself.
   */
  asksHost = false;

  /** Whether another attempt may run in its place, because only its COMMIT was left at some time. */
  hasLeftItsPlace = false;

  /** The start time of its transaction, if it was asked for; see `transaction-start.store.ts`. */
  transactionStart: string | undefined;

  /** When it began, in milliseconds of the monotonic clock. Undefined before that. */
  beganAt: number | undefined = undefined;

  /** Follows the attempt for telemetry. Undefined if telemetry is off. */
  observer: AttemptObserver | undefined;
  /** What the logger of its handler has written. Undefined if that is nothing, or if lines are not kept. */
  lines: AttemptLines | undefined = undefined;
  /** The number by which the watchdog knows the attempt. */
  watched = -1;

  /**
   * Called when the attempt is abandoned, because the effects of its transaction must not be committed then.
   */
  onAbandoned: ((reason: Error) => void) | undefined;

  /**
   * Called once when the connection of a transactional attempt is free again. This may be after its outcome,
   * because a transaction is rolled back after the deadline.
   */
  onConnectionFree: (() => void) | undefined;

  /** Asked at the deadline why a transactional handler may not have ended. */
  explainDeadline: (() => string | undefined) | undefined;

  private phase: AttemptPhase = 'taken';
  private abandonedBy: Error | undefined;
  private onOutcome = nobodyIsTold;
  private onCommitting: ((attempt: Attempt) => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private startedAt: number | undefined;
  private controller: AbortController | undefined;
  private pending: readonly Delivery[] | undefined;
  private failures: Map<Delivery, unknown> | undefined;

  constructor(
    /** The first event, and usually the only one. Logs name the attempt by it. */
    readonly delivery: Delivery,
    readonly timeoutMs: number,
    /** Whether the handler takes an array. It may hold only one event. */
    readonly isBatch: boolean,
    private readonly onDeadline: (attempt: Attempt, error: IntegrationError) => void,
    /** The other events of a batch. */
    readonly others: readonly Delivery[] = NOBODY,
  ) {}

  /** The events of a batch. They have one subscription and ascend within each aggregate. */
  get deliveries(): Deliveries {
    return [this.delivery, ...this.others];
  }

  /** The events that the handler receives. */
  get toHandle(): readonly Delivery[] {
    return this.pending ?? this.deliveries;
  }

  /** Called when the batch's transaction has found that all events but these are settled already. */
  handleOnly(pending: readonly Delivery[]): void {
    this.pending = pending;
  }

  /**
   * Notes that the event with this id failed, with its error. Of two errors of one event the first one
   * counts. Returns false if the batch has no such event.
   */
  fail(eventId: string, error: unknown): boolean {
    const failed = this.deliveries.find(({ log }) => log.id === eventId);
    if (failed === undefined) return false;
    this.failures ??= new Map();
    if (!this.failures.has(failed)) this.failures.set(failed, error);
    return true;
  }

  /** The events that the handler says have failed, with their errors. Undefined if it says so of none. */
  get failedEvents(): ReadonlyMap<Delivery, unknown> | undefined {
    return this.failures;
  }

  /** The events of a batch, as its handler gets them. */
  toEvents(): DomainEvent[] {
    return this.toHandle.map((delivery) => delivery.toEvent());
  }

  /** Whether its own transaction takes the positions out of the cursor, as a batch from the log does. */
  get settlesPositions(): boolean {
    return this.isBatch && this.delivery.subscription.transactional && this.delivery.claim === undefined;
  }

  /**
   * Whether no other handler of the process may run at the same time. That is how suspects run. All events of
   * a batch agree in it.
   */
  get runsExclusively(): boolean {
    return this.delivery.runsExclusively;
  }

  /** Whether the attempt is past its deadline, or its worker has given it up. */
  get isAbandoned(): boolean {
    return this.abandonedBy !== undefined;
  }

  /** Why it was abandoned. Undefined if it was not. */
  get reason(): Error | undefined {
    return this.abandonedBy;
  }

  /**
   * Whether a failure at this moment would be the handler's. Before the handler runs, the attempt waits for a
   * connection, or for a row that a stalled process has locked. While the attempt settles positions, only the
   * cursor decides its outcome.
   */
  get isHandlersFault(): boolean {
    switch (this.phase) {
      case 'taken':
      case 'beginning':
      case 'ended':
        return false;
      case 'handling':
        return true;
      case 'leaving':
      case 'committing':
        return !this.settlesPositions;
      default:
        return this.phase satisfies never;
    }
  }

  /** The signal is made on demand, because most handlers never ask for it. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.isAbandoned && !this.controller.signal.aborted) this.controller.abort(this.abandonedBy);
    return this.controller.signal;
  }

  /**
   * The time until its deadline, in milliseconds. The deadline starts when this is first read, because most
   * handlers are done before that.
   */
  get remainingMs(): number {
    const now = performance.now();
    this.startedAt ??= now;
    return Math.max(1, Math.ceil(this.timeoutMs - (now - this.startedAt)));
  }

  /**
   * The attempt begins to run. `onOutcome` is called with its outcome. `onCommitting` is called when only the
   * commit is left, if this is known.
   */
  begin(onOutcome: OutcomeHandler, onCommitting?: (attempt: Attempt) => void): void {
    this.onOutcome = onOutcome;
    this.onCommitting = onCommitting;
    this.reach('beginning');
  }

  /** Runs code of the attempt inside its span, if it has one. */
  inSpan<R>(fn: () => R): R {
    return this.observer === undefined ? fn() : this.observer.run(fn);
  }

  /** Called when its transaction begins. A client may begin it several times. */
  beginsAnew(): void {
    this.reach('beginning');
    this.transactionStart = undefined;
    this.onAbandoned = undefined;
  }

  /** Called when the transaction has begun, or when there is none. From now on a failure is the handler's. */
  handles(): void {
    this.reach('handling');
  }

  /** Called when the handler is done and the engine sends its last statement. */
  leaves(): void {
    this.reach('leaving');
  }

  /**
   * Called when only the commit is left. The place of the attempt becomes free only once, even if the client
   * runs the function again.
   */
  commits(): void {
    if (this.phase === 'ended') return;
    this.phase = 'committing';
    if (this.hasLeftItsPlace || this.onCommitting === undefined) return;
    this.hasLeftItsPlace = true;
    this.connectionIsFree();
    this.onCommitting(this);
  }

  /** Called when its transaction has ended, or when its connection may be another transaction's. */
  connectionIsFree(): void {
    const tell = this.onConnectionFree;
    this.onConnectionFree = undefined;
    tell?.();
  }

  /** Takes the outcome. Only the first one counts, from the handler or from the deadline. */
  settle(outcome: EndOfAttempt): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    if (this.timer !== undefined) clearTimeout(this.timer);
    if (this.observer !== undefined) this.observer.ended(this, outcome);
    this.onOutcome(this, outcome);
  }

  /** Ends the attempt from outside. The handler sees its signal abort with this reason. */
  abandon(reason: Error): void {
    if (this.isAbandoned) return;
    this.abandonedBy = reason;
    // The transaction is told before the handler is, so that whatever the handler still sends comes too late.
    this.onAbandoned?.(reason);
    this.controller?.abort(reason);
    // Nobody waits for this deadline any more. So it must not keep a process open that has nothing else to
    // do.
    this.timer?.unref();
  }

  /**
   * Starts to watch the deadline. This is called after the event loop has turned, because most handlers are
   * done by then and never need a timer.
   */
  watchDeadline(): void {
    // An attempt that waits for its turn to run exclusively has nobody yet who receives its outcome.
    if (this.phase === 'taken' || this.phase === 'ended' || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      const error = this.timeoutError();
      this.abandon(error);
      this.onDeadline(this, error);
    }, this.remainingMs);
    if (this.isAbandoned) this.timer.unref();
  }

  timeoutError(): IntegrationError {
    const { subscription, log } = this.delivery;
    const cause = this.explainDeadline?.() ?? 'raise timeoutMs, or heed context.signal';
    // The transaction is known to be rolled back only while the handler runs.
    const whatIsLeft =
      subscription.transactional && this.phase === 'handling'
        ? '. Its transaction is rolled back. What the handler has written outside of it, or still writes, is not undone'
        : '';
    return new IntegrationError(
      'INTEGRATION_HANDLER_TIMEOUT',
      `Handler ${subscription.place} of consumer "${subscription.consumerName}" did not finish ${log.eventName} within ${this.timeoutMs} ms: ${cause}${whatIsLeft}`,
      { consumerName: subscription.consumerName, eventName: log.eventName, outboxEventId: log.id },
    );
  }

  /** An attempt that has ended stays ended, although its transaction may still be running. */
  private reach(phase: AttemptPhase): void {
    if (this.phase !== 'ended') this.phase = phase;
  }
}
