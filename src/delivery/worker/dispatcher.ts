import type { AggregateKey } from '../../events/aggregate-key.js';
import type { ClaimedRow } from '../../inbox/inbox-event.store.js';
import type { ExceptionRow } from '../../inbox/inbox-status.js';
import type { SaveReport, SaveSource, SettleBuffer } from '../../inbox/settle-buffer.js';
import type { LogEvent } from '../../log/log-event.js';
import type { LogRows } from '../../log/outbox-log.store.js';
import type { PositionSet } from '../../log/position-set.js';
import type { HeldLease } from '../../membership/held-lease.js';
import type { IntegrationSettingsService } from '../../settings/integration-settings.service.js';
import type { Consumer } from '../../subscribers/consumer.js';
import type { ConcurrencyLimiter, SlotUser } from '../execution/concurrency-limiter.js';
import type { HandlerRunner } from '../execution/handler-runner.js';
import type { AggregateQueues } from '../partition/aggregate-queues.js';
import { Arrivals } from '../partition/arrivals.js';
import type { Attempt } from '../partition/attempt.js';
import { BatchAccumulator } from '../partition/batch-accumulator.js';
import type { ClaimedRows } from '../partition/claimed-rows.js';
import type { Delivery, Outcome } from '../partition/delivery.js';
import type { EnteredEvents, EnteredEventsOf } from '../partition/entered-events.js';
import { InfrastructurePause } from '../partition/infrastructure-pause.js';
import { OutcomeSettler, type SettlerHooks } from '../partition/outcome-settler.js';
import type { OutcomeStream } from '../partition/outcome-stream.js';
import type { RunningAttempts } from '../partition/running-attempts.js';
import { Unavailability, type UnavailabilityHooks } from '../partition/unavailability.js';
import { WorkInHand } from '../partition/work-in-hand.js';

interface DispatcherEnvironment {
  readonly entered: EnteredEvents;
  readonly runner: HandlerRunner;
  readonly slots: ConcurrencyLimiter;
  readonly settings: IntegrationSettingsService;
  readonly outcomes: OutcomeStream;
}

interface DispatcherHooks extends SettlerHooks {
  /** Memory is at odds with itself: everything has to be read anew. */
  broken(error: unknown): void;
  /** The infrastructure failed; nothing is started for so many milliseconds. */
  pausing(ms: number, error: unknown): void;
  readonly unavailability: UnavailabilityHooks;
}

/**
 * Runs the events of one leased cursor: in order per aggregate, so many at once. What comes in are
 * `arrivals`, what is here is `inHand`, and what an attempt comes to is the `settler`'s.
 */
export class Dispatcher implements SaveSource, SlotUser {
  readonly queues: AggregateQueues;
  readonly priority: number;
  /** Attempts that have come to their end. */
  attemptsEnded = 0;

  private readonly inHand: WorkInHand;
  private readonly running: RunningAttempts;
  private readonly claims: ClaimedRows;
  private readonly pause: InfrastructurePause;
  private readonly unavailability: Unavailability;
  private readonly entered: EnteredEventsOf;
  private readonly gate: BatchAccumulator;
  private readonly settler: OutcomeSettler;
  private readonly arrivals: Arrivals;
  private pumping = false;
  private closed = false;
  private abandoned = false;
  private readonly claimWaiters: (() => void)[] = [];

  constructor(
    private readonly consumer: Consumer,
    private readonly lease: HeldLease,
    private readonly buffer: SettleBuffer,
    private readonly env: DispatcherEnvironment,
    private readonly hooks: DispatcherHooks,
  ) {
    this.inHand = new WorkInHand(consumer.ordered);
    this.queues = this.inHand.queues;
    this.running = this.inHand.running;
    this.claims = this.inHand.claims;
    this.pause = new InfrastructurePause(
      (ms, error) => hooks.pausing(ms, error),
      () => this.pump(),
    );
    this.unavailability = new Unavailability(this.pause, hooks.unavailability);
    this.entered = env.entered.of(consumer.name);
    this.gate = new BatchAccumulator(consumer.batch, () => this.pump());
    this.settler = new OutcomeSettler(
      this.inHand,
      buffer,
      this.pause,
      this.unavailability,
      this.entered,
      { settings: env.settings, outcomes: env.outcomes, consumerName: consumer.name },
      hooks,
    );
    this.arrivals = new Arrivals(consumer, env.settings, this.inHand, buffer, this.settler);
    this.priority = consumer.priority;
  }

  // What it has in hand

  /** Events read from the log that do not run yet. */
  get waitingEvents(): number {
    return this.inHand.waitingEvents;
  }

  get waitingBytes(): number {
    return this.inHand.waitingBytes;
  }

  /** Outcomes, and what was passed over, that wait for a save. */
  get unsaved(): number {
    return this.buffer.unsaved;
  }

  /** Nothing is started any more. */
  get isClosed(): boolean {
    return this.closed;
  }

  get isIdle(): boolean {
    return this.inHand.isIdle;
  }

