import { IntegrationError } from '../errors.js';
import type { ClaimedRow } from '../inbox/inbox-event.store.js';
import type { AggregateKey, ExceptionRow, ResolvedRow } from '../inbox/inbox-status.js';
import type { HeldLease } from '../inbox/lease-keeper.js';
import type { PositionSet } from '../inbox/position-set.js';
import type { SaveReport, SaveSource, SettleBuffer } from '../inbox/settle-buffer.js';
import type { LogEvent, LogRow } from '../outbox/outbox-log.store.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { Consumer } from '../subscribers/consumer.js';
import { AggregateLanes } from './aggregate-lanes.js';
import type { Attempt } from './attempt.js';
import { Backoff } from './backoff.js';
import { Delivery, type Outcome } from './delivery.js';
import type { HandlerRunner } from './handler-runner.js';
import type { HandlerSlots, SlotUser } from './handler-slots.js';
import { errorFingerprint, errorText } from './retry-policy.js';

interface DispatcherEnvironment {
  readonly runner: HandlerRunner;
  readonly slots: HandlerSlots;
  readonly settings: IntegrationSettingsService;
}

interface DispatcherHooks {
  /** An outcome lies in the settle buffer, or room was made. */
  outcomeReady(): void;
  leaseLost(): void;
  /** Memory is at odds with itself: everything has to be read anew. */
  broken(error: unknown): void;
  /** The infrastructure failed; nothing is started for so many milliseconds. */
  pausing(ms: number, error: unknown): void;
}

/** What an outcome writes into the inbox; undefined: nothing but the position. */
type Verdict = Pick<ExceptionRow, 'status' | 'availableInMs'> & { readonly error: unknown };

/** Runs the events of one leased cursor: in order per aggregate, so many at once, outcomes into the settle buffer. */
export class Dispatcher implements SaveSource, SlotUser {
  readonly lanes: AggregateLanes;
  readonly priority: number;

  private readonly running = new Set<Attempt>();
  /** Rows that the retry lane has claimed and that have no outcome yet. */
  private readonly claimed = new Map<string, Delivery>();
  /** Rows whose outcome waits for its save. */
  private readonly finished = new Set<string>();
  /** How many of the claimed ones wait for one that was claimed with them. */
  private following = 0;
  private readonly backoff = new Backoff();
  private pause: NodeJS.Timeout | undefined;
  private batchTimer: NodeJS.Timeout | undefined;
  private batchDue = false;
  /** Events of failed batches that have not run by themselves yet. */
  private singles = 0;
  private watching = false;
  private pumping = false;
  private closed = false;
  private abandoned = false;
  private waiting = 0;
  private bytes = 0;
  private endedWaiters: (() => void)[] = [];
  private claimWaiters: (() => void)[] = [];

  constructor(
    private readonly consumer: Consumer,
    private readonly lease: HeldLease,
    private readonly buffer: SettleBuffer,
    private readonly env: DispatcherEnvironment,
    private readonly hooks: DispatcherHooks,
  ) {
    this.lanes = new AggregateLanes(consumer.ordered);
    this.priority = consumer.priority;
  }

  /** Events read from the log that do not run yet. */
  get waitingEvents(): number {
    return this.waiting;
  }

  get waitingBytes(): number {
    return this.bytes;
  }

  get isIdle(): boolean {
    return this.running.size === 0 && this.waiting === 0 && this.claimed.size === 0 && !this.lanes.hasUnsaved;
  }

  /** Whether an event of the log at one of these positions runs, or is to run, here. */
  holdsAny(positions: PositionSet): boolean {
    if (positions.isEmpty) return false;
    const isOne = (delivery: Delivery) => delivery.claim === undefined && positions.has(delivery.position);
    for (const { deliveries } of this.running) if (deliveries.some(isOne)) return true;
    for (const delivery of this.lanes.waiting()) if (isOne(delivery)) return true;
    return false;
  }

  /** Whether an earlier event of this one's aggregate is unresolved. */
  isBlocked(log: LogEvent): boolean {
    return this.lanes.isBlocked(aggregateOf(log));
  }

