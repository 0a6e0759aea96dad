import type { EngineDatabase } from '../database/engine-database.js';
import { SampleStore } from './sample.store.js';
import { WorkStore } from './work.store.js';
import type { WorkCounts } from './work-counts.js';

export interface SampleTimes {
  /** Milliseconds between two samples. */
  readonly everyMs: number;
}

/** The token of `SampleTimes`. */
export const SAMPLE_TIMES = Symbol('nestjs-integration:sample-times');
export const DEFAULT_SAMPLE_TIMES: SampleTimes = { everyMs: 10_000 };

/** If there is less time than so many times their own between two samples, none was left out. */
export const GAP_IN_SAMPLES = 3.5;
/** The same in milliseconds, for samples as they are written by default. */
export const DEFAULT_GAP_MS = GAP_IN_SAMPLES * DEFAULT_SAMPLE_TIMES.everyMs;

/**
 * Takes samples of the backlog while this process runs consumers: one process of all writes each of them.
 * What this process itself has handled is written beside them.
 */
export class BacklogSamples {
  private readonly store: SampleStore;
  private readonly work: WorkStore;
  /** Monotonic milliseconds. */
  private nextAt = 0;

  constructor(
    db: EngineDatabase,
    private readonly times: SampleTimes,
    /** Whether this process runs consumers. One that only publishes takes no samples. */
    private readonly runsConsumers: boolean,
    private readonly counts: WorkCounts,
    private readonly processId: string,
  ) {
    this.store = new SampleStore(db);
    this.work = new WorkStore(db);
  }

  /** Whether it is time to ask for a sample again. The caller that is told so takes it. */
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

  /**
   * Writes what this process has handled since the last time. If that fails, it is written the next time,
   * together with what comes until then.
   */
  async writeWork(): Promise<void> {
    const changed = this.counts.changed();
    if (changed.length === 0) return;
    await this.work.write(this.processId, changed);
    this.counts.written(changed);
  }
}
