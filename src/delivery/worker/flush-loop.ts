import type { FlushWriter, SaveReport } from '../../inbox/flush-writer.js';
import { Backoff } from '../partition/backoff.js';
import type { Partition } from '../partition/partition.js';
import type { CrashRecovery } from '../suspects/crash-recovery.js';
import { Signal } from '../watchdog/signal.js';
import type { WorkerContext } from './worker-context.js';

/** A save of this many outcomes does not wait for the end of its interval. */
const SAVE_AT = 2_000;

/**
 * Saves the outcomes of handlers, after a few milliseconds or two thousand outcomes. One save is under way at
 * a time.
 */
export class FlushLoop {
  private readonly wanted = new Signal();
  private timer: NodeJS.Timeout | undefined;
  private saving = false;
  private lastSaveMs = 0;
  /** How many cursors save at the same time, including this one. */
  private together = 1;

  constructor(
    private readonly context: WorkerContext,
    private readonly partition: Partition,
    private readonly writer: FlushWriter,
    private readonly crashes: CrashRecovery,
    private readonly onSaved: (report: SaveReport) => void,
  ) {}

  get isIdle(): boolean {
    return !this.saving && !this.hasMore;
  }

  /** Called when there is something to save. */
  soon(): void {
    if (this.wanted.isRaised || this.context.isClosed) return;
    const { flushPace } = this.context.env;
    if (this.timer === undefined) {
      const delay = flushPace.waits(this.lastSaveMs, this.due);
      this.timer = this.context.after(
        delay,
        () => flushPace.comes(this.due),
        () => flushPace.leaves(this.due),
      );
    }
    if (this.partition.workload.outcomes >= SAVE_AT) flushPace.comes(this.due);
  }

  private readonly due = (together: number): void => {
    if (this.timer !== undefined) this.context.cancel(this.timer);
    this.timer = undefined;
    this.together = together;
    this.wanted.raise();
  };

  now(): void {
    this.wanted.raise();
  }

  async run(): Promise<void> {
    const backoff = new Backoff();
    while (!this.context.isClosed) {
      await this.wanted.wait();
      try {
        while (!this.context.isClosed && (await this.flushOnce()))
          if (this.partition.workload.outcomes < SAVE_AT) break;
        backoff.succeeded();
        if (this.hasMore) this.soon();
      } catch (error) {
        await this.context.waitAfterFailure('Saving', error, backoff);
        this.wanted.raise();
      }
      this.context.stepDone();
    }
  }

  /**
   * Saves the remaining outcomes after the loop has ended, until `deadline` (monotonic milliseconds). It
   * saves at least once. If a handler hangs, the deadline has passed already, and the outcomes of the other
   * handlers must not be lost because of that.
   */
  async flushRest(deadline: number): Promise<void> {
    while (this.hasMore && this.context.lease.isValid()) {
      const saved = await this.flushOnce().catch(() => false);
      if (!saved || performance.now() >= deadline) return;
    }
  }

  private get hasMore(): boolean {
    return !this.partition.workload.isFlushed || !this.writer.isEmpty;
  }

  /** Makes one save. Returns false if there was nothing to save, or if the lease is lost. */
  private async flushOnce(): Promise<boolean> {
    const { faults } = this.context.env.execution;
    if (faults.isArmed && faults.reachedInSave('before-save', this.context.consumer.name)) {
      this.context.abandon('the fault point before-save');
      return false;
    }
    this.saving = true;
    const startedAt = performance.now();
    let report: SaveReport | undefined;
    try {
      report = await this.writer.save(this.partition, this.crashes.uptoToSave);
    } finally {
      this.saving = false;
    }
    if (report === undefined) return false;
    this.lastSaveMs = (performance.now() - startedAt) / this.together;
    if (!report.held) {
      this.refused(report);
      return false;
    }
    if (faults.isArmed && faults.reachedInSave('after-save', this.context.consumer.name)) {
      this.context.abandon('the fault point after-save');
      return false;
    }
    this.context.env.reports.telemetry.meters?.saveMade(
      this.context.consumer.name,
      report.positions.count + report.resolved.length,
    );
    if (report.readUpto !== undefined) this.crashes.saved(report.readUpto);
    this.partition.flushed(report);
    this.onSaved(report);
    return true;
  }

  /**
   * Called when the fence refused the save, because another process has the lease. The refusal is counted
   * even if a heartbeat has shown the loss already.
   */
  private refused({ positions, resolved }: SaveReport): void {
    const { counters } = this.context.env.reports;
    counters.saveRefused();
    const outcomes = positions.countBelow(Number.POSITIVE_INFINITY) + resolved.length;
    this.context.logger.warnOfFailure(
      `A save of ${outcomes} outcomes came too late and was refused (${counters.refusedSaves} such saves in this process)`,
    );
    this.context.leaseLost();
  }
}
