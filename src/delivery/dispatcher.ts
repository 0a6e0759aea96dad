import { IntegrationError } from '../errors.js';
import type { AggregateKey } from '../events/aggregate-key.js';
import type { ClaimedRow } from '../inbox/inbox-event.store.js';
import type { ExceptionRow, ResolvedRow } from '../inbox/inbox-status.js';
import type { HeldLease } from '../inbox/lease-keeper.js';
import type { PositionSet } from '../inbox/position-set.js';
import type { SaveReport, SaveSource, SettleBuffer } from '../inbox/settle-buffer.js';
import type { LogEvent } from '../outbox/log-event.js';
import type { LogRow } from '../outbox/outbox-log.store.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { Consumer } from '../subscribers/consumer.js';
import { AggregateLanes } from './aggregate-lanes.js';
import type { Attempt } from './attempt.js';
import { Backoff } from './backoff.js';
import { BatchGate } from './batch-gate.js';
import { ClaimedRows } from './claimed-rows.js';
import { type Deliveries, Delivery, isClaimed, type Outcome } from './delivery.js';
import type { HandlerRunner } from './handler-runner.js';
import type { HandlerSlots, SlotUser } from './handler-slots.js';
import {
  DUE_NOW,
  exceptionOf,
  PROCESSED,
  resolutionOf,
  resolutionOfRow,
  type Verdict,
  WAITING,
} from './outcome-rows.js';
import type { OutcomeStream } from './outcome-stream.js';
import { UnsavedOutcomes } from './unsaved-outcomes.js';

interface DispatcherEnvironment {
  readonly runner: HandlerRunner;
  readonly slots: HandlerSlots;
  readonly settings: IntegrationSettingsService;
  readonly outcomes: OutcomeStream;
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

/** Runs the events of one leased cursor: in order per aggregate, so many at once, outcomes into the settle buffer. */
export class Dispatcher implements SaveSource, SlotUser {
  readonly lanes: AggregateLanes;
  readonly priority: number;

  private readonly running = new Set<Attempt>();
  private readonly claims = new ClaimedRows();
  private readonly backoff = new Backoff();
  private readonly gate: BatchGate;
  private readonly outcomes: UnsavedOutcomes;
  private pause: NodeJS.Timeout | undefined;
  /** Events of failed batches that have not run by themselves yet. */
  private singles = 0;
  /** Events of the log that do not run yet, and the bytes of their payloads. */
  private waiting = 0;
  private bytes = 0;
  private watching = false;
  private pumping = false;
  private closed = false;
  private abandoned = false;
  private readonly endedWaiters: (() => void)[] = [];
  private readonly claimWaiters: (() => void)[] = [];

  constructor(
    private readonly consumer: Consumer,
    private readonly lease: HeldLease,
    private readonly buffer: SettleBuffer,
    private readonly env: DispatcherEnvironment,
    private readonly hooks: DispatcherHooks,
  ) {
    this.lanes = new AggregateLanes(consumer.ordered);
    this.outcomes = new UnsavedOutcomes(env.outcomes);
    this.gate = new BatchGate(consumer.batch, () => this.pump());
    this.priority = consumer.priority;
  }

  // What it has in hand

  /** Events read from the log that do not run yet. */
  get waitingEvents(): number {
    return this.waiting;
  }

  get waitingBytes(): number {
    return this.bytes;
  }

  /** Outcomes that wait for a save. */
  get unsaved(): number {
    return this.buffer.size;
  }

  get isIdle(): boolean {
    return this.running.size === 0 && this.waiting === 0 && this.claims.size === 0 && !this.lanes.hasUnsaved;
  }

  /** Handlers could run beside those that do, but no event here is for them: all wait behind one of their aggregate. */
  get lacksEvents(): boolean {
    return !this.lanes.hasReady && this.running.size < this.consumer.concurrency;
  }

