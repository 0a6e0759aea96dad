import { Inject, Injectable } from '@nestjs/common';
import type { Subscription as RxSubscription } from 'rxjs';
import { AdminTasks } from '../changes/admin-tasks.js';
import { EngineDatabase } from '../database/engine-database.js';
import { messageOf } from '../errors.js';
import type { ClaimedCursor } from '../inbox/inbox-cursor.store.js';
import { type CursorKey, nameOfCursor } from '../inbox/inbox-status.js';
import type { HeldLease } from '../membership/beat/held-lease.js';
import type { CursorSnapshot } from '../membership/beat/integration-process.store.js';
import type { SelfReport } from '../membership/beat/self-report.js';
import { LeaseKeeper } from '../membership/lease-keeper.js';
import type { LeaseCandidate, LeaseUser } from '../membership/lease-user.js';
import { UnavailableConsumers } from '../membership/unavailable-consumers.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { SettingsView } from '../settings/settings-view.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { type EngineLogger, loggerOf } from '../words/engine-logger.js';
import { BusyCursors } from './busy-cursors.js';
import { Rehearsals } from './rehearsals/rehearsals.js';
import { selfReportOf } from './self-report.js';
import { ConsumerWorker } from './worker/consumer-worker.js';
import { WorkerEnvironment } from './worker/worker-environment.js';

/** The settings that are read here, and all of them, which the process reports of itself. */
type Settings = Pick<IntegrationSettingsService, 'getAll'> & SettingsView<'handlerTimeoutMs'>;

/**
 * The workers of this process. There is one worker for each cursor that the process has leased. It lives as
 * long as the lease.
 */
@Injectable()
export class ConsumerWorkers implements LeaseUser {
  private readonly logger: EngineLogger;
  private readonly workers = new Map<string, ConsumerWorker>();
  private readonly busy = new BusyCursors(() => {
    if (this.looping && !this.closing) this.keeper.beatNow();
  });
  /** The workers that finish and save their work, so that their lease can be released. */
  private readonly leaving = new Set<ConsumerWorker>();
  /** The cursors that were abandoned because connections were lost. Their events are not at fault. */
  private readonly cutOff = new Set<string>();
  private losses: RxSubscription | undefined;
  private vanished: (names: readonly string[]) => boolean = () => false;
  private looping = false;
  private closing = false;

  constructor(
    private readonly db: EngineDatabase,
    private readonly keeper: LeaseKeeper,
    private readonly registry: EventSubscriberRegistry,
    private readonly adminTasks: AdminTasks,
    private readonly rehearsals: Rehearsals,
    private readonly unavailable: UnavailableConsumers,
    private readonly environment: WorkerEnvironment,
    @Inject(IntegrationSettingsService) private readonly settings: Settings,
  ) {
    this.logger = loggerOf('ConsumerWorkers', db, environment.failures);
  }

  /**
   * Starts the heartbeat. With `loops`, the process also leases consumers and works on them.
   *
   * @param vanished is called with the consumers of this process that have no cursor. It returns whether they
   * are being registered again.
   */
  begin(loops: boolean, vanished: (names: readonly string[]) => boolean): void {
    this.closing = false;
    this.vanished = vanished;
    this.looping = loops;
    this.rehearsals.begin();
    this.unavailable.startWriting();
    this.losses ??= this.db.losses$.subscribe((what) => this.connectionLost(what));
    this.keeper.start(this, { claims: loops });
  }

  /** Whether the process leases consumers and works on them without a call from outside. */
  get isLooping(): boolean {
    return this.looping;
  }

  /** Switches the loops on or off while the process runs. Without the loops, the consumers are released. */
  async setLooping(loops: boolean): Promise<void> {
    if (loops === this.looping || this.closing) return;
    this.looping = loops;
    this.keeper.setClaims(loops);
    await this.releaseUnlessLooping();
  }