  /**
   * Handlers could run beside those that do, but no event here is for them: all wait behind one of their
   * aggregate.
   */
  get lacksEvents(): boolean {
    return !this.queues.hasReady && this.running.inHandlers < this.consumer.concurrency;
  }

  /**
   * How many due rows may be claimed now: an attempt counts from its claim, so nothing is claimed that could
   * not run soon.
   */
  get freeForRetries(): number {
    return this.closed ? 0 : Math.max(0, this.consumer.concurrency - this.claims.leading);
  }

  /** Whether rows that are to run alone wait for a save. */
  get hasUnsavedSuspects(): boolean {
    return this.settler.hasUnsavedSuspects;
  }

  /** Whether nothing is claimed, or unsaved: a row that is to run alone may be claimed. */
  get hasNoClaims(): boolean {
    return this.claims.isEmpty;
  }

  /** How many inbox rows are `processing` because of us. */
  get unsettledClaims(): number {
    return this.claims.unsettled;
  }

  /** Ids of the inbox rows that are `processing` because of us: claimed, or finished and not saved yet. */
  get rowsOfOurs(): string[] {
    return this.claims.ids;
  }

  /** Whether an event of the log at one of these positions runs, or is to run, here. */
  holdsAny(positions: PositionSet): boolean {
    return this.inHand.holdsAny(positions);
  }

  /** The events of the log that are here without an outcome. */
  get positions(): PositionSet {
    return this.inHand.positions;
  }

  /** Ids of the claimed rows without an outcome. */
  get openClaims(): string[] {
    return this.claims.openIds;
  }

  /** Somebody else has settled what these are. */
  settledElsewhere(isOne: (delivery: Delivery) => boolean): void {
    this.inHand.settledElsewhere(isOne);
    this.pump();
  }

  /** Whether another event of this one's aggregate is here, or unresolved. */
  isBehindAnother(log: LogEvent): boolean {
    return this.queues.isTaken(log);
  }

  // Arriving

  /**
   * A page of the log. Former owners may have begun what is below `begunBelow`. Once closed, nothing arrives:
   * what this owner would pass over may be for the next one.
   */
  arrive(rows: LogRows, begunBelow: number): void {
    if (this.closed) return;
    this.arrivals.page(rows, begunBelow);
    this.pump();
    if (!this.buffer.isEmpty || this.queues.hasUnsaved) this.hooks.outcomeReady();
  }

  /** Positions that need no handler. */
  settleAll(positions: PositionSet): void {
    this.buffer.settleAll(positions);
  }

  /** The inbox has a row of this event already, which decides; the next save asks. */
  foundElsewhere(log: LogEvent): void {
    this.queues.block([log]);
    this.queues.recheck(log);
    this.hooks.outcomeReady();
  }

  /** Rows that the retry loop has claimed, with their events. */
  arriveClaimed(rows: readonly ClaimedRow[], events: ReadonlyMap<number, LogEvent>, alone: boolean): void {
    for (const row of rows) this.arrivals.claimed(row, events.get(row.position), alone);
    this.pump();
  }

  /**
   * A suspect, moved to the inbox with its attempt counted: runs with no other handler beside it. Resolves
   * when its outcome is saved: were it not, the next one's end would be counted against it.
   */
  async runSuspect(log: LogEvent, inboxEventId: string): Promise<void> {
    this.arrivals.suspect(log, inboxEventId);
    this.pump();
    while (!this.closed && this.claims.has(inboxEventId)) {
      await new Promise<void>((resolve) => this.claimWaiters.push(resolve));
    }
  }

  // Running

  /**
   * Starts what can run: in turn, within the consumer's and the process's capacity, under a lease known to be
   * ours.
   */
  pump(): void {
    // A handler that ends at once pumps from within: the loop outside goes on, the stack stays as it is.
    if (this.pumping) return;
    this.pumping = true;
    try {
      this.startReady();
    } finally {
      this.pumping = false;
    }
  }

  slotFree(): void {
    this.pump();
  }

  private startReady(): void {
    while (
      !this.closed &&
      !this.pause.isOn &&
      !this.unavailability.isBeingTried &&
      this.running.inHandlers < this.consumer.concurrency &&
      this.queues.hasReady &&
      this.lease.isValid() &&
      !this.gate.isFilling(this.inHand.waitingEvents, this.inHand.singles > 0 || this.claims.size > 0) &&
      this.env.slots.tryTake(this)
    ) {
      const attempt = this.nextAttempt();
      const begins = attempt !== undefined && (this.entered.isEmpty || !this.settler.setApart(attempt));
      if (!begins || attempt.delivery.claim?.alone === true) this.env.slots.release();
      if (begins) this.start(attempt);
    }
  }

  private nextAttempt(): Attempt | undefined {
    const { batch } = this.consumer;
    if (batch === undefined) {
      const one = this.queues.take();
      return one && this.env.runner.begin(one);
    }
    this.gate.passed();
    const [first, ...others] = this.queues.takeBatch(batch.maxSize);
    return first && this.env.runner.begin(first, others);
  }

