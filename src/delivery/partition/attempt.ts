import { IntegrationError } from '../../errors.js';
import type { DomainEvent } from '../../events/domain-event.js';
import type { Deliveries, Delivery, Outcome } from './delivery.js';

/** Told once how an attempt ended. */
export type OutcomeHandler = (attempt: Attempt, outcome: Outcome) => void;

const NOBODY: readonly Delivery[] = [];
/** One function for all attempts. */
const nobodyIsTold: OutcomeHandler = () => {};

/** One run of a handler, for one event or for a batch: its deadline and its abort signal. */
export class Attempt {
  /** Aborted or past its deadline: what still comes of it is ignored. */
  ended = false;
  /**
   * The handler's own code has been entered, and its transaction, if it has one; before that a failure is
   * never the event's.
   */
  inHandler = false;

  /** The handler's own code has been called, be it before its transaction is known to have begun. */
  isEntered = false;

  /**
   * Its handler is done, and its positions are being settled with its effects: what becomes of that only the
   * cursor says.
   */
  isSettling = false;

  /** When its transaction began, where that was asked; see `transaction-start.store.ts`. */
  transactionStart: string | undefined;

  /** Monotonic ms, noted where somebody is told how long handlers run. */
  beganAt: number | undefined = undefined;

  /** Under which the watchdog knows it. */
  watched = -1;

  /** Its handler is done, its transaction is being committed: another one may run in its place. */
  isCommitting = false;

  /** Called when the attempt is ended from outside: nothing that its transaction did is to be there. */
  onEnded: (() => void) | undefined;

  private onOutcome = nobodyIsTold;
  private onCommitting: ((attempt: Attempt) => void) | undefined;
  private begun = false;
  private settled = false;
  private timer: NodeJS.Timeout | undefined;
  private startedAt: number | undefined;
  private controller: AbortController | undefined;
  private endedBy: Error | undefined;
  private pending: readonly Delivery[] | undefined;

  constructor(
    /** The first, mostly the only one: what names the attempt in logs. */
    readonly delivery: Delivery,
    readonly timeoutMs: number,
    /** The handler takes an array, be it of one. */
    readonly isBatch: boolean,
    private readonly onDeadline: (attempt: Attempt, error: IntegrationError) => void,
    /** The other events of a batch. */
    readonly others: readonly Delivery[] = NOBODY,
  ) {}

  /** The events of a batch: of one subscription, ascending within each aggregate. */
  get deliveries(): Deliveries {
    return [this.delivery, ...this.others];
  }

  /** Those that the handler is given. */
  get toHandle(): readonly Delivery[] {
    return this.pending ?? this.deliveries;
  }

  /** The batch's transaction found the others settled already. */
  handleOnly(pending: readonly Delivery[]): void {
    this.pending = pending;
  }

  /** The events of a batch as its handler gets them. */
  toEvents(): DomainEvent[] {
    return this.toHandle.map((delivery) => delivery.toEvent());
  }

  /**
   * Whether its transaction itself takes the positions out of the cursor: a batch that comes from the log.
   */
  get settlesPositions(): boolean {
    return this.isBatch && this.delivery.subscription.transactional && this.delivery.claim === undefined;
  }

  /** Made on demand: most handlers never ask for it. */
  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.ended && !this.controller.signal.aborted) this.controller.abort(this.endedBy);
    return this.controller.signal;
  }

  /**
   * Until its deadline, which is counted from the first time that this is asked for: most handlers are done
   * before.
   */
  get remainingMs(): number {
    const now = performance.now();
    this.startedAt ??= now;
    return Math.max(1, Math.ceil(this.timeoutMs - (now - this.startedAt)));
  }

  /** Ends the attempt from outside; the handler sees its signal abort with this reason. */
  end(reason: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.endedBy = reason;
    // Before the handler hears of it: what it still sends comes too late then.
    this.onEnded?.();
    this.controller?.abort(reason);
    // Nobody waits for its deadline: a process that has nothing else to do may end.
    this.timer?.unref();
  }

  /** Who is told the outcome; and who is told that only the commit is left, where that can be said. */
  begin(onOutcome: OutcomeHandler, onCommitting?: (attempt: Attempt) => void): void {
    this.begun = true;
    this.onOutcome = onOutcome;
    this.onCommitting = onCommitting;
  }

  /** Its transaction begins; a client may begin it several times. */
  beginsAnew(): void {
    this.inHandler = false;
    this.isSettling = false;
    this.transactionStart = undefined;
    this.onEnded = undefined;
  }

  /** Nothing is left but the commit. Its place is given back once, although its client may run it again. */
  committing(): void {
    if (this.settled || this.isCommitting || this.onCommitting === undefined) return;
    this.isCommitting = true;
    this.onCommitting(this);
  }

  /** The first outcome counts, be it the handler's or the deadline's. */
  settle(outcome: Outcome): void {
    if (this.settled) return;
    this.settled = true;
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.onOutcome(this, outcome);
  }

  /**
   * From now on the deadline is watched. Called once the event loop has turned: most handlers are done by
   * then, and never need a timer.
   */
  watchDeadline(): void {
    // One that waits for its turn to run alone has nobody to tell its outcome to yet.
    if (!this.begun || this.settled || this.timer !== undefined) return;
    this.timer = setTimeout(() => {
      const error = this.timeoutError();
      this.end(error);
      this.onDeadline(this, error);
    }, this.remainingMs);
    if (this.ended) this.timer.unref();
  }

  timeoutError(): IntegrationError {
    const { subscription, log } = this.delivery;
    return new IntegrationError(
      'INTEGRATION_HANDLER_TIMEOUT',
      `Handler ${subscription.place} of consumer "${subscription.consumerName}" did not finish ${log.eventName} within ${this.timeoutMs} ms: raise timeoutMs, or heed context.signal`,
      { consumerName: subscription.consumerName, eventName: log.eventName, outboxEventId: log.id },
    );
  }
}
