import { IntegrationError, messageOf } from '../../errors.js';
import { CursorReader } from '../../inbox/cursor-reader.js';
import { FlushWriter, type SaveReport } from '../../inbox/flush-writer.js';
import type { ClaimedCursor } from '../../inbox/inbox-cursor.store.js';
import type { LogReader } from '../../log/log-reader.js';
import type { HeldLease } from '../../membership/beat/held-lease.js';
import type { Consumer } from '../../subscribers/consumer.js';
import { loggerOf } from '../../words/engine-logger.js';
import { Backoff } from '../partition/backoff.js';
import type { Delivery } from '../partition/delivery.js';
import { Partition } from '../partition/partition.js';
import type { PartitionListener, PartitionParts } from '../partition/partition-ports.js';
import type { Workload } from '../partition/workload.js';
import { CrashRecovery } from '../suspects/crash-recovery.js';
import { SuspectRuns } from '../suspects/suspect-runs.js';
import { DiscardedEvents } from './discarded-events.js';
import { Dispatcher } from './dispatcher.js';
import { FlushLoop } from './flush-loop.js';
import { PageLoop } from './page-loop.js';
import { PAGE_BYTES } from './page-size.js';
import { PartitionNews } from './partition-news.js';
import { RetryLoop } from './retry-loop.js';
import { WorkerContext } from './worker-context.js';
import type { WorkerEnvironment } from './worker-environment.js';

/** The ways in which a worker ends by itself. */
export interface WorkerEnds {
  /** The worker cannot go on, because its lease was lost, or because its memory contradicts the database. */
  readonly abandon: (worker: ConsumerWorker, reason: string) => void;
  /** The worker must finish and save what it has in hand, and the cursor must be claimed again. */
  readonly release: (lease: HeldLease) => void;
}

/**
 * Handles one leased cursor. Three loops work with one partition: they read pages, claim due retries and save
 * outcomes. A worker lives as long as its lease and is thrown away with it, because its memory is valid only
 * together with the token under which the memory was read.
 */
export class ConsumerWorker {
  private readonly context: WorkerContext;
  private readonly partition: Partition;
  readonly workload: Workload;
  private readonly dispatcher: Dispatcher;
  private readonly reader: CursorReader;
  private readonly crashes: CrashRecovery;
  private readonly discarded: DiscardedEvents;
  private readonly pages: PageLoop;
  private readonly retries: RetryLoop;
  private readonly flushes: FlushLoop;
  private readonly suspects: SuspectRuns;
  private readonly log: LogReader;
  private readonly eventNames: readonly string[];
  private readonly restWaiters: (() => void)[] = [];
  private running: Promise<void> = Promise.resolve();

  constructor(
    env: WorkerEnvironment,
    readonly consumer: Consumer,
    cursor: ClaimedCursor,
    readonly lease: HeldLease,
    ends: WorkerEnds,
  ) {
    const { eventNames, partitions, partition } = cursor;
    const logger = loggerOf(`Consumer ${consumer.name}`, env.execution.runner, env.failures);
    const context = new WorkerContext(env, consumer, lease, logger, {
      abandoned: (reason) => ends.abandon(this, reason),
      stepDone: () => this.tellRest(),
    });
    const { stores, execution } = env;
    this.context = context;
    this.eventNames = eventNames;
    this.log = stores.scan.join({ eventNames, partitions, partition });
    this.reader = new CursorReader(this.log, cursor.unread);
    this.crashes = new CrashRecovery(
      stores.cursors,
      stores.log,
      cursor,
      lease,
      () => this.reader.readPosition,
    );
    this.partition = new Partition(consumer, this.partitionParts(cursor), this.partitionListener());
    this.workload = this.partition.workload;
    this.dispatcher = new Dispatcher(consumer, this.partition, lease, execution, (error) =>
      context.abandon(`an internal error: ${messageOf(error)}`),
    );
    const { partition: work, reader, crashes } = this;
    const writer = new FlushWriter(stores.settlements, lease.key, lease.token);
    this.flushes = new FlushLoop(context, work, writer, crashes, (report) => this.saved(report));
    this.discarded = new DiscardedEvents(context, work, reader, cursor.changedByOthers);
    this.pages = new PageLoop(context, work, reader, crashes, this.discarded, () => ends.release(lease));
    this.retries = new RetryLoop(
      context,
      work,
      cursor.changedByOthers,
      (position) => this.pages.hasReadUpTo(position),
      () => this.flushes.now(),
    );
    this.suspects = new SuspectRuns(context, work, reader, crashes, this.pages, PAGE_BYTES);
  }

  /** How many events were taken from the log or claimed since the worker began. */
  get handled(): number {
    return this.pages.handled + this.retries.claimed;
  }

  /** How many attempts have ended since the worker began. */
  get attemptsEnded(): number {
    return this.partition.attemptsEnded;
  }

  /** How many events were read from the log and do not run yet. */
  get waitingEvents(): number {
    return this.workload.waitingEvents;
  }

  /**
   * The second step of a takeover. It comes after the token is committed, deals with what the former owner
   * left, and then starts the loops. `cutOff` means that the former owner was this process, and that it lost
   * its connections.
   */
  start(cutOff = false): void {
    this.running = this.run(cutOff).catch((error) => {
      this.context.abandon(`an internal error: ${messageOf(error)}`);
    });
  }

  /** Whether these are the names that the cursor had when it was claimed. */
  goesBy(eventNames: readonly string[]): boolean {
    return (
      eventNames.length === this.eventNames.length &&
      eventNames.every((name, i) => name === this.eventNames[i])
    );
  }

