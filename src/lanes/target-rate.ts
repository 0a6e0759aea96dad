/**
 * How many runs of one target may begin now, if so many may begin in a second. It begins with one, because
 * the owner before may have used up what it had.
 */
export class TargetRate {
  private tokens = 1;
  private at: number;

  /** @param now milliseconds of a monotonic clock */
  constructor(
    public perSecond: number,
    now: number,
  ) {
    this.at = now;
  }

  free(now: number): number {
    const most = Math.max(1, this.perSecond);
    this.tokens = Math.min(most, this.tokens + ((now - this.at) / 1000) * this.perSecond);
    this.at = now;
    // Steps of a clock add up to a little less than a whole.
    return Math.floor(this.tokens + 1e-6);
  }

  take(count: number): void {
    this.tokens -= count;
  }

  /** Milliseconds until the next one may begin. */
  waitMs(now: number): number {
    return this.free(now) > 0 ? 0 : ((1 - this.tokens) / this.perSecond) * 1000;
  }
}