  /**
   * Stops reading, lets handlers finish for `timeoutMs` milliseconds, saves, releases the leases and signs
   * out. Other work ends meanwhile: `others`.
   */
  async close(timeoutMs: number, others: Promise<unknown>): Promise<void> {
    this.closing = true;
    this.keeper.setClaims(false);
    const deadline = performance.now() + timeoutMs;
    await Promise.all([this.releaseAll(() => deadline), this.rehearsals.stop(), others]);
    this.unavailable.stopWriting();
    await this.keeper.stop();
    await this.adminTasks.stop();
    this.losses?.unsubscribe();
    this.losses = undefined;
  }

  get active(): readonly ConsumerWorker[] {
    return [...this.workers.values()];
  }

  /**
   * Leases the cursors that are free now. Resolves to false if this process could not claim a cursor that it
   * should have claimed.
   */
  claimNow(): Promise<boolean> {
    return this.keeper.claimNow();
  }

  /**
   * Releases the consumers if the loops are off, because they are then leased only for the time of the work.
   */
  async releaseUnlessLooping(): Promise<void> {
    if (!this.looping) await this.releaseAll((worker) => this.whenHandlersEnd(worker));
  }

  /**
   * Whether `workers` are all workers of this process, and no cursor of a worker that was given up must be
   * claimed again.
   */
  areAll(workers: readonly ConsumerWorker[]): boolean {
    return (
      this.busy.areNone &&
      workers.length === this.workers.size &&
      workers.every((worker) => this.workers.get(worker.lease.token) === worker)
    );
  }

  /** Called when there may be new events with these names. Undefined means any name. */
  wake(eventNames: readonly string[] | undefined): void {
    for (const worker of this.workers.values()) {
      if (eventNames === undefined || eventNames.some((name) => worker.consumer.match(name) !== undefined))
        worker.wake();
    }
  }

  /** Whether the application is ending, so that nothing is claimed any more. */
  get isClosing(): boolean {
    return this.closing;
  }

  /** Called when rows of the inbox may have become due. */
  wakeRetries(): void {
    for (const worker of this.workers.values()) worker.wakeRetries();
  }

  /**
   * Called when a consumer was registered or changed, in this process or in another one. The process checks
   * at once which cursors it can claim or must hand over.
   */
  consumersChanged(): void {
    this.adminTasks.operationsChanged();
    this.rehearsals.lookSoon();
    this.keeper.beatNow();
  }

  // The methods of LeaseUser follow.

  candidates(): readonly LeaseCandidate[] {
    return this.registry.consumers().map((consumer) => ({
      name: consumer.name,
      handles: (storedNames) => consumer.handlesAll(storedNames),
    }));
  }

  claimed(cursor: ClaimedCursor, lease: HeldLease): void {
    const consumer = this.registry.consumers().find(({ name }) => name === cursor.consumerName);
    // Names may have been added between the check and the claim.
    if (consumer === undefined || this.closing || !consumer.handlesAll(cursor.eventNames)) {
      this.keeper.release(lease).catch(() => {});
      return;
    }
    const worker = new ConsumerWorker(this.environment, consumer, cursor, lease, {
      abandon: (lost, reason) => this.abandon(lost, reason),
      release: (held) => this.handOver(held),
    });
    this.workers.set(lease.token, worker);
    this.environment.reports.telemetry.meters?.leaseChanged(consumer.name, 'won');
    worker.start(this.cutOff.delete(nameOfCursor(lease.key)) && cursor.wasOurs);
  }

  lost(lease: HeldLease): void {
    const worker = this.workers.get(lease.token);
    if (worker === undefined) return;
    const words = `Consumer "${lease.key.consumerName}" was taken over by another process, or its cursor is gone; what is unsaved here is dropped`;
    this.logger.warnOfFailure(words);
    this.abandon(worker, 'another process has taken over');
  }

  handOver(lease: HeldLease): void {
    const worker = this.workers.get(lease.token);
    if (worker === undefined) return;
    this.release(worker, this.whenHandlersEnd(worker)).catch((error) =>
      this.logger.warnOfFailure(`Handing over failed: ${messageOf(error)}`),
    );
  }

