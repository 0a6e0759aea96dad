/** A lease whose row somebody held is tried again after so long. */
const AGAIN_FIRST_MS = 50;

/** When the leases of this process are to be renewed. */
export class RenewalPace {
  private renewedAt = Number.NEGATIVE_INFINITY;
  private againAfterMs = AGAIN_FIRST_MS;
  private againTimer: NodeJS.Timeout | undefined;
  /** What the process's row says of it. */
  private told = '';

  constructor(
    private readonly beatNow: () => void,
    private readonly longestMs: () => number,
  ) {}

  /** A third of the lease has passed, or the process has something else to say of itself than `told`. */
  isDue(now: number, leaseMs: number, told: string): boolean {
    return now - this.renewedAt >= leaseMs / 3 || told !== this.told;
  }

  /**
   * What was passed over is tried again soon, less often as time goes on: most rows are held for
   * milliseconds, by a save of ours.
   */
  renewed(sentAt: number, isEachRenewed: boolean, told: string): void {
    clearTimeout(this.againTimer);
    this.told = told;
    if (isEachRenewed) {
      this.renewedAt = sentAt;
      this.againAfterMs = AGAIN_FIRST_MS;
      return;
    }
    this.againTimer = setTimeout(this.beatNow, this.againAfterMs);
    this.againAfterMs = Math.min(this.againAfterMs * 2, this.longestMs());
  }

  /** The connection is a new one. */
  restart(): void {
    this.renewedAt = Number.NEGATIVE_INFINITY;
  }

  stop(): void {
    clearTimeout(this.againTimer);
  }
}
