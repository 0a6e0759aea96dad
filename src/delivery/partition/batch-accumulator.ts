import type { Consumer } from '../../subscribers/consumer.js';

/**
 * Holds a consumer with batches back until a batch is full or has waited long enough. It holds no timer:
 * whoever waits asks for `dueAt`.
 */
export class BatchAccumulator {
  private since: number | undefined;

  constructor(private readonly batch: Consumer['batch']) {}

  /**
   * Whether to wait for more events than the `waiting` ones. `singles`: something is to run by itself anyway.
   */
  isFilling(waiting: number, singles: boolean): boolean {
    const { batch } = this;
    if (batch === undefined || batch.maxWaitMs === 0 || waiting >= batch.maxSize || singles) return false;
    this.since ??= performance.now();
    return !this.isDue;
  }

  /** When what waits has waited long enough (monotonic ms); undefined if nothing waits for that. */
  get dueAt(): number | undefined {
    return this.since === undefined || this.isDue ? undefined : this.since + this.maxWaitMs;
  }

  /** What had waited runs. */
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