  leaseSeen(lease: HeldLease, snapshot: CursorSnapshot): void {
    const worker = this.workers.get(lease.token);
    if (worker === undefined) return;
    if (
      !worker.goesBy(snapshot.eventNames) ||
      !worker.consumer.isSame(this.registry.consumer(worker.consumer.name))
    ) {
      this.handOver(lease);
      return;
    }
    worker.seen(snapshot.changedByOthers, snapshot.dueInMs);
    if (snapshot.replayed) worker.takeUpReplayed();
    worker.resume();
  }

  cursorsSeen(cursors: readonly CursorSnapshot[], dead: readonly string[]): boolean {
    if (this.closing) return false;
    const workersOf = (consumerName: string) =>
      this.active.filter((worker) => worker.consumer.name === consumerName);
    this.adminTasks.beginDue(
      cursors,
      (consumerName) => workersOf(consumerName).length > 0,
      (consumerName) => {
        for (const worker of workersOf(consumerName)) worker.wakeRetries();
      },
      dead,
    );
    this.rehearsals.beginDue([...new Set(cursors.map(({ consumerName }) => consumerName))]);
    const there = new Set(cursors.map(({ consumerName }) => consumerName));
    const names = this.registry.consumers().flatMap(({ name }) => (there.has(name) ? [] : [name]));
    return names.length > 0 && this.vanished(names);
  }

  isBusy(key: CursorKey): boolean {
    return this.busy.isBusy(key);
  }

  report(): SelfReport {
    return selfReportOf(this.settings, [...this.active, ...this.leaving]);
  }

  // The methods that end leases follow.

  /**
   * The server may have lost commits together with the connection, so nothing that is held in memory can be
   * trusted.
   */
  private connectionLost(what: string): void {
    for (const worker of this.leaving) {
      this.keeper.forgetLease(worker.lease);
      worker.abandon('a database connection was lost');
    }
    if (this.workers.size === 0 || this.closing) return;
    const words = `A database connection was lost (${what}): every consumer is claimed again`;
    this.logger.warnOfFailure(words);
    for (const worker of this.active) {
      this.cutOff.add(nameOfCursor(worker.lease.key));
      this.abandon(worker, 'a database connection was lost');
    }
  }

  private abandon(worker: ConsumerWorker, reason: string): void {
    if (!this.workers.delete(worker.lease.token)) return;
    this.environment.reports.telemetry.meters?.leaseChanged(worker.consumer.name, 'lost');
    this.keeper.forgetLease(worker.lease);
    this.busy.markBusy(worker.lease.key, worker.handlersEnded);
    worker.abandon(reason);
  }

  private async release(worker: ConsumerWorker, deadline: number): Promise<void> {
    if (!this.workers.delete(worker.lease.token)) return;
    this.environment.reports.telemetry.meters?.leaseChanged(worker.consumer.name, 'released');
    this.leaving.add(worker);
    const stopped = worker.close(deadline).finally(() => this.leaving.delete(worker));
    this.busy.markBusy(worker.lease.key, Promise.all([stopped, worker.handlersEnded]));
    // The lease is released only if nothing of the worker runs any more and everything is saved. Otherwise it
    // runs out.
    if (await stopped) await this.keeper.release(worker.lease);
    else this.keeper.forgetLease(worker.lease);
  }

  /** The time when the worker's slowest handler must have ended if it began now. Monotonic milliseconds. */
  private whenHandlersEnd({ consumer }: ConsumerWorker): number {
    const { handlerTimeoutMs } = this.settings.snapshot();
    return performance.now() + consumer.longestTimeoutMs(handlerTimeoutMs);
  }

  private async releaseAll(deadlineOf: (worker: ConsumerWorker) => number): Promise<void> {
    const releases = await Promise.allSettled(
      this.active.map((worker) => this.release(worker, deadlineOf(worker))),
    );
    for (const release of releases) {
      if (release.status === 'rejected')
        this.logger.warn(`A lease runs out by itself: ${messageOf(release.reason)}`);
    }
  }
}