  private start(attempt: Attempt): void {
    this.inHand.begin(attempt.delivery);
    for (const other of attempt.others) this.inHand.begin(other);
    const { runner } = this.env;
    this.running.add(attempt);
    if (attempt.delivery.isSettled) {
      this.leaveToInbox(attempt);
      return;
    }
    this.unavailability.began(attempt);
    if (this.env.outcomes.wantsDurations) attempt.beganAt = performance.now();
    if (attempt.delivery.claim?.alone === true)
      this.runAlone(attempt).then((outcome) => this.end(attempt, outcome));
    else runner.run(attempt, this.lease, this.endInSlot, this.committing);
  }

  /** It has been settled by somebody else: it ends before it has begun. */
  private leaveToInbox(attempt: Attempt): void {
    const outcome: Outcome = { kind: 'elsewhere', settled: true };
    if (attempt.delivery.claim?.alone === true) this.end(attempt, outcome);
    else this.endInSlot(attempt, outcome);
  }

  /** Its place is free; what runs next may share the message that carries its COMMIT. */
  private readonly committing = (): void => {
    try {
      this.running.commits();
      this.pump();
      this.env.slots.release();
    } catch (error) {
      this.hooks.broken(error);
    }
  };

  /** One function for all attempts. */
  private readonly endInSlot = (attempt: Attempt, outcome: Outcome): void => {
    // In this order, so that what waits here takes part when the slot is given to the highest priority.
    this.end(attempt, outcome);
    if (!attempt.isCommitting) this.env.slots.release();
  };

  /**
   * With no other handler beside it. One that may have ended its own session is not even to wait for that,
   * nor to begin, while the host's client does not answer: its end would be counted against it. A transaction
   * asks by itself.
   */
  private async runAlone(attempt: Attempt): Promise<Outcome> {
    const { delivery } = attempt;
    const asks = !delivery.subscription.transactional && this.entered.isSuspect(delivery);
    try {
      if (asks) await this.env.runner.askHost();
      return await this.env.slots.exclusively(async () => {
        if (asks) await this.env.runner.askHost();
        return this.runUnlessClosed(attempt);
      });
    } catch (error) {
      return { kind: 'infrastructure', error };
    }
  }

  /**
   * The turn may come long after the wish: nothing is started for a worker that has been given up meanwhile.
   */
  private runUnlessClosed(attempt: Attempt): Promise<Outcome> {
    if (this.closed || !this.lease.isValid()) {
      return Promise.resolve({ kind: 'infrastructure', error: new Error('the lease was not ours any more') });
    }
    // It has waited for its turn.
    if (attempt.beganAt !== undefined) attempt.beganAt = performance.now();
    return new Promise((done) => {
      this.env.runner.run(attempt, this.lease, (_, outcome) => done(outcome));
      attempt.watchDeadline();
    });
  }

  private end(attempt: Attempt, outcome: Outcome): void {
    this.attemptsEnded++;
    try {
      const judged = this.entered.judge(attempt, outcome);
      this.running.remove(attempt);
      this.unavailability.ended(attempt, outcome);
      if (!this.abandoned) this.settler.ended(attempt, judged);
      this.running.tellIfEnded();
      callAll(this.claimWaiters);
      this.pump();
      if (!this.abandoned) this.hooks.outcomeReady(attempt.delivery.claim?.alone);
    } catch (error) {
      this.hooks.broken(error);
    }
  }

  // Saving

  takeWaiting(): ExceptionRow[] {
    return this.settler.takeWaiting();
  }

  takeReleases(): AggregateKey[] {
    return this.queues.takeReleases();
  }

  /** A save is committed: queues follow what the inbox says. */
  saved(report: SaveReport): void {
    // They go on after this turn, when the rows are saved here too.
    callAll(this.claimWaiters);
    this.settler.saved(report);
    this.pump();
    if (this.queues.hasUnsaved) this.hooks.outcomeReady();
  }

  /** The window is full and nothing in it can run: one aggregate's queue is written down as waiting. */
  makeRoom(): void {
    if (!this.lacksEvents) return;
    this.queues.spillLongest();
    this.hooks.outcomeReady();
  }

  // Ending

  /** Starts nothing more. */
  close(): void {
    this.closed = true;
    callAll(this.claimWaiters);
    this.pause.close();
    this.unavailability.close();
    this.gate.close();
  }

  /** Resolves when nothing runs any more. */
  get ended(): Promise<void> {
    return this.running.ended;
  }

  /** Resolves to whether all running handlers ended before `deadline` (monotonic ms). */
  finishRunning(deadline: number): Promise<boolean> {
    return this.running.finish(deadline);
  }

  /** Claimed rows that never ran get their attempt back and are due again. */
  releaseClaims(): void {
    this.settler.releaseClaims();
  }

  /** What still runs is ignored from now on, and told so. */
  abandon(reason: Error): void {
    this.closed = true;
    this.abandoned = true;
    this.running.abandon(reason);
  }
}

function callAll(waiters: (() => void)[]): void {
  if (waiters.length === 0) return;
  for (const resolve of waiters.splice(0)) resolve();
}
