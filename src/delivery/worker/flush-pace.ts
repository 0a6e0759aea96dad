/** Told that its time has come, and how many are saved at the same time, itself included. */
type Due = (together: number) => void;

interface Waiting {
  readonly due: Due;
  readonly since: number;
  readonly ms: number;
}

/**
 * How long outcomes wait to be saved. A save is a statement and a commit, however little it says; of many
 * cursors that are at work at once, each would make it every few milliseconds for a handful of outcomes, and
 * saving would be most of what the process does. So cursors are saved at the same time, by one statement
 * where that is possible; the saves of all its cursors together take no more time than a single cursor could
 * spend on saving one after another; and holes, which make a save dear, make it rarer.
 */
export class FlushPace {
  /** Cursors that have outcomes to save. */
  private waiting: Waiting[] = [];

  /**
   * A cursor has something to save, whose last save took so long: it is to be done after so many
   * milliseconds, when its time `comes`.
   */
  waits(flushIntervalMs: number, lastSaveMs: number, due: Due): number {
    const ms = Math.max(flushIntervalMs, lastSaveMs * Math.max(2, this.waiting.length + 1));
    this.waiting.push({ due, since: performance.now(), ms });
    return ms;
  }

  /**
   * It has waited for long, or has much to save. Whoever has waited for half of his own time is saved along
   * with it.
   */
  comes(due: Due): void {
    const now = performance.now();
    const isRipe = (one: Waiting) => one.due === due || (now - one.since) * 2 >= one.ms;
    const ripe = this.waiting.filter(isRipe);
    this.waiting = this.waiting.filter((one) => !isRipe(one));
    for (const one of ripe) one.due(ripe.length);
  }

  /** It waits no more, and is not saved. */
  leaves(due: Due): void {
    this.waiting = this.waiting.filter((one) => one.due !== due);
  }
}
