import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Logger } from '@nestjs/common';
import { copyBesideBundle, packageFolder } from '../../database/migrations/package-folder.js';
import { messageOf } from '../../errors.js';
import type { Subscription } from '../../subscribers/consumer.js';
import { WatchedMemory } from './watched-memory.js';

/** The number of ticks within the time of a lease. */
const TICKS_PER_LEASE = 10;
const LONGEST_TICK_MS = 2_000;
const SHORTEST_TICK_MS = 50;
/**
 * How long a boot waits for the thread, in milliseconds. The thread starts in less time, unless the machine
 * is very busy.
 */
const READY_WITHIN_MS = 5_000;

/** What the thread receives at its start. */
export interface WatchdogThreadData {
  readonly memory: SharedArrayBuffer;
  readonly exits: boolean;
}

/** A handler and the index that stands for it in the shared memory. */
export interface WatchedHandler {
  readonly index: number;
  readonly place: string;
  readonly consumerName: string;
}

/**
 * A message of the thread. It says that the thread is ready, or what blocked the event loop. The second
 * message comes when the event loop turns again.
 */
export type WatchdogThreadMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'recovered'; readonly text: string };

/**
 * Notices when the event loop is blocked for longer than the lease. Nothing in the blocked thread can notice
 * this, so a second thread watches it through shared memory and names the running handlers. With `report`,
 * the second thread writes them to standard error, because a blocked loop cannot log. When the loop turns
 * again, they go to the log too. With `exit`, the second thread also ends the process, so that its supervisor
 * starts another one.
 */
export class Watchdog {
  private readonly logger = new Logger('Watchdog');
  private readonly memory = WatchedMemory.create();
  private readonly indexes = new Map<Subscription, number>();
  private readonly freeSlots = Array.from({ length: WatchedMemory.slots }, (_, slot) => slot);
  private thread: Worker | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly mode: 'report' | 'exit' | 'off',
    private readonly leaseMs: () => number,
  ) {}

  get isWatching(): boolean {
    return this.thread !== undefined;
  }

  /**
   * Resolves when the thread watches, or when it cannot start. The latter is logged as a warning and does not
   * fail the boot.
   */
  async start(): Promise<void> {
    if (this.mode === 'off' || this.thread !== undefined) return;
    try {
      await this.startThread();
    } catch (error) {
      this.warn(error);
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.timer);
    const { thread } = this;
    this.thread = undefined;
    await thread?.terminate();
  }

  /**
   * Called when a handler starts. Returns the slot to pass to `leave` when the handler has ended. It is -1 if
   * the handler is not watched.
   */
  enter(subscription: Subscription, position: number): number {
    if (this.thread === undefined) return -1;
    const slot = this.freeSlots.pop();
    if (slot === undefined) return -1;
    const index = this.indexes.get(subscription) ?? this.announce(subscription);
    this.memory.enter(slot, index, position);
    return slot;
  }

  leave(slot: number): void {
    if (slot < 0) return;
    this.memory.leave(slot);
    this.freeSlots.push(slot);
  }

  private announce(subscription: Subscription): number {
    const index = this.indexes.size;
    this.indexes.set(subscription, index);
    const { place, consumerName } = subscription;
    this.thread?.postMessage({ index, place, consumerName } satisfies WatchedHandler);
    return index;
  }

  private startThread(): Promise<void> {
    const file = threadFile();
    this.indexes.clear();
    this.tick();
    const workerData: WatchdogThreadData = { memory: this.memory.buffer, exits: this.mode === 'exit' };
    // The flags and the preloaded modules of the application are not meant for this thread.
    const thread = new Worker(file, {
      workerData,
      execArgv: [],
      env: {},
      name: 'nestjs-integration watchdog',
    });
    this.thread = thread;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`its thread is not up after ${READY_WITHIN_MS} ms`)),
        READY_WITHIN_MS,
      );
      let isUp = false;
      let failure: unknown;
      thread.on('message', (message: WatchdogThreadMessage) => {
        if (message.kind === 'recovered') {
          this.logger.error(message.text);
          return;
        }
        isUp = true;
        clearTimeout(timer);
        resolve();
      });
      thread.once('error', (error) => {
        failure = error;
      });
      thread.once('exit', () => {
        clearTimeout(timer);
        const isUnexpected = this.thread === thread;
        if (isUnexpected) this.thread = undefined;
        if (isUnexpected && isUp) this.warn(failure ?? new Error('its thread has ended'));
        else if (isUnexpected) reject(failure ?? new Error('its thread has ended'));
        else resolve();
      });
      // This comes after the listeners, because adding a listener makes the thread keep the process running
      // again.
      thread.unref();
    });
  }

  private warn(error: unknown): void {
    this.logger.warn(`A blocked event loop will not be noticed: ${messageOf(error)}`);
  }

  private tick(): void {
    const leaseMs = this.leaseMs();
    this.memory.beat(leaseMs);
    const pause = Math.min(Math.max(leaseMs / TICKS_PER_LEASE, SHORTEST_TICK_MS), LONGEST_TICK_MS);
    this.timer = setTimeout(() => this.tick(), pause).unref();
  }
}

function threadFile(): string {
  const folder = packageFolder();
  const file =
    folder === undefined ? undefined : join(folder, 'dist', 'delivery', 'watchdog', 'watchdog-thread.js');
  if (file !== undefined && existsSync(file)) return file;
  throw new Error(
    `its thread is not there (${file ?? 'a bundler has put the code of nestjs-integration into the application'}): leave nestjs-integration out of the bundle, or copy the folder node_modules/nestjs-integration to ${copyBesideBundle()}`,
  );
}
