/** Sleeps until something wakes it. A call that comes while nobody sleeps ends the next sleep. */
export class Waker {
  private isWoken = false;
  private resolve: (() => void) | undefined;

  wake(): void {
    this.isWoken = true;
    this.resolve?.();
  }

  async sleep(ms: number): Promise<void> {
    if (!this.isWoken && ms > 0) {
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.resolve = resolve;
        timer = setTimeout(resolve, ms);
      });
      clearTimeout(timer);
      this.resolve = undefined;
    } else {
      // What ends in this turn of the event loop is dealt with together.
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.isWoken = false;
  }

  /** Waits for this time, or until it is over for good. */
  async pause(ms: number, isOver: () => boolean): Promise<void> {
    const until = performance.now() + ms;
    while (!isOver() && performance.now() < until) await this.sleep(until - performance.now());
  }
}
