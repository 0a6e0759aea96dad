/**
 * How long outcomes wait to be saved. A save is a statement and a commit, however little it says; of many cursors that are at work
 * at once, each would make it every few milliseconds for a handful of outcomes, and saving would be most of what the process does. So the saves
 * of all its cursors together take no more time than a single cursor could spend on saving one after another; and holes, which make a
 * save dear, make it rarer.
 */
export class SavePace {
  /** Cursors that have outcomes to save. */
  private saving = 0;

  /** A cursor has something to save, whose last save took so long: it is to be done after so many milliseconds. `saves`, then. */
  waits(flushIntervalMs: number, lastSaveMs: number): number {
    this.saving++;
    return Math.max(flushIntervalMs, lastSaveMs * Math.max(2, this.saving));
  }

  /** It waits no more. */
  saves(): void {
    this.saving--;
  }
}
