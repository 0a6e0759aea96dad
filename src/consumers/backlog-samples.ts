import type { EngineDatabase } from '../database/engine-database.js';
import { SampleStore } from './sample.store.js';

export interface SampleTimes {
  /** Milliseconds between two samples. */
  readonly everyMs: number;
}

/** The token of `SampleTimes`. */
export const SAMPLE_TIMES = Symbol('nestjs-integration:sample-times');
export const DEFAULT_SAMPLE_TIMES: SampleTimes = { everyMs: 10_000 };

/** If there is less time than so many times their own between two samples, none was left out. */
export const GAP_IN_SAMPLES = 3.5;

/** Takes samples of the backlog while this process runs consumers. One process of all writes each sample. */
export class BacklogSamples {
  private readonly store: SampleStore;
  /** Monotonic milliseconds. */
  private nextAt = 0;

  constructor(
    db: EngineDatabase,
    private readonly times: SampleTimes,
    /** Whether this process runs consumers. One that only publishes takes no samples. */
    private readonly runsConsumers: boolean,
  ) {
    this.store = new SampleStore(db);
  }

  /** Whether it is time to ask for a sample again. Whoever is told so takes it. */
  isDue(): boolean {
    const now = performance.now();
    if (!this.runsConsumers || now < this.nextAt) return false;
    this.nextAt = now + this.times.everyMs;
    return true;
  }

  /** Writes a sample if nobody has written one for most of the time between two. */
  async take(): Promise<void> {
    await this.store.take(0.95 * this.times.everyMs);
  }
}
