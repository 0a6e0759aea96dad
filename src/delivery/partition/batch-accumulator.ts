import type { Consumer } from '../../subscribers/consumer.js';

/** Holds a consumer with batches back for a while, until a batch is full or has waited long enough. */
export class BatchAccumulator {
  private timer: NodeJS.Timeout | undefined;
  private due = false;

  constructor(
    private readonly batch: Consumer['batch'],
    private readonly onDue: () => void,
  ) {}

  /**
   * Whether to wait for more than the `waiting` events that are there. `singles`: something is to run by
   * itself anyway.
   */
  isFilling(waiting: number, singles: boolean): boolean {
    const { batch } = this;
    if (batch === undefined || batch.maxWaitMs === 0 || waiting >= batch.maxSize || this.due || singles)
      return false;
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.due = true;
      this.onDue();
    }, batch.maxWaitMs);
    return true;
  }

  /** What had waited runs. */
  passed(): void {
    this.due = false;
  }

  close(): void {
    clearTimeout(this.timer);
  }
}