  /** Whether nothing is claimed, or unsaved: a row that is to run alone may be claimed. */
  get hasNoClaims(): boolean {
    return this.claimed.size === 0 && this.finished.size === 0;
  }

  /** How many due rows may be claimed now: an attempt counts from its claim, so nothing is claimed that could not run soon. */
  get freeForRetries(): number {
    return this.closed ? 0 : Math.max(0, this.consumer.concurrency - this.claimed.size + this.following);
  }

  /** Ids of the inbox rows that are `processing` because of us: claimed, or finished and not saved yet. */
  get rowsOfOurs(): string[] {
    return [...this.claimed.keys(), ...this.finished];
  }

  get ended(): Promise<void> {
    if (this.running.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.endedWaiters.push(resolve));
  }

  /** A page of the log. */
  arrive(rows: readonly LogRow[]): void {
    for (const { position, wanted } of rows) {
      if (wanted === undefined) this.buffer.settle(position);
      else if (wanted.delayMs !== undefined) this.postpone(position, wanted, wanted.delayMs);
      else this.arriveOne(position, wanted);
    }
    this.pump();
  }

  /** Rows that the retry lane has claimed, with their events. */
  arriveClaimed(rows: readonly ClaimedRow[], events: ReadonlyMap<number, LogEvent>, alone: boolean): void {
    for (const row of rows) {
      const log = events.get(row.position);
      const subscription = log && this.consumer.match(log.eventName);
      if (log === undefined || subscription === undefined) {
        this.giveUp(
          row,
          new Error(
            log === undefined ? 'The event is no longer in the log' : `No handler for ${log.eventName}`,
          ),
        );
        continue;
      }
      const maxAttempts = subscription.retry.maxAttempts ?? this.env.settings.snapshot().maxAttempts;
      if (row.attempt > maxAttempts) {
        // Its last attempt was counted and interrupted: there is none left.
        this.giveUp(row, undefined, true);
        continue;
      }
      const delivery = new Delivery(row.position, log, subscription, row.attempt, {
        inboxEventId: row.inboxEventId,
        follows: row.follows,
        alone,
      });
      if (row.follows) this.following++;
      this.claimed.set(row.inboxEventId, delivery);
      this.lanes.arriveClaimed(delivery);
    }
    this.pump();
  }

  /**
   * A suspect, moved to the inbox with its attempt counted: runs with no other handler beside it. Resolves when its outcome is
   * saved: were it not, the next one's end would be counted against it.
   */
  async runSuspect(position: number, log: LogEvent, inboxEventId: string): Promise<void> {
    const row = {
      inboxEventId,
      outboxEventId: log.id,
      position,
      attempt: 1,
      follows: false,
      ...aggregateOf(log),
    };
    this.arriveClaimed([row], new Map([[position, log]]), true);
    while (!this.closed && (this.claimed.has(inboxEventId) || this.finished.has(inboxEventId))) {
      await new Promise<void>((resolve) => this.claimWaiters.push(resolve));
    }
  }

  /** Starts what can run: in turn, within the consumer's and the process's capacity, under a lease known to be ours. */
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

  private startReady(): void {
    while (
      !this.closed &&
      this.pause === undefined &&
      this.running.size < this.consumer.concurrency &&
      this.lanes.hasReady &&
      this.lease.isValid() &&
      !this.batchFills() &&
      this.env.slots.tryTake(this)
    ) {
      const [first, ...others] = this.lanes.takeBatch(this.consumer.batch?.maxSize ?? 1);
      if (first === undefined || first.claim?.alone === true) this.env.slots.giveBack();
      if (first !== undefined) this.start([first, ...others]);
    }
  }

  /** Whether a batch is waited for that is not full yet. */
  private batchFills(): boolean {
    const { batch } = this.consumer;
    if (
      batch === undefined ||
      batch.maxWaitMs === 0 ||
      this.waiting >= batch.maxSize ||
      this.batchDue ||
      this.hasSingles
    ) {
      this.batchDue = false;
      return false;
    }
    this.batchTimer ??= setTimeout(() => {
      this.batchTimer = undefined;
      this.batchDue = true;
      this.pump();
    }, batch.maxWaitMs);
    return true;
  }

