import { Injectable, Logger } from '@nestjs/common';
import type { Observable, Subscription as RxSubscription } from 'rxjs';
import { EngineDatabase } from '../database/engine-database.js';
import { messageOf } from '../errors.js';
import { ConsumerChores } from '../inbox/consumer-chores.js';
import type { HeldLease } from '../inbox/held-lease.js';
import { type ClaimedCursor, InboxCursorStore } from '../inbox/inbox-cursor.store.js';
import { InboxEventStore } from '../inbox/inbox-event.store.js';
import { type CursorKey, nameOfCursor } from '../inbox/inbox-status.js';
import type { CursorSight } from '../inbox/integration-process.store.js';
import { type LeaseCandidate, LeaseKeeper, type LeaseUser } from '../inbox/lease-keeper.js';
import { ReplayStore } from '../inbox/replay.store.js';
import { LogPages } from '../outbox/log-pages.js';
import { OutboxService } from '../outbox/outbox.service.js';
import type { OutboxStats } from '../outbox/outbox-event.js';
import { OutboxLogStore } from '../outbox/outbox-log.store.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { DeliveryCounters } from '../telemetry/delivery-counters.js';
import { ConsumerWorker } from './consumer-worker.js';
import { FaultPoints } from './fault-points.js';
import { HandlerRunner } from './handler-runner.js';
import { HandlerSlots } from './handler-slots.js';
import { type EventOutcome, OutcomeStream } from './outcome-stream.js';

/** What `drain` has done, and what is left. */
export interface DrainResult {
  /** Events taken from the log or retried. */
  processed: number;
  /** False: the time was up before everything due was done. */
  drained: boolean;
  /** When the next delayed event or retry of these consumers is due; undefined if none is stored. */
  nextDueAt: Date | undefined;
}

/** Counts over the log and every consumer, and of this process alone: its handlers and its late saves. */
export interface ProcessorStats extends OutboxStats {
  handlerCount: number;
  /** Saves of this process that came after another one had taken the consumer over, and changed nothing. Since it started. */
  refusedSaves: number;
}

/**
 * The consumers at work in this process: one worker for each cursor that it has leased. Started and stopped by
 * `OutboxProcessorJob`; where the loops are switched off (`processor.enabled`), `processBatch()` and `drain()` do the work on
 * demand.
 */
@Injectable()
export class OutboxProcessor implements LeaseUser {
  private readonly logger = new Logger('OutboxProcessor');
  private readonly workers = new Map<string, ConsumerWorker>();
  /** Cursors whose former handlers are still running here. */
  private readonly busy = new Map<string, number>();
  /** Cursors given up because connections were lost, for no fault of their events. */
  private readonly cutOff = new Set<string>();
  private losses: RxSubscription | undefined;
  private looping = false;
  private closing = false;

  constructor(
    private readonly db: EngineDatabase,
    private readonly keeper: LeaseKeeper,
    private readonly log: OutboxLogStore,
    private readonly pages: LogPages,
    private readonly cursors: InboxCursorStore,
    private readonly inbox: InboxEventStore,
    private readonly runner: HandlerRunner,
    private readonly slots: HandlerSlots,
    private readonly registry: EventSubscriberRegistry,
    private readonly stored: IntegrationSettingsService,
    private readonly outbox: OutboxService,
    private readonly replays: ReplayStore,
    private readonly chores: ConsumerChores,
    private readonly outcomes: OutcomeStream,
    private readonly counters: DeliveryCounters,
    private readonly faults: FaultPoints,
  ) {}

  /** What attempts of this process came to, each once it is saved. Costs nothing while nobody listens. */
  get outcomes$(): Observable<EventOutcome> {
    return this.outcomes.outcomes$;
  }

  /** Begins to beat and, with `loops`, to take consumers and work on them. */
  begin(loops: boolean): void {
    this.closing = false;
    this.looping = loops;
    this.losses ??= this.db.losses$.subscribe((what) => this.connectionLost(what));
    this.keeper.start(this, { claims: loops });
  }

