import { Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { AdminTasks } from '../changes/admin-tasks.js';
import { ProcessIdentity } from '../database/connection/process-identity.js';
import { LONGEST_TIMER_MS } from '../database/wire/answer-within.js';
import { InboxEventStore } from '../inbox/inbox-event.store.js';
import type { OutboxStats } from '../log/outbox-event.js';
import { OutboxService } from '../outbox/outbox.service.js';
import { CursorStatusStore, type LeftToOther } from '../status/cursor-status.store.js';
import { EventSubscriberRegistry } from '../subscribers/event-subscriber-registry.js';
import { DeliveryCounters } from '../telemetry/delivery-counters.js';
import { checkNames } from '../words/argument-checks.js';
import { type EngineLogger, loggerOf } from '../words/engine-logger.js';
import { ConsumerWorkers } from './consumer-workers.js';
import { type AttemptOutcome, OutcomeStream } from './partition/outcome-stream.js';
import type { ConsumerWorker } from './worker/consumer-worker.js';

/** What `drain` has done, and what remains. */
export interface DrainResult {
  /** How many events were taken from the log or retried. */
  processed: number;
  /**
   * False if the time was over before everything due was done, or if some of the work is left to other
   * processes.
   */
  drained: boolean;
  /** The consumers that have work to do but are worked on by another process. Absent if there are none. */
  leftToOthers?: readonly LeftToOther[];
  /**
   * The consumers of this application that another process works on, with or without something left to do.
   * This process handled none of their events. Absent if there are none.
   */
  heldByOthers?: readonly LeftToOther[];
  /** When the next delayed event or retry of these consumers is due; undefined if none is stored. */
  nextDueAt: Date | undefined;
}

/**
 * Counts over the log and every consumer, and two numbers of this process only: its handlers and its refused
 * saves.
 */
export interface ProcessorStats extends OutboxStats {
  handlerCount: number;
  /**
   * The number of saves since the process began that came after another process had taken the consumer over.
   * Such a save changes nothing.
   */
  refusedSaves: number;
}

/**
 * Works on demand. It runs one round, or rounds until nothing is due. If the loops run (`processor.enabled`),
 * they do the same without a call.
 */
@Injectable()
export class OutboxProcessor {
  private readonly logger: EngineLogger;

  constructor(
    private readonly workers: ConsumerWorkers,
    private readonly inbox: InboxEventStore,
    private readonly registry: EventSubscriberRegistry,
    private readonly outbox: OutboxService,
    private readonly adminTasks: AdminTasks,
    private readonly outcomes: OutcomeStream,
    private readonly counters: DeliveryCounters,
    private readonly identity: ProcessIdentity,
    private readonly status: CursorStatusStore,
  ) {
    this.logger = loggerOf('OutboxProcessor', identity);
  }

  /**
   * The outcomes of this process. Each is emitted after it is saved. It costs nothing while nobody listens.
   */
  get outcomes$(): Observable<AttemptOutcome> {
    return this.outcomes.outcomes$;
  }

  /**
   * Runs one round over all consumers of this process. It reads the events that are there, runs them and the
   * retries that are due, and waits until all of them are saved. Resolves to the number of these events. If
   * another process works on a consumer, that consumer is left to it.
   */
  async processBatch(): Promise<number> {
    await this.workers.claimNow();
    try {
      const workers = this.workers.active;
      const before = handledBy(workers);
      await Promise.all(workers.map((worker) => worker.settleDown()));
      return handledBy(workers) - before;
    } finally {
      await this.workers.releaseUnlessLooping();
    }
  }

  /** Handles what is due at start-up. It is the same as one round of `processBatch`. */
  startupDrain(): Promise<number> {
    return this.processBatch();
  }

  /**
   * Runs rounds until nothing is due any more, for at most `timeoutMs` milliseconds (default one minute). It
   * continues after lost connections, and it ends when the application ends. If another process works on a
   * consumer, that consumer is left to it. `leftToOthers` then names the consumer, the process that works on
   * it, and the end of its lease. `heldByOthers` names it also where nothing is left, because the other
   * process was quick, and a WARN says so.
   */
  async drain(options: { timeoutMs?: number } = {}): Promise<DrainResult> {
    checkNames('an option of drain', options, ['timeoutMs']);
    const deadline = performance.now() + (options.timeoutMs ?? 60_000);
    try {
      return await this.withHolders(await this.drainUntil(deadline));
    } finally {
      await this.workers.releaseUnlessLooping();
    }
  }

  /**
   * Adds whose consumers were not this process's. A test whose handler is in another process's application
   * would otherwise see a drain that has succeeded, and no effect of it.
   */
  private async withHolders(result: DrainResult): Promise<DrainResult> {
    const names = this.registry.consumers().map(({ name }) => name);
    const heldByOthers = await this.status.heldByOthers(names, this.identity.id).catch(() => []);
    const [first] = heldByOthers;
    if (first === undefined) return result;
    const consumers = [...new Set(heldByOthers.map(({ consumerName }) => consumerName))];
    const owner = first.owner.host === null ? first.owner.id : `${first.owner.host}:${first.owner.pid}`;
    const [what, them] = consumers.length === 1 ? ['consumer', 'it'] : ['consumers', 'them'];
    this.logger.warnOfFailure(
      `drain() leaves the ${what} ${namesOf(consumers)} to another process (${owner}), which works on ${them} until ${first.until.toISOString()} at least: handlers of this process were not called for what that process holds. Stop it, or give this application a database of its own.`,
      'drain',
    );
    return { ...result, heldByOthers };
  }

  private async drainUntil(deadline: number): Promise<DrainResult> {
    const before = new Map(this.workers.active.map((worker) => [worker, worker.handled]));
    let workers: readonly ConsumerWorker[] = [];
    for (let isComplete = false; ; ) {
      isComplete &&= this.workers.areAll(workers);
      if (!isComplete) isComplete = await this.workers.claimNow().catch(() => false);
      workers = this.workers.active;
      for (const worker of workers) if (!before.has(worker)) before.set(worker, 0);
      const { isQuiet, dueInMs } = await this.drainRound(workers, deadline).catch(() => BROKEN_ROUND);
      isComplete &&= this.workers.areAll(workers);
      const processed = [...before].reduce((sum, [worker, count]) => sum + worker.handled - count, 0);
      if (isComplete && isQuiet) {
        const nextDueAt = dueInMs === undefined ? undefined : new Date(Date.now() + dueInMs);
        const leftToOthers = await this.leftToOthers();
        if (leftToOthers.length > 0) return { processed, drained: false, nextDueAt, leftToOthers };
        return { processed, drained: true, nextDueAt };
      }
      if (this.workers.isClosing || performance.now() >= deadline) return this.outOfTime(processed);
      await new Promise((resolve) => setTimeout(resolve, isComplete ? 5 : 100));
    }
  }

  private async outOfTime(processed: number): Promise<DrainResult> {
    const leftToOthers = await this.leftToOthers().catch(() => []);
    const result = { processed, drained: false, nextDueAt: new Date() };
    return leftToOthers.length > 0 ? { ...result, leftToOthers } : result;
  }

  private leftToOthers(): Promise<LeftToOther[]> {
    const names = this.registry.consumers().map(({ name }) => name);
    return this.status.leftToOthers(names, this.identity.id);
  }

  private async drainRound(workers: readonly ConsumerWorker[], deadline: number): Promise<DrainRound> {
    const replaying = await this.adminTasks.sendWindows(workers.map((worker) => worker.consumer.name));
    const before = stepsOf(workers);
    const inTime = await raceDeadline(Promise.all(workers.map((worker) => worker.settleDown())), deadline);
    if (replaying || !inTime) return BROKEN_ROUND;
    const dueInMs = await this.nextDueInMs(workers);
    // Handlers may have published events after the last page was read, also handlers that ran already when it
    // was read. A row that became due during the question is being worked on, so the answer does not count it
    // as due.
    const isQuiet =
      (dueInMs === undefined || dueInMs > 0) &&
      stepsOf(workers) === before &&
      workers.every((worker) => worker.isAtRest);
    return { isQuiet, dueInMs };
  }

  /**
   * Counts over the log and every consumer. They are estimates if the log is large; see
   * `OutboxService.getStats`.
   */
  async getStats(): Promise<ProcessorStats> {
    return {
      ...(await this.outbox.getStats()),
      handlerCount: this.registry.getHandlerCount(),
      refusedSaves: this.counters.refusedSaves,
    };
  }

  private async nextDueInMs(workers: readonly ConsumerWorker[]): Promise<number | undefined> {
    const due = await Promise.all(workers.map((worker) => this.inbox.nextDueInMs(worker.lease.key)));
    return due.reduce(
      (first, ms) => (ms === undefined || (first !== undefined && first < ms) ? first : ms),
      undefined,
    );
  }
}

const MOST_NAMED = 5;

function namesOf(consumers: readonly string[]): string {
  const named = consumers.slice(0, MOST_NAMED).map((name) => `"${name}"`);
  const others = consumers.length - named.length;
  return `${named.join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}

interface DrainRound {
  /** Whether only events and rows that are due later remain. */
  readonly isQuiet: boolean;
  /** When the next row is due, or undefined if none is stored. */
  readonly dueInMs: number | undefined;
}

const BROKEN_ROUND: DrainRound = { isQuiet: false, dueInMs: undefined };

function handledBy(workers: readonly ConsumerWorker[]): number {
  return workers.reduce((sum, worker) => sum + worker.handled, 0);
}

/** A number that grows with each event that is taken up and with each handler that ends. */
function stepsOf(workers: readonly ConsumerWorker[]): number {
  return workers.reduce((sum, worker) => sum + worker.handled + worker.attemptsEnded, 0);
}

async function raceDeadline(work: Promise<unknown>, deadline: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    const ms = Math.max(0, deadline - performance.now());
    timer = setTimeout(() => resolve(false), Math.min(ms, LONGEST_TIMER_MS));
  });
  return Promise.race([work.then(() => true), late]).finally(() => clearTimeout(timer));
}
