import { Injectable } from '@nestjs/common';
import { sqlStateOf } from '../database/connection/connection-loss.js';
import { INSUFFICIENT_PRIVILEGE } from '../database/connection/sql-states.js';
import { messageOf } from '../errors.js';
import type { CursorSnapshot } from '../membership/beat/integration-process.store.js';
import { BacklogSamples } from '../rates/backlog-samples.js';
import { type EngineLogger, loggerOf } from '../words/engine-logger.js';
import { OperationRunner } from './operations/operation-runner.js';
import { RepartitionSteps } from './repartition-steps.js';
import { ReplayWindowStore, type WindowResult } from './replay-window.store.js';

/**
 * Milliseconds between two looks for operations that run. Whoever starts one says so. This is for operations
 * whose process has died, and for a message that was lost.
 */
const LOOK_MS = 15_000;

/** Milliseconds between two windows of a replay while enough rows are due. */
const WAIT_MS = 200;

/**
 * Long tasks that admins have asked for: filtered replays, changed numbers of partitions, and stored
 * operations. Samples of the backlog are taken beside them. The processes that run consumers do them when a
 * beat shows that there is something to do. Each step is one transaction that finds out itself what comes
 * next. So it does not matter which process takes a step, or how often.
 */
@Injectable()
export class AdminTasks {
  private readonly logger: EngineLogger;
  private readonly running = new Map<string, Promise<void>>();
  private stopped = false;
  /** Monotonic milliseconds. Infinite if this role may not work operations off. */
  private nextLookAt = 0;
  /** The processes that have ended without giving back what they worked on. */
  private dead: readonly string[] = [];
  /** What this role may not write. It is not tried again. */
  private readonly forbidden = new Set<'samples' | 'work'>();

  constructor(
    private readonly windows: ReplayWindowStore,
    private readonly partitions: RepartitionSteps,
    private readonly operations: OperationRunner,
    private readonly samples: BacklogSamples,
  ) {
    this.logger = loggerOf('AdminTasks', windows);
  }

  /**
   * Starts the tasks that a beat showed. `holds` tells whether this process works on a consumer. `sent` is
   * called when rows of the consumer have become due. `dead` are the processes that are known to have ended.
   * Their operations are looked for at once.
   */
  beginDue(
    cursors: readonly CursorSnapshot[],
    holds: (consumerName: string) => boolean,
    sent: (consumerName: string) => void,
    dead: readonly string[],
  ): void {
    this.stopped = false;
    if (dead.some((id) => !this.dead.includes(id))) this.operationsChanged();
    this.dead = dead;
    if (cursors.length > 0 && performance.now() >= this.nextLookAt && !this.running.has('operations')) {
      this.nextLookAt = performance.now() + LOOK_MS;
      const work = () =>
        this.operations.workOff(
          () => this.stopped,
          () => this.dead,
        );
      this.begin('operations', () => this.ifAllowed(work).catch((error) => this.soonAgain(error)));
    }
    if (cursors.length > 0 && this.samples.isDue()) this.begin('sample', () => this.sample());
    for (const { consumerName, repartitioning, replaying } of cursors) {
      if (repartitioning) this.begin(`repartition ${consumerName}`, () => this.repartition(consumerName));
      else if (replaying && holds(consumerName)) {
        this.begin(`replay ${consumerName}`, () => this.replay(consumerName, holds, sent));
      }
    }
  }

  /**
   * Sends one window for each of these consumers that has an open request, and does one portion of a stored
   * operation. Returns whether anything is left to send.
   */
  async sendWindows(consumerNames: readonly string[]): Promise<boolean> {
    const isOperating =
      (await this.ifAllowed(() => this.operations.doPortion())) === true || this.operations.isWaiting;
    const results: WindowResult[] = [];
    for (const name of await this.windows.openRequests(consumerNames)) {
      results.push(await this.windows.sendWindow(name));
    }
    return isOperating || results.some(({ state }) => state !== 'none');
  }

  /** Begins no new task. Resolves when the running tasks have ended. */
  async stop(): Promise<void> {
    this.stopped = true;
    await Promise.allSettled(this.running.values());
  }

  /** Called when an operation may have been started. The next beat looks for it. */
  operationsChanged(): void {
    if (Number.isFinite(this.nextLookAt)) this.nextLookAt = 0;
  }

  private async sample(): Promise<void> {
    await this.unlessForbidden('samples', () => this.samples.take());
    await this.unlessForbidden('work', () => this.samples.writeWork());
  }

  private async unlessForbidden(what: 'samples' | 'work', write: () => Promise<void>): Promise<void> {
    if (this.forbidden.has(what)) return;
    try {
      await write();
    } catch (error) {
      if (sqlStateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
      this.forbidden.add(what);
    }
  }

  /** If this role may not work operations off, it does not try again. The boot has said so. */
  private async ifAllowed<R>(work: () => Promise<R>): Promise<R | undefined> {
    if (this.nextLookAt === Number.POSITIVE_INFINITY) return undefined;
    try {
      return await work();
    } catch (error) {
      if (sqlStateOf(error) !== INSUFFICIENT_PRIVILEGE) throw error;
      this.nextLookAt = Number.POSITIVE_INFINITY;
      return undefined;
    }
  }

  /** A portion that failed has changed nothing. */
  private soonAgain(error: unknown): never {
    this.operationsChanged();
    throw error;
  }

  private begin(name: string, work: () => Promise<void>): void {
    if (this.running.has(name)) return;
    const done = work()
      .catch((error) => {
        const words = `"${name}" is tried again with the next beat: ${messageOf(error)}`;
        if (!this.stopped) this.logger.warnOfFailure(words);
      })
      .finally(() => this.running.delete(name));
    this.running.set(name, done);
  }

  private async repartition(consumerName: string): Promise<void> {
    let { state, changedTo } = await this.partitions.advance(consumerName);
    while (state === 'moving' && !this.stopped)
      ({ state, changedTo } = await this.partitions.advance(consumerName));
    if (changedTo !== undefined)
      this.logger.log(`Number of partitions of consumer "${consumerName}": ${changedTo}`);
  }

  private async replay(
    consumerName: string,
    holds: (consumerName: string) => boolean,
    sent: (consumerName: string) => void,
  ): Promise<void> {
    // Each beat comes here while a replay is paused. Its cursors need not be locked for that.
    if ((await this.windows.openRequests([consumerName])).length === 0) return;
    while (!this.stopped && holds(consumerName)) {
      const window = await this.windows.sendWindow(consumerName);
      if (window.state === 'none') return;
      if (window.state === 'sent' && window.sent > 0) sent(consumerName);
      if (window.state === 'waiting') await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
    }
  }
}