  /** How many due rows may be claimed now: an attempt counts from its claim, so nothing is claimed that could not run soon. */
  get freeForRetries(): number {
    return this.closed ? 0 : Math.max(0, this.consumer.concurrency - this.claims.leading);
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
    if (positions.isEmpty) return false;
    const isOne = (delivery: Delivery) => delivery.claim === undefined && positions.has(delivery.position);
    for (const { deliveries } of this.running) if (deliveries.some(isOne)) return true;
    for (const delivery of this.lanes.waiting()) if (isOne(delivery)) return true;
    return false;
  }

  /** Whether another event of this one's aggregate is here, or unresolved. */
  isBehindAnother(log: LogEvent): boolean {
    return this.lanes.isTaken(log);
  }

  // Arriving

  /** A page of the log. */
  arrive(rows: readonly LogRow[]): void {
    for (const { position, wanted } of rows) {
      if (wanted === undefined) this.buffer.settle(position);
      else if (wanted.delayMs !== undefined) this.postpone(wanted, wanted.delayMs);
      else this.arriveOne(wanted);
    }
    this.pump();
    if (!this.buffer.isEmpty || this.lanes.hasUnsaved) this.hooks.outcomeReady();
  }

  /** Positions that need no handler. */
  settleAll(positions: PositionSet): void {
    this.buffer.settleAll(positions);
  }

  /** The inbox has a row of this event already, which decides; the next save asks. */
  foundElsewhere(log: LogEvent): void {
    this.lanes.block([log]);
    this.lanes.recheck(log);
    this.hooks.outcomeReady();
  }

  /** Rows that the retry lane has claimed, with their events. */
  arriveClaimed(rows: readonly ClaimedRow[], events: ReadonlyMap<number, LogEvent>, alone: boolean): void {
    for (const row of rows) this.arriveOneClaimed(row, events.get(row.position), alone);
    this.pump();
  }

  /**
   * A suspect, moved to the inbox with its attempt counted: runs with no other handler beside it. Resolves when its outcome is
   * saved: were it not, the next one's end would be counted against it.
   */
  async runSuspect(log: LogEvent, inboxEventId: string): Promise<void> {
    const { id: outboxEventId, position, aggregateType, aggregateId } = log;
    const row = {
      inboxEventId,
      outboxEventId,
      position,
      attempt: 1,
      follows: false,
      aggregateType,
      aggregateId,
    };
    this.arriveClaimed([row], new Map([[position, log]]), true);
    while (!this.closed && this.claims.has(inboxEventId)) {
      await new Promise<void>((resolve) => this.claimWaiters.push(resolve));
    }
  }

  private arriveOne(log: LogEvent): void {
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
    this.lanes.arrive(new Delivery(log, subscription, 1, undefined));
  }

  private postpone(log: LogEvent, availableInMs: number): void {
    this.buffer.except(exceptionOf(log, { status: 'received', availableInMs, error: undefined }, 0));
  }

  private arriveOneClaimed(row: ClaimedRow, log: LogEvent | undefined, alone: boolean): void {
    const subscription = log && this.consumer.match(log.eventName);
    if (log === undefined || subscription === undefined) {
      const what =
        log === undefined ? 'The event is no longer in the log' : `No handler for ${log.eventName}`;
      this.giveUp(row, new Error(what));
      return;
    }
    const maxAttempts = subscription.retry.maxAttempts ?? this.env.settings.snapshot().maxAttempts;
    if (row.attempt > maxAttempts) {
      // Its last attempt was counted and interrupted: there is none left.
      this.giveUp(row, undefined, true);
      return;
    }
    const { inboxEventId, follows } = row;
    const delivery = new Delivery(log, subscription, row.attempt, {
      inboxEventId,
      follows,
      alone,
    });
    if (isClaimed(delivery)) this.claims.add(delivery);
    this.lanes.arriveClaimed(delivery);
  }

  private giveUp(row: ClaimedRow, error: Error | undefined, attemptGivenBack = false): void {
    this.resolve({ ...resolutionOfRow(row, { ...this.deadVerdict, error }), attemptGivenBack });
    this.lanes.recheck(row);
    this.hooks.outcomeReady();
  }

