/** Milliseconds before the first new try to renew a lease whose row somebody held. */
const AGAIN_FIRST_MS = 50;

/** Decides when the leases of this process are renewed. */
export class RenewalPace {
  private renewedAt = Number.NEGATIVE_INFINITY;
  private againAfterMs = AGAIN_FIRST_MS;
  private againTimer: NodeJS.Timeout | undefined;
  /** What the row of the process says about it. */
  private told = '';

  constructor(
    private readonly beatNow: () => void,
    private readonly longestMs: () => number,
  ) {}

  /**
   * Whether a third of the lease has passed, or the process must say something about itself that differs from
   * `told`.
   */
  isDue(now: number, leaseMs: number, told: string): boolean {
    return now - this.renewedAt >= leaseMs / 3 || told !== this.told;
  }

  /**
   * Plans the next try for what was skipped: leases, or the row of the process. The first try comes soon, and
   * later ones less often, because a save of this process holds most rows only for milliseconds.
   */
  renewed(sentAt: number, isEachRenewed: boolean, told: string): void {
    clearTimeout(this.againTimer);
    if (isEachRenewed) {
      this.told = told;
      this.renewedAt = sentAt;
      this.againAfterMs = AGAIN_FIRST_MS;
      return;
    }
    this.againTimer = setTimeout(this.beatNow, this.againAfterMs);
    this.againAfterMs = Math.min(this.againAfterMs * 2, this.longestMs());
  }

  /** Called when the connection is new. */
  restart(): void {
    this.renewedAt = Number.NEGATIVE_INFINITY;
  }

  stop(): void {
    clearTimeout(this.againTimer);
  }
}
