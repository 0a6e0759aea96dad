import { IntegrationError } from '../../errors.js';
import type { DomainEvent } from '../../events/domain-event.js';
import type { Deliveries, Delivery, Outcome } from './delivery.js';

/** Called once with the outcome of an attempt. */
export type OutcomeHandler = (attempt: Attempt, outcome: Outcome) => void;

/**
 * How far an attempt has come:
 *
 *   taken       its events have left their queues, and nobody runs it yet
 *   beginning   its handler is about to be called, or its transaction is being begun
 *   handling    its handler runs, in its transaction if it has one
 *   leaving     its handler is done, and the engine's last statement is sent in its transaction
 *   committing  only the COMMIT is left
 *   ended       it has its outcome; what still comes of it is ignored
 *
 * A client may run the function of its transaction again: the attempt is `beginning` once more then.
 */
export type AttemptPhase = 'taken' | 'beginning' | 'handling' | 'leaving' | 'committing' | 'ended';

const NOBODY: readonly Delivery[] = [];
/** One function for all attempts. */
const nobodyIsTold: OutcomeHandler = () => {};

/** One run of a handler, for one event or for a batch: its phase, its deadline and its abort signal. */
export class Attempt {
  /** The handler's own code has been called. This may be before its transaction is known to have begun. */
  isEntered = false;

  /**
   * The event may have ended its session before. The attempt must not begin while the host's client does not
   * answer, because its end would count against the event. A transactional attempt asks by itself.
   */
  asksHost = false;

  /** Another attempt may run in its place, because only its COMMIT was left at some time. */
  hasLeftItsPlace = false;

  /** The start time of its transaction, if it was asked for; see `transaction-start.store.ts`. */
  transactionStart: string | undefined;

  /** Monotonic milliseconds. Set only if somebody uses the durations of handlers. */
  beganAt: number | undefined = undefined;

  /** The number by which the watchdog knows the attempt. */
  watched = -1;

  /**
   * Called when the attempt is abandoned, because the effects of its transaction must not be committed then.
   */
  onAbandoned: (() => void) | undefined;

  private phase: AttemptPhase = 'taken';
  private abandonedBy: Error | undefined;
  private onOutcome = nobodyIsTold;
  private onCommitting: ((attempt: Attempt) => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private startedAt: number | undefined;
  private controller: AbortController | undefined;
  private pending: readonly Delivery[] | undefined;

  constructor(
    /** The first event, and usually the only one. Logs name the attempt by it. */
    readonly delivery: Delivery,
    readonly timeoutMs: number,
    /** The handler takes an array, even if it holds one event. */
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

  /** The batch's transaction has found that the other events are settled already. */
  handleOnly(pending: readonly Delivery[]): void {
    this.pending = pending;
  }

  /** The events of a batch, as its handler gets them. */
  toEvents(): DomainEvent[] {
    return this.toHandle.map((delivery) => delivery.toEvent());
  }

  /** Whether its own transaction takes the positions out of the cursor, as a batch from the log does. */
  get settlesPositions(): boolean {
    return this.isBatch && this.delivery.subscription.transactional && this.delivery.claim === undefined;
  }

  /** No other handler may run beside it. */
  get runsAlone(): boolean {
    return this.delivery.claim?.alone === true;
  }

  /** The attempt is past its deadline, or its worker has given it up. */
  get isAbandoned(): boolean {
    return this.abandonedBy !== undefined;
  }

  /**
   * Whether a failure at this moment would be the handler's. Before the handler runs, the attempt waits for a
   * connection, or for a row that a stalled process holds. While it settles positions, only the cursor says
   * what becomes of them.
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
   * The time until its deadline. It is counted from the first time that this is asked for, because most
   * handlers are done before.
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

  /** Its transaction begins. A client may begin it several times. */
  beginsAnew(): void {
    this.reach('beginning');
    this.transactionStart = undefined;
    this.onAbandoned = undefined;
  }

  /** From now on a failure is the handler's, because its transaction has begun or it has none. */
  handles(): void {
    this.reach('handling');
  }

  /** The handler is done, and the engine sends its last statement. */
  leaves(): void {
    this.reach('leaving');
  }

  /** Only the commit is left. Its place becomes free once, even if its client runs the function again. */
  commits(): void {
    if (this.phase === 'ended') return;
    this.phase = 'committing';
    if (this.hasLeftItsPlace || this.onCommitting === undefined) return;
    this.hasLeftItsPlace = true;
    this.onCommitting(this);
  }

  /** The first outcome counts, whether it comes from the handler or from the deadline. */
  settle(outcome: Outcome): void {
    if (this.phase === 'ended') return;
    this.phase = 'ended';
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.onOutcome(this, outcome);
  }

  /** Ends the attempt from outside. The handler sees its signal abort with this reason. */
  abandon(reason: Error): void {
    if (this.isAbandoned) return;
    this.abandonedBy = reason;
    // The transaction is told before the handler is, so that whatever the handler still sends comes too late.
    this.onAbandoned?.();
    this.controller?.abort(reason);
    // Nobody waits for its deadline, so a process that has nothing else to do may end.
    this.timer?.unref();
  }

  /**
   * From now on the deadline is watched. This is called after the event loop has turned: most handlers are
   * done by then and never need a timer.
   */
  watchDeadline(): void {
    // An attempt that waits for its turn to run alone has nobody yet who receives its outcome.
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
    return new IntegrationError(
      'INTEGRATION_HANDLER_TIMEOUT',
      `Handler ${subscription.place} of consumer "${subscription.consumerName}" did not finish ${log.eventName} within ${this.timeoutMs} ms: raise timeoutMs, or heed context.signal`,
      { consumerName: subscription.consumerName, eventName: log.eventName, outboxEventId: log.id },
    );
  }

  /** An attempt that has ended stays ended, although its transaction may still be running. */
  private reach(phase: AttemptPhase): void {
    if (this.phase !== 'ended') this.phase = phase;
  }
}