  // Running

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

  slotFree(): void {
    this.pump();
  }

  private startReady(): void {
    while (
      !this.closed &&
      this.pause === undefined &&
      this.running.size < this.consumer.concurrency &&
      this.lanes.hasReady &&
      this.lease.isValid() &&
      !this.gate.isFilling(this.waiting, this.singles > 0 || this.claims.size > 0) &&
      this.env.slots.tryTake(this)
    ) {
      const deliveries = this.lanes.takeBatch(this.consumer.batch?.maxSize ?? 1);
      if (deliveries === undefined || deliveries[0].claim?.alone === true) this.env.slots.giveBack();
      if (deliveries !== undefined) this.start(deliveries);
    }
  }

  private start(deliveries: Deliveries): void {
    for (const delivery of deliveries) {
      if (delivery.claim === undefined) this.leaveWindow(delivery);
      else this.claims.begin(delivery.claim);
    }
    const { runner, slots } = this.env;
    const attempt = runner.begin(deliveries, this.consumer.batch !== undefined);
    this.running.add(attempt);
    this.watchDeadlines();
    if (deliveries[0].claim?.alone === true)
      slots.exclusively(() => this.runUnlessClosed(attempt)).then((outcome) => this.end(attempt, outcome));
    else runner.run(attempt, this.lease, this.endInSlot);
  }

  /** One function for all attempts. */
  private readonly endInSlot = (attempt: Attempt, outcome: Outcome): void => {
    // In this order, so that what waits here takes part when the slot is given to the highest priority.
    this.end(attempt, outcome);
    this.env.slots.giveBack();
  };

  /** The turn may come long after the wish: nothing is started for a worker that has been given up meanwhile. */
  private runUnlessClosed(attempt: Attempt): Promise<Outcome> {
    if (this.closed || !this.lease.isValid()) {
      return Promise.resolve({ kind: 'infrastructure', error: new Error('the lease was not ours any more') });
    }
    return new Promise((done) => {
      this.env.runner.run(attempt, this.lease, (_, outcome) => done(outcome));
    });
  }

  private watchDeadlines(): void {
    if (this.watching) return;
    this.watching = true;
    setImmediate(() => {
      this.watching = false;
      for (const attempt of this.running) attempt.watchDeadline();
    });
  }

  // Outcomes

  private end(attempt: Attempt, outcome: Outcome): void {
    try {
      this.running.delete(attempt);
      if (!this.abandoned) this.settleAttempt(attempt, outcome);
      if (this.running.size === 0) callAll(this.endedWaiters);
      callAll(this.claimWaiters);
      this.pump();
      if (!this.abandoned) this.hooks.outcomeReady();
    } catch (error) {
      this.hooks.broken(error);
    }
  }