  private get hasSingles(): boolean {
    return this.singles > 0 || this.claimed.size > 0;
  }

  slotFree(): void {
    this.pump();
  }

  /** Handlers could run beside those that do, but no event here is for them: all wait behind one of their aggregate. */
  get lacksEvents(): boolean {
    return !this.lanes.hasReady && this.running.size < this.consumer.concurrency;
  }

  /** The window is full and nothing in it can run: one aggregate's queue is written down as waiting. */
  makeRoom(): void {
    if (!this.lacksEvents) return;
    this.lanes.spillLongest();
    this.hooks.outcomeReady();
  }

  takeWaiting(): ExceptionRow[] {
    return this.lanes.takeParked().map((delivery) => {
      this.leaveWindow(delivery);
      return this.exceptionOf(
        delivery,
        { status: 'received', availableInMs: Number.POSITIVE_INFINITY, error: undefined },
        0,
      );
    });
  }

  takeReleases(): AggregateKey[] {
    return this.lanes.takeReleases();
  }

  /** A save is committed: lanes follow what the inbox says. */
  saved(report: SaveReport): void {
    for (const row of report.resolved) this.finished.delete(row.inboxEventId);
    for (const resolve of this.claimWaiters.splice(0)) resolve();
    this.lanes.released(report.released, report.stillBlocked);
    for (const row of report.found) this.lanes.recheck(row);
    const updated = new Set(report.updated);
    // Its transaction committed after all, or an admin was faster: the inbox decides whether the lane stays blocked.
    for (const row of report.resolved) if (!updated.has(row.inboxEventId)) this.lanes.recheck(row);
    this.pump();
    if (this.lanes.hasUnsaved) this.hooks.outcomeReady();
  }

  /** Starts nothing more. */
  close(): void {
    this.closed = true;
    for (const resolve of this.claimWaiters.splice(0)) resolve();
    clearTimeout(this.pause);
    clearTimeout(this.batchTimer);
  }