  /** Switches the loops on or off while running; off gives the consumers back. */
  async setLooping(loops: boolean): Promise<void> {
    if (loops === this.looping || this.closing) return;
    this.looping = loops;
    this.keeper.setClaims(loops);
    if (!loops) await this.releaseAll(performance.now() + this.stored.snapshot().handlerTimeoutMs);
  }

  /** Reads nothing more, lets handlers finish for `timeoutMs`, saves, gives the leases back and signs out. */
  async end(timeoutMs: number): Promise<void> {
    this.closing = true;
    this.keeper.setClaims(false);
    await this.releaseAll(performance.now() + timeoutMs);
    await this.keeper.stop();
    await this.chores.stop();
    this.losses?.unsubscribe();
    this.losses = undefined;
  }

  /**
   * One round over all consumers of this process: reads what is there, runs it and what is due of retries, waits until it
   * is saved. Resolves to the number of events looked at. Consumers that another process works on are left to it.
   */
  async processBatch(): Promise<number> {
    return this.withWorkers(async (workers) => {
      const before = handledBy(workers);
      await Promise.all(workers.map((worker) => worker.settleDown()));
      return handledBy(workers) - before;
    });
  }

  /** Works off what is due at start-up; the same as one round of `processBatch`. */
  startupDrain(): Promise<number> {
    return this.processBatch();
  }

  /** Rounds until nothing is due any more, for `timeoutMs` at most (default a minute). Goes on where connections are lost. */
  async drain(options: { timeoutMs?: number } = {}): Promise<DrainResult> {
    const deadline = performance.now() + (options.timeoutMs ?? 60_000);
    try {
      return await this.drainUntil(deadline);
    } finally {
      await this.giveBackUnlessLooping();
    }
  }

  private async drainUntil(deadline: number): Promise<DrainResult> {
    const before = new Map(this.activeWorkers.map((worker) => [worker, worker.handled]));
    let workers: readonly ConsumerWorker[] = [];
    for (let isComplete = false; ; ) {
      isComplete &&= this.stillHolds(workers);
      if (!isComplete) isComplete = await this.keeper.claimNow().catch(() => false);
      workers = this.activeWorkers;
      for (const worker of workers) if (!before.has(worker)) before.set(worker, 0);
      const { isQuiet, dueInMs } = await this.drainRound(workers, deadline).catch(() => BROKEN_ROUND);
      isComplete &&= this.stillHolds(workers);
      const processed = [...before].reduce((sum, [worker, count]) => sum + worker.handled - count, 0);
      if (isComplete && isQuiet) {
        const nextDueAt = dueInMs === undefined ? undefined : new Date(Date.now() + dueInMs);
        return { processed, drained: true, nextDueAt };
      }
      if (performance.now() >= deadline) return { processed, drained: false, nextDueAt: new Date() };
      await new Promise((resolve) => setTimeout(resolve, isComplete ? 5 : 100));
    }
  }

  private async drainRound(workers: readonly ConsumerWorker[], deadline: number): Promise<DrainRound> {
    const replaying = await this.chores.sendWindows(workers.map((worker) => worker.consumer.name));
    const before = stepsOf(workers);
    const inTime = await raceDeadline(Promise.all(workers.map((worker) => worker.settleDown())), deadline);
    if (replaying || !inTime) return BROKEN_ROUND;
    const dueInMs = await this.nextDueInMs(workers);
    // Handlers may have published behind the page that was read last, those too that were running already when it was read; and a row
    // that became due while we asked is being worked on, and no row that is due.
    const isQuiet =
      (dueInMs === undefined || dueInMs > 0) &&
      stepsOf(workers) === before &&
      workers.every((worker) => worker.isAtRest);
    return { isQuiet, dueInMs };
  }

  /** Whether these are all the workers there are, and none has been given up whose cursor will have to be claimed anew. */
  private stillHolds(workers: readonly ConsumerWorker[]): boolean {
    return (
      this.busy.size === 0 &&
      workers.length === this.workers.size &&
      workers.every((worker) => this.workers.get(worker.lease.token) === worker)
    );
  }