  /** A batch that fails is run again event by event: the one at fault is found, and no other is blamed for it. */
  private settleAttempt(attempt: Attempt, outcome: Outcome): void {
    const { deliveries } = attempt;
    if (deliveries[0].alone && outcome.kind !== 'infrastructure') this.singles--;
    if (outcome.kind === 'processed' && attempt.settlesPositions) {
      this.backoff.succeeded();
      for (const delivery of deliveries) {
        this.outcomes.tellCommitted(delivery);
        this.lanes.resolved(delivery);
      }
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
        else this.claims.end(delivery.claim);
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
    const { subscription, position, log } = delivery;
    if (isClaimed(delivery)) {
      // The row of a transactional handler became `processed` in the handler's own transaction.
      if (subscription.transactional) {
        this.claims.end(delivery.claim);
        this.outcomes.tellCommitted(delivery);
      } else this.write(delivery, PROCESSED);
    } else {
      this.outcomes.add(delivery, PROCESSED);
      if (subscription.transactional) this.buffer.settleCovered(position, log.id);
      else this.buffer.settle(position);
    }
    this.backoff.succeeded();
  }

  private write(delivery: Delivery, verdict: Verdict): void {
    this.backoff.succeeded();
    this.outcomes.add(delivery, verdict);
    if (!isClaimed(delivery)) {
      this.buffer.except(exceptionOf(delivery.log, verdict, delivery.attempt));
      return;
    }
    this.claims.end(delivery.claim);
    this.resolve(resolutionOf(delivery, verdict));
  }

  private resolve(row: ResolvedRow): void {
    this.claims.toSave(row.inboxEventId);
    this.buffer.resolve(row);
  }

  private get deadVerdict(): Pick<Verdict, 'status' | 'availableInMs'> {
    const { deadLetterEnabled } = this.env.settings.snapshot();
    return { status: deadLetterEnabled ? 'dead_letter' : 'failed', availableInMs: undefined };
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

  private returnToWindow(delivery: Delivery): void {
    if (delivery.claim === undefined) {
      this.waiting++;
      this.bytes += delivery.log.bytes;
    } else this.claims.again(delivery.claim);
    this.lanes.again(delivery);
  }

  private leaveWindow(delivery: Delivery): void {
    this.waiting--;
    this.bytes -= delivery.log.bytes;
  }

  // Saving

  takeWaiting(): ExceptionRow[] {
    return this.lanes.takeParked().map((delivery) => {
      this.leaveWindow(delivery);
      return exceptionOf(delivery.log, WAITING, 0);
    });
  }

  takeReleases(): AggregateKey[] {
    return this.lanes.takeReleases();
  }

  /** A save is committed: lanes follow what the inbox says. */
  saved(report: SaveReport): void {
    for (const row of report.resolved) this.claims.saved(row.inboxEventId);
    callAll(this.claimWaiters);
    this.outcomes.saved(report);
    this.lanes.written(report.written);
    this.lanes.released(report.released, report.stillBlocked);
    for (const row of report.found) this.lanes.recheck(row);
    const updated = new Set(report.updated);
    // Its transaction committed after all, or an admin was faster: the inbox decides whether the lane stays blocked.
    for (const row of report.resolved) if (!updated.has(row.inboxEventId)) this.lanes.recheck(row);
    this.pump();
    if (this.lanes.hasUnsaved) this.hooks.outcomeReady();
  }

  /** The window is full and nothing in it can run: one aggregate's queue is written down as waiting. */
  makeRoom(): void {
    if (!this.lacksEvents) return;
    this.lanes.spillLongest();
    this.hooks.outcomeReady();
  }

  // Ending

  /** Starts nothing more. */
  close(): void {
    this.closed = true;
    callAll(this.claimWaiters);
    clearTimeout(this.pause);
    this.gate.close();
  }

  /** Resolves when nothing runs any more. */
  get ended(): Promise<void> {
    if (this.running.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.endedWaiters.push(resolve));
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
    for (const delivery of this.claims.deliveries()) {
      const runs = [...this.running].some((attempt) => attempt.deliveries.includes(delivery));
      if (!runs) this.giveBack(delivery);
    }
  }

  /** What still runs is ignored from now on, and told so. */
  abandon(reason: Error): void {
    this.closed = true;
    this.abandoned = true;
    for (const attempt of this.running) attempt.end(reason);
  }

  /** The one that it follows is to be tried again: its own attempt has not begun. */
  private dismiss(follower: Delivery): void {
    if (!isClaimed(follower)) return;
    this.claims.begin(follower.claim);
    this.claims.end(follower.claim);
    this.giveBack(follower);
  }

  /** One that follows another waits for it again. */
  private giveBack(delivery: Delivery): void {
    if (!isClaimed(delivery)) return;
    const verdict = delivery.claim.follows ? WAITING : DUE_NOW;
    this.resolve({ ...resolutionOf(delivery, verdict), attemptGivenBack: true });
  }
}

function isFailure(outcome: Outcome): boolean {
  return outcome.kind === 'retry' || outcome.kind === 'dead' || outcome.kind === 'skipped';
}

function callAll(waiters: (() => void)[]): void {
  if (waiters.length === 0) return;
  for (const resolve of waiters.splice(0)) resolve();
}
