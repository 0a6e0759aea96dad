import type { Logger } from '@nestjs/common';
import { messageOf } from '../../errors.js';
import type { Subscription } from '../../subscribers/consumer.js';
import { loggerOf } from '../../words/engine-logger.js';
import { DEFAULT_ENGINE } from '../../words/engine-name.js';
import { hasOpenInspector } from './open-inspector.js';
import { WatchedMemory } from './watched-memory.js';
import { watchingThread } from './watching-thread.js';

/** The number of ticks within the time of a lease. */
const TICKS_PER_LEASE = 10;
const LONGEST_TICK_MS = 2_000;
const SHORTEST_TICK_MS = 50;
/** How long the thread waits for the stack of the blocked main thread, in milliseconds. */
const STACK_WITHIN_MS = 1_000;

/**
 * Notices when the event loop is blocked for longer than the lease. Nothing in the blocked thread can notice
 * this, so a second thread watches it through shared memory and names the running handlers. With `report`,
 * the second thread writes them to standard error, because a blocked loop cannot log. When the loop turns
 * again, they go to the log too. With `exit`, the second thread also ends the process, so that its supervisor
 * starts another one. It does not end a process whose inspector is open, because somebody may debug it. All
 * engines of a process share the second thread.
 */
export class Watchdog {
  private readonly logger: Logger;
  private readonly memory = WatchedMemory.create();
  private readonly indexes = new Map<Subscription, number>();
  private readonly freeSlots = Array.from({ length: WatchedMemory.slots }, (_, slot) => slot);
  /** The number under which the thread knows this engine. */
  private id: number | undefined;
  private joining: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly mode: 'report' | 'exit' | 'off',
    private readonly leaseMs: () => number,
    private readonly stackWithinMs = STACK_WITHIN_MS,
    readonly engine: string = DEFAULT_ENGINE,
  ) {
    this.logger = loggerOf('Watchdog', this);
  }

  get isWatching(): boolean {
    return this.id !== undefined;
  }

  /**
   * Resolves when the thread watches, or when it cannot start. The latter is logged as a warning and does not
   * fail the boot.
   */
  start(): Promise<void> {
    if (this.mode === 'off') return Promise.resolve();
    this.joining ??= this.join().catch((error) => this.warn(error));
    return this.joining;
  }

  async close(): Promise<void> {
    await this.joining;
    this.joining = undefined;
    clearTimeout(this.timer);
    const { id } = this;
    this.id = undefined;
    if (id !== undefined) await watchingThread.leave(id);
  }

  /**
   * Called when a handler starts. Returns the slot to pass to `leave` when the handler has ended. It is -1 if
   * the handler is not watched.
   */
  enter(subscription: Subscription, position: number): number {
    if (this.id === undefined) return -1;
    const slot = this.freeSlots.pop();
    if (slot === undefined) return -1;
    const index = this.indexes.get(subscription) ?? this.announce(subscription, this.id);
    this.memory.enter(slot, index, position);
    return slot;
  }

  leave(slot: number): void {
    if (slot < 0) return;
    this.memory.leave(slot);
    this.freeSlots.push(slot);
  }

  private announce(subscription: Subscription, id: number): number {
    const index = this.indexes.size;
    this.indexes.set(subscription, index);
    const { place, consumerName } = subscription;
    watchingThread.tell({ kind: 'handler', id, index, place, consumerName });
    return index;
  }

  private async join(): Promise<void> {
    this.indexes.clear();
    this.tick();
    const engine = {
      memory: this.memory.buffer,
      exits: this.mode === 'exit',
      stackWithinMs: this.stackWithinMs,
      mention: this.engine === DEFAULT_ENGINE ? '' : ` (${this.engine})`,
    };
    this.id = await watchingThread.join(engine, (error) => {
      this.id = undefined;
      this.warn(error);
    });
  }

  private warn(error: unknown): void {
    this.logger.warn(`A blocked event loop will not be noticed: ${messageOf(error)}`);
  }

  private tick(): void {
    const leaseMs = this.leaseMs();
    this.memory.beat(leaseMs, hasOpenInspector());
    const pause = Math.min(Math.max(leaseMs / TICKS_PER_LEASE, SHORTEST_TICK_MS), LONGEST_TICK_MS);
    this.timer = setTimeout(() => this.tick(), pause).unref();
  }
}