  /** Resolves to whether all running handlers ended before `deadline` (monotonic ms). */
  async finishRunning(deadline: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, deadline - performance.now()));
    });
    await Promise.race([this.ended, late]);
    clearTimeout(timer);
    return this.running.size === 0;
  }

  /** Claimed rows that never ran get their attempt back and are due again. */
  giveBackClaims(): void {
    for (const delivery of this.claimed.values()) {
      const runs = [...this.running].some((attempt) => attempt.deliveries.includes(delivery));
      if (!runs) this.giveBack(delivery);
    }
  }

  /** One that follows another waits for it again. */
  private giveBack(delivery: Delivery): void {
    const verdict: Verdict = delivery.claim?.follows
      ? { status: 'received', availableInMs: Number.POSITIVE_INFINITY, error: undefined }
      : { status: 'failed', availableInMs: 0, error: undefined };
    this.resolve({ ...this.resolutionOf(delivery, verdict), attemptGivenBack: true });
  }

  /** What still runs is ignored from now on, and told so. */
  abandon(reason: Error): void {
    this.closed = true;
    this.abandoned = true;
    for (const attempt of this.running) attempt.end(reason);
  }

  private arriveOne(position: number, log: LogEvent): void {
    const subscription = this.consumer.match(log.eventName);
    if (subscription === undefined) {
      throw new IntegrationError(
        'INTEGRATION_SUBSCRIBER_INVALID',
        `Consumer "${this.consumer.name}" is stored with a name that covers ${log.eventName}, but this process has no handler for it`,
        { consumerName: this.consumer.name, eventName: log.eventName },
      );
    }
    this.waiting++;
    this.bytes += log.bytes;
    this.lanes.arrive(new Delivery(position, log, subscription, 1, undefined));
  }

  private postpone(position: number, log: LogEvent, availableInMs: number): void {
    this.buffer.except({
      outboxEventId: log.id,
      position,
      aggregateType: log.aggregateType,
      aggregateId: log.aggregateId,
      status: 'received',
      attempt: 0,
      error: undefined,
      fingerprint: undefined,
      availableInMs,
    });
  }

  private giveUp(row: ClaimedRow, error: Error | undefined, attemptGivenBack = false): void {
    this.resolve({
      inboxEventId: row.inboxEventId,
      aggregateType: row.aggregateType,
      aggregateId: row.aggregateId,
      attempt: row.attempt,
      attemptGivenBack,
      ...this.rowOf({ ...this.deadVerdict, error }),
    });
    this.lanes.recheck(row);
    this.hooks.outcomeReady();
  }

  private start(deliveries: readonly [Delivery, ...Delivery[]]): void {
    for (const delivery of deliveries) {
      if (delivery.claim === undefined) this.leaveWindow(delivery);
      else if (delivery.claim.follows) this.following--;
    }
    const attempt = this.env.runner.begin(deliveries, this.consumer.batch !== undefined);
    this.running.add(attempt);
    this.watchDeadlines();
    const { runner, slots } = this.env;
    if (deliveries[0].claim?.alone === true) {
      slots.exclusively(() => this.runUnlessClosed(attempt)).then((outcome) => this.end(attempt, outcome));
      return;
    }
    runner.run(attempt, this.lease, (outcome) => {
      // In this order, so that what waits here takes part when the slot is given to the highest priority.
      this.end(attempt, outcome);
      slots.giveBack();
    });
  }

  /** The turn may come long after the wish: nothing is started for a worker that has been given up meanwhile. */
  private runUnlessClosed(attempt: Attempt): Promise<Outcome> {
    if (this.closed || !this.lease.isValid()) {
      return Promise.resolve({ kind: 'infrastructure', error: new Error('the lease was not ours any more') });
    }
    return new Promise((done) => this.env.runner.run(attempt, this.lease, done));
  }

  private watchDeadlines(): void {
    if (this.watching) return;
    this.watching = true;
    setImmediate(() => {
      this.watching = false;
      for (const attempt of this.running) attempt.watchDeadline();
    });
  }

  private end(attempt: Attempt, outcome: Outcome): void {
    try {
      this.finish(attempt, outcome);
    } catch (error) {
      this.hooks.broken(error);
    }
  }

  private finish(attempt: Attempt, outcome: Outcome): void {
    this.running.delete(attempt);
    if (!this.abandoned) this.settleAttempt(attempt, outcome);
    if (this.running.size === 0) for (const resolve of this.endedWaiters.splice(0)) resolve();
    for (const resolve of this.claimWaiters.splice(0)) resolve();
    this.pump();
    if (!this.abandoned) this.hooks.outcomeReady();
  }

  /** A batch that fails is run again event by event: the one at fault is found, and no other is blamed for it. */
  private settleAttempt(attempt: Attempt, outcome: Outcome): void {
    const { deliveries } = attempt;
    if (deliveries[0].alone && outcome.kind !== 'infrastructure') this.singles--;
    if (outcome.kind === 'processed' && attempt.settlesPositions) {
      this.backoff.succeeded();
      for (const delivery of deliveries) this.lanes.resolved(delivery);
    } else if (deliveries.length > 1 && isFailure(outcome)) {
      for (const delivery of deliveries) {
        delivery.alone = true;
        this.singles++;
        this.returnToWindow(delivery);
      }
    } else {
      for (const delivery of deliveries) this.settle(delivery, outcome);
    }
  }

  private settle(delivery: Delivery, outcome: Outcome): void {
    switch (outcome.kind) {
      case 'processed':
        this.processed(delivery);
        this.lanes.resolved(delivery);
        break;
      case 'skipped':
        this.write(delivery, { status: 'skipped', availableInMs: undefined, error: outcome.reason });
        this.lanes.resolved(delivery);
        break;
      case 'dead':
        this.write(delivery, { ...this.deadVerdict, error: outcome.error });
        this.lanes.resolved(delivery);
        break;
      case 'retry':
        this.write(delivery, { status: 'failed', availableInMs: outcome.delayMs, error: outcome.error });
        for (const follower of this.lanes.failed(delivery)) this.dismiss(follower);
        break;
      case 'elsewhere':
        if (delivery.claim === undefined) this.buffer.settle(delivery.position);
        else this.claimed.delete(delivery.claim.inboxEventId);
        this.lanes.foundElsewhere(delivery);
        break;
      case 'infrastructure':
        this.runAgain(delivery, outcome.error);
        break;
      case 'lease-lost':
        this.hooks.leaseLost();
        break;
      default:
        outcome satisfies never;
    }
  }

  private processed(delivery: Delivery): void {
    this.backoff.succeeded();
    const { claim, subscription, position, log } = delivery;
    if (claim === undefined) {
      if (subscription.transactional) this.buffer.settleCovered(position, log.id);
      else this.buffer.settle(position);
      return;
    }
    this.claimed.delete(claim.inboxEventId);
    // The row of a transactional handler became `processed` in the handler's own transaction.
    if (!subscription.transactional) {
      this.resolve(
        this.resolutionOf(delivery, { status: 'processed', availableInMs: undefined, error: undefined }),
      );
    }
  }

  private write(delivery: Delivery, verdict: Verdict): void {
    this.backoff.succeeded();
    if (delivery.claim === undefined) {
      this.buffer.except(this.exceptionOf(delivery, verdict, delivery.attempt));
      return;
    }
    this.claimed.delete(delivery.claim.inboxEventId);
    this.resolve(this.resolutionOf(delivery, verdict));
  }

  /** The consumer pauses as a whole: what failed one event for want of a connection would fail the next as well. */
  private runAgain(delivery: Delivery, error: unknown): void {
    this.returnToWindow(delivery);
    if (this.pause !== undefined) return;
    const ms = this.backoff.failed();
    this.hooks.pausing(ms, error);
    this.pause = setTimeout(() => {
      this.pause = undefined;
      this.pump();
    }, ms);
  }

  private get deadVerdict(): Pick<Verdict, 'status' | 'availableInMs'> {
    const { deadLetterEnabled } = this.env.settings.snapshot();
    return { status: deadLetterEnabled ? 'dead_letter' : 'failed', availableInMs: undefined };
  }

  private resolve(row: ResolvedRow): void {
    this.finished.add(row.inboxEventId);
    this.buffer.resolve(row);
  }

  /** The one that it follows is to be tried again: its own attempt has not begun. */
  private dismiss(follower: Delivery): void {
    this.following--;
    if (follower.claim !== undefined) this.claimed.delete(follower.claim.inboxEventId);
    this.giveBack(follower);
  }

  private returnToWindow(delivery: Delivery): void {
    if (delivery.claim === undefined) {
      this.waiting++;
      this.bytes += delivery.log.bytes;
    } else if (delivery.claim.follows) this.following++;
    this.lanes.again(delivery);
  }

  private leaveWindow(delivery: Delivery): void {
    this.waiting--;
    this.bytes -= delivery.log.bytes;
  }

  private exceptionOf(delivery: Delivery, verdict: Verdict, attempt: number): ExceptionRow {
    const { log, position } = delivery;
    return {
      outboxEventId: log.id,
      position,
      aggregateType: log.aggregateType,
      aggregateId: log.aggregateId,
      attempt,
      ...this.rowOf(verdict),
    };
  }

  private resolutionOf(delivery: Delivery, verdict: Verdict): ResolvedRow {
    return {
      inboxEventId: delivery.claim?.inboxEventId ?? '',
      aggregateType: delivery.log.aggregateType,
      aggregateId: delivery.log.aggregateId,
      attempt: delivery.attempt,
      ...this.rowOf(verdict),
    };
  }

  private rowOf({ status, availableInMs, error }: Verdict) {
    const hasError = error !== undefined;
    return {
      status,
      availableInMs,
      error: hasError ? errorText(error) : undefined,
      fingerprint: hasError && status !== 'skipped' ? errorFingerprint(error) : undefined,
    };
  }
}

function isFailure(outcome: Outcome): boolean {
  return outcome.kind === 'retry' || outcome.kind === 'dead' || outcome.kind === 'skipped';
}

function aggregateOf({ aggregateType, aggregateId }: LogEvent): AggregateKey {
  return { aggregateType, aggregateId };
}