  /** Counts over the whole log, of one moment; see `OutboxService.getStats`. */
  async getStats(): Promise<ProcessorStats> {
    return {
      ...(await this.outbox.getStats()),
      handlerCount: this.registry.getHandlerCount(),
      refusedSaves: this.counters.refusedSaves,
    };
  }

  /** Whether consumers are taken and worked on without being asked. */
  get isLooping(): boolean {
    return this.looping;
  }

  /** The workers of this process, for whoever decides when they read. */
  get activeWorkers(): readonly ConsumerWorker[] {
    return [...this.workers.values()];
  }

  /** There may be new events of these names (undefined: of any). */
  wake(eventNames: readonly string[] | undefined): void {
    for (const worker of this.workers.values()) {
      if (eventNames === undefined || eventNames.some((name) => worker.consumer.match(name) !== undefined))
        worker.wake();
    }
  }

  /** Rows of the inbox may have become due. */
  wakeRetries(): void {
    for (const worker of this.workers.values()) worker.wakeRetries();
  }

  /** A consumer was registered, or changed: look at once for what can be claimed. */
  consumersChanged(): void {
    this.keeper.beatNow();
  }

  // LeaseUser

  candidates(): readonly LeaseCandidate[] {
    return this.registry.consumers().map((consumer) => ({
      name: consumer.name,
      handles: (storedNames) => storedNames.every((name) => consumer.match(name) !== undefined),
    }));
  }

  claimed(cursor: ClaimedCursor, lease: HeldLease): void {
    const consumer = this.registry.consumers().find(({ name }) => name === cursor.consumerName);
    if (consumer === undefined || this.closing) {
      this.keeper.release(lease).catch(() => {});
      return;
    }
    const worker = new ConsumerWorker(
      {
        log: this.log,
        pages: this.pages,
        cursors: this.cursors,
        inbox: this.inbox,
        replays: this.replays,
        runner: this.runner,
        slots: this.slots,
        settings: this.stored,
        outcomes: this.outcomes,
        counters: this.counters,
        faults: this.faults,
      },
      consumer,
      cursor,
      lease,
      {
        giveUp: (lost, reason) => this.drop(lost, reason),
        handBack: (held) => this.handOver(held),
      },
    );
    this.workers.set(lease.token, worker);
    worker.start(this.cutOff.delete(nameOfCursor(lease.key)) && cursor.wasOurs);
  }

  lost(lease: HeldLease): void {
    const worker = this.workers.get(lease.token);
    if (worker === undefined) return;
    this.logger.warn(
      `Consumer "${lease.key.consumerName}" was taken over by another process; what is unsaved here is dropped`,
    );
    this.drop(worker, 'another process has taken over');
  }

  handOver(lease: HeldLease): void {
    const worker = this.workers.get(lease.token);
    if (worker === undefined) return;
    const deadline = performance.now() + this.stored.snapshot().handlerTimeoutMs;
    this.release(worker, deadline).catch((error) =>
      this.logger.warn(`Handing over failed: ${messageOf(error)}`),
    );
  }

  seen(lease: HeldLease, sight: CursorSight): void {
    const worker = this.workers.get(lease.token);
    if (worker === undefined) return;
    if (!worker.goesBy(sight.eventNames)) {
      this.handOver(lease);
      return;
    }
    worker.seen(sight.changedByOthers, sight.dueInMs);
    if (sight.replayed) worker.takeUpReplayed();
    worker.resume();
  }

  sighted(cursors: readonly CursorSight[]): void {
    if (this.closing) return;
    const workersOf = (consumerName: string) =>
      [...this.workers.values()].filter((worker) => worker.consumer.name === consumerName);
    this.chores.look(
      cursors,
      (consumerName) => workersOf(consumerName).length > 0,
      (consumerName) => {
        for (const worker of workersOf(consumerName)) worker.wakeRetries();
      },
    );
  }

