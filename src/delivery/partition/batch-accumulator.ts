import type { Consumer } from '../../subscribers/consumer.js';

/**
 * Delays a consumer with batches until a batch is full or its events have waited long enough. It has no
 * timer, so its user must read `dueAt`.
 */
export class BatchAccumulator {
  private since: number | undefined;

  constructor(private readonly batch: Consumer['batch']) {}

  /**
   * Whether to wait for more events, if `waiting` events wait now. `singles` means that an event must run by
   * itself anyway.
   */
  isFilling(waiting: number, singles: boolean): boolean {
    const { batch } = this;
    if (batch === undefined || batch.maxWaitMs === 0 || waiting >= batch.maxSize || singles) return false;
    this.since ??= performance.now();
    return !this.isDue;
  }

  /**
   * The time when the events have waited long enough, in monotonic milliseconds. Undefined if none of them
   * waits for that time.
   */
  get dueAt(): number | undefined {
    return this.since === undefined || this.isDue ? undefined : this.since + this.maxWaitMs;
  }

  /** Called when the events that waited run. */
  passed(): void {
    if (this.isDue) this.since = undefined;
  }

  private get isDue(): boolean {
    return this.since !== undefined && performance.now() - this.since >= this.maxWaitMs;
  }

  private get maxWaitMs(): number {
    return this.batch?.maxWaitMs ?? 0;
  }
}
