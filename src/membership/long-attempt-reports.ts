import type { LongAttempt } from './beat/self-report.js';

/** How often this process looks at what it runs, in milliseconds. */
const LOOK_EVERY_MS = 1_000;

/**
 * Tells the others what has run for long in this process, as soon as that changes: an attempt has come to two
 * seconds, or such an attempt has ended. Without it they would know it from the next renewal of the leases,
 * which may be ten seconds away, and longer with longer leases.
 *
 * Why there is at most one report a second, however many attempts begin and end. Nothing calls this object
 * when an attempt begins or ends. It looks once a second, and reports if the list differs from the one that
 * the database has. What has changed since the last look is in one report. While a report is under way there
 * is no other, and the look is left out.
 *
 * Why no beat waits for a report. A report uses a connection of the pool, and a beat has a connection of its
 * own. Both write the row of the process, so one of them may find it locked. A beat passes over a locked row
 * and is made up for at once (see `RenewalPace`); leases stand in other rows. A report passes over a locked
 * row too, and the next look tries again.
 *
 * Why the list is right in the end. A report that fails is tried again with the next look. Each renewal
 * writes the whole list as well, so that what a server has lost comes back with it.
 */
export class LongAttemptReports {
  private timer: NodeJS.Timeout | undefined;
  private isWriting = false;
  private told = keyOf([]);

  /**
   * @param look returns what has run for long
   * @param write resolves to whether the row of the process was written
   */
  constructor(
    private readonly look: () => readonly LongAttempt[],
    private readonly write: (working: readonly LongAttempt[]) => Promise<boolean>,
    private readonly everyMs = LOOK_EVERY_MS,
  ) {}

  start(): void {
    this.timer ??= setInterval(() => this.reportChange(), this.everyMs).unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  /** Called when a renewal has written the list. */
  renewed(working: readonly LongAttempt[]): void {
    this.told = keyOf(working);
  }

  private async reportChange(): Promise<void> {
    if (this.isWriting) return;
    const working = this.look();
    const key = keyOf(working);
    if (key === this.told) return;
    this.isWriting = true;
    const isWritten = await this.write(working).catch(() => false);
    this.isWriting = false;
    if (isWritten) this.told = key;
  }
}

/** What tells two lists apart. For how long an attempt has run does not. */
function keyOf(working: readonly LongAttempt[]): string {
  return working
    .map(({ consumerName, partition, position, attempt }) =>
      [attempt, position, partition, consumerName].join(),
    )
    .join('\n');
}