  isBusy(key: CursorKey): boolean {
    return this.busy.has(nameOfCursor(key));
  }

  settings(values: Record<string, unknown>, readAt: number): void {
    this.stored.applyStored(values, readAt);
  }

  // Ending leases

  /** The server may have lost commits together with the connection: nothing that is held in memory is worth anything. */
  private connectionLost(what: string): void {
    if (this.workers.size === 0 || this.closing) return;
    this.logger.warn(`A database connection was lost (${what}): every consumer is claimed anew`);
    for (const worker of [...this.workers.values()]) {
      this.cutOff.add(nameOfCursor(worker.lease.key));
      this.drop(worker, 'a database connection was lost');
    }
  }

  private drop(worker: ConsumerWorker, reason: string): void {
    if (!this.workers.delete(worker.lease.token)) return;
    this.keeper.forget(worker.lease);
    this.markBusy(worker.lease.key, worker.handlersEnded);
    worker.drop(reason);
  }

  private async release(worker: ConsumerWorker, deadline: number): Promise<void> {
    if (!this.workers.delete(worker.lease.token)) return;
    const stopped = worker.stop(deadline);
    this.markBusy(worker.lease.key, Promise.all([stopped, worker.handlersEnded]));
    // Released only if nothing of it runs any more and everything is saved; otherwise the lease runs out.
    if (await stopped) await this.keeper.release(worker.lease);
    else this.keeper.forget(worker.lease);
  }

  private async releaseAll(deadline: number): Promise<void> {
    const releases = await Promise.allSettled(
      [...this.workers.values()].map((worker) => this.release(worker, deadline)),
    );
    for (const release of releases) {
      if (release.status === 'rejected')
        this.logger.warn(`A lease runs out by itself: ${messageOf(release.reason)}`);
    }
  }

  private markBusy(key: CursorKey, ended: Promise<unknown>): void {
    const name = nameOfCursor(key);
    this.busy.set(name, (this.busy.get(name) ?? 0) + 1);
    const done = () => {
      const left = (this.busy.get(name) ?? 1) - 1;
      if (left > 0) this.busy.set(name, left);
      else this.busy.delete(name);
      if (this.looping && !this.closing) this.keeper.beatNow();
    };
    ended.then(done, done);
  }

  /** With the loops switched off, consumers are leased for the time of the work only. */
  private async withWorkers<R>(work: (workers: readonly ConsumerWorker[]) => Promise<R>): Promise<R> {
    await this.keeper.claimNow();
    try {
      return await work(this.activeWorkers);
    } finally {
      await this.giveBackUnlessLooping();
    }
  }

  private async giveBackUnlessLooping(): Promise<void> {
    if (!this.looping) await this.releaseAll(performance.now() + this.stored.snapshot().handlerTimeoutMs);
  }

  private async nextDueInMs(workers: readonly ConsumerWorker[]): Promise<number | undefined> {
    const due = await Promise.all(workers.map((worker) => this.inbox.nextDueInMs(worker.lease.key)));
    return due.reduce(
      (first, ms) => (ms === undefined || (first !== undefined && first < ms) ? first : ms),
      undefined,
    );
  }
}

interface DrainRound {
  /** Nothing is left but what is due later. */
  readonly isQuiet: boolean;
  /** When the next row is due; undefined: none is stored. */
  readonly dueInMs: number | undefined;
}

const BROKEN_ROUND: DrainRound = { isQuiet: false, dueInMs: undefined };

function handledBy(workers: readonly ConsumerWorker[]): number {
  return workers.reduce((sum, worker) => sum + worker.handled, 0);
}

/** Grows with every event that is taken up and with every handler that ends. */
function stepsOf(workers: readonly ConsumerWorker[]): number {
  return workers.reduce((sum, worker) => sum + worker.handled + worker.attemptsEnded, 0);
}

async function raceDeadline(work: Promise<unknown>, deadline: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(0, deadline - performance.now()));
  });
  return Promise.race([work.then(() => true), late]).finally(() => clearTimeout(timer));
}