  /** Called when there may be new events. */
  wake(): void {
    this.pages.wake();
  }

  /** Called when a row of the inbox may be due. */
  wakeRetries(): void {
    this.retries.wake();
  }

  /**
   * Called when a heartbeat has read the cursor. Somebody may have changed inbox rows, and rows may be due.
   */
  seen(changedByOthers: number, dueInMs: number | null): void {
    this.retries.seen(changedByOthers);
    if (this.discarded.seen(changedByOthers)) this.pages.lookForDiscarded();
    if (dueInMs !== null) this.retries.dueIn(dueInMs);
    this.context.guarded('Forgetting unclean ends', () => this.crashes.forgetWhenSettled());
  }

  /**
   * Called when a heartbeat has seen that a replay put positions back. They are taken up before the next
   * page.
   */
  takeUpReplayed(): void {
    this.pages.takeUpReplayed();
  }

  /** Called when the lease has been confirmed, or when there is capacity again. The worker continues. */
  resume(): void {
    this.dispatcher.pump();
  }

  /** Whether the log has anything for this worker, given its highest visible position. */
  wants(head: number): boolean {
    return this.reader.readPosition <= head || this.reader.hasHoles;
  }

  /** Whether no work is under way, or the worker is closed. */
  get isAtRest(): boolean {
    return (
      this.context.isClosed ||
      (this.pages.isIdle && this.retries.isIdle && this.partition.workload.isIdle && this.flushes.isIdle)
    );
  }

  /**
   * Reads the events that are there now. Resolves when everything that was read or due has been handled and
   * saved.
   */
  async settleDown(): Promise<void> {
    this.pages.readToEnd();
    this.retries.wake();
    while (!this.isAtRest) await new Promise<void>((resolve) => this.restWaiters.push(resolve));
  }

  /**
   * Stops reading and starting, waits for running handlers until `deadline` (monotonic milliseconds), and
   * saves. Resolves to true if everything has ended, so that the lease can be released.
   */
  async close(deadline: number): Promise<boolean> {
    this.dispatcher.close();
    const finished = await this.dispatcher.finishRunning(deadline);
    this.closeLoops();
    await this.running;
    if (this.lease.isValid()) {
      this.partition.releaseClaims();
      await this.flushes.flushRest(deadline);
    }
    this.partition.abandon(new IntegrationError('INTEGRATION_CLOSED', 'The application is shutting down'));
    return finished && this.flushes.isIdle && this.lease.isValid();
  }

  /**
   * Throws everything away, because the lease is lost, or because the memory does not match the database any
   * more. Running handlers are told.
   */
  abandon(reason: string): void {
    this.dispatcher.close();
    this.closeLoops();
    this.partition.abandon(
      new IntegrationError(
        'INTEGRATION_LEASE_LOST',
        `Consumer "${this.consumer.name}" is given up here: ${reason}`,
      ),
    );
  }

  /**
   * Resolves when no handler of this worker runs any more. Each handler ends at its deadline at the latest.
   */
  get handlersEnded(): Promise<void> {
    return this.partition.allEnded;
  }

  private async run(cutOff: boolean): Promise<void> {
    await this.takeOver(cutOff);
    if (this.context.isClosed) return;
    const saving = this.flushes.run();
    await this.suspects.run();
    this.pages.wake();
    this.retries.wake();
    await Promise.all([saving, this.pages.run(), this.retries.run()]);
  }

  private async takeOver(cutOff: boolean): Promise<void> {
    const backoff = new Backoff();
    while (!this.context.isClosed) {
      try {
        await this.retries.takeOver(cutOff);
        await this.crashes.begin();
        return;
      } catch (error) {
        await this.context.waitAfterFailure('Taking over', error, backoff);
      }
    }
  }

  private partitionParts(cursor: ClaimedCursor): PartitionParts {
    const { execution, reports, settings } = this.context.env;
    const { runner, entered, retries } = execution;
    const { outcomes, work } = reports;
    const attemptFor = (delivery: Delivery, others?: readonly Delivery[]) => runner.begin(delivery, others);
    return { entered, retries, outcomes, work, cursor, settings, process: execution.process, attemptFor };
  }

  private partitionListener(): PartitionListener {
    const news = new PartitionNews(this.context);
    return {
      mayStart: () => this.dispatcher.pump(),
      flushWanted: (isAwaited) => this.flushWanted(isAwaited),
      suspectFound: () => this.retries.suspectFound(),
      leaseLost: () => this.context.leaseLost(),
      paused: (ms, error) => news.paused(ms, error),
      reachability: (change) => news.reachability(change),
    };
  }

  private flushWanted(isAwaited = false): void {
    this.pages.makeRoom();
    if (isAwaited) this.flushes.now();
    else this.flushes.soon();
    this.retries.capacityFreed();
    this.tellRest();
  }

  private saved(report: SaveReport): void {
    this.pages.makeRoom();
    this.retries.saved();
    for (const ms of report.dueInMs) this.retries.dueIn(ms);
    this.tellRest();
  }

  private closeLoops(): void {
    if (!this.context.isClosed) this.log.leave();
    this.context.close();
    this.pages.close();
    this.retries.close();
    this.flushes.now();
    this.tellRest();
  }

  private tellRest(): void {
    if (this.restWaiters.length === 0 || !this.isAtRest) return;
    for (const resume of this.restWaiters.splice(0)) resume();
  }
}
