import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { copyBesideBundle, packageFolder } from '../../database/migrations/package-folder.js';
import { EngineLogger } from '../../words/engine-logger.js';

/**
 * How long a boot waits for the thread, in milliseconds. The thread starts in less time, unless the machine
 * is very busy.
 */
const READY_WITHIN_MS = 5_000;

/** What the thread learns of an engine that it is to watch for. */
export interface WatchedEngine {
  readonly memory: SharedArrayBuffer;
  readonly exits: boolean;
  /** How long the thread waits for the stack of the blocked main thread, in milliseconds. */
  readonly stackWithinMs: number;
  /** The name of the engine, in the form in which reports mention it. Empty without a name. */
  readonly mention: string;
}

/** A handler and the index that stands for it in the shared memory of its engine. */
export interface WatchedHandler {
  readonly index: number;
  readonly place: string;
  readonly consumerName: string;
}

/** What the thread is told. `id` is the number of an engine. */
export type WatchdogOrder =
  | ({ readonly kind: 'engine'; readonly id: number } & WatchedEngine)
  | ({ readonly kind: 'handler'; readonly id: number } & WatchedHandler)
  | { readonly kind: 'leaves'; readonly id: number };

/**
 * A message of the thread. It says that the thread is ready, or what blocked the event loop. The second
 * message comes when the event loop turns again.
 */
export type WatchdogThreadMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'recovered'; readonly text: string };

/**
 * The thread that watches the event loop of this one, for every engine of it. It is started for the first
 * engine and ended with the last one.
 */
export class WatchingThread {
  private readonly logger = new EngineLogger('Watchdog');
  /** For each engine, what to call if the thread ends although it is needed. */
  private readonly engines = new Map<number, (error: unknown) => void>();
  private thread: Worker | undefined;
  private up: Promise<void> = Promise.resolve();
  private count = 0;

  /**
   * Resolves to the number of the engine when the thread watches. Rejects if the thread cannot start.
   *
   * @param onEnd is called if the thread ends by itself later
   */
  async join(engine: WatchedEngine, onEnd: (error: unknown) => void): Promise<number> {
    const id = ++this.count;
    if (this.thread === undefined) this.up = this.start();
    this.engines.set(id, onEnd);
    this.tell({ kind: 'engine', id, ...engine });
    try {
      await this.up;
      return id;
    } catch (error) {
      await this.leave(id);
      throw error;
    }
  }

  async leave(id: number): Promise<void> {
    this.engines.delete(id);
    if (this.engines.size > 0) return this.tell({ kind: 'leaves', id });
    const { thread } = this;
    this.thread = undefined;
    await thread?.terminate();
  }

  tell(order: WatchdogOrder): void {
    this.thread?.postMessage(order);
  }

  /** Rejects if the thread is not up in time. Every engine that has joined by then hears of it. */
  private async start(): Promise<void> {
    // The flags and the preloaded modules of the application are not meant for this thread.
    const thread = new Worker(threadFile(), { execArgv: [], env: {}, name: 'nestjs-integration watchdog' });
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
          this.logger.errorOfFailure(message.text, undefined, message.text);
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
        if (this.thread !== thread) return resolve();
        this.thread = undefined;
        const error = failure ?? new Error('its thread has ended');
        if (isUp) this.ended(error);
        else reject(error);
      });
      // This comes after the listeners, because adding a listener makes the thread keep the process running
      // again.
      thread.unref();
    });
  }

  private ended(error: unknown): void {
    const told = [...this.engines.values()];
    this.engines.clear();
    for (const onEnd of told) onEnd(error);
  }
}

/**
 * The thread of this event loop. Each thread of a process loads this file for itself, so each event loop has
 * its own.
 */
export const watchingThread = new WatchingThread();

function threadFile(): string {
  const folder = packageFolder();
  const file =
    folder === undefined ? undefined : join(folder, 'dist', 'delivery', 'watchdog', 'watchdog-thread.js');
  if (file !== undefined && existsSync(file)) return file;
  throw new Error(
    `its thread is not there (${file ?? 'a bundler has put the code of nestjs-integration into the application'}): leave nestjs-integration out of the bundle, or copy the folder node_modules/nestjs-integration to ${copyBesideBundle()}`,
  );
}
