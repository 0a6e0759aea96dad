import { type CursorKey, nameOfCursor } from '../inbox/inbox-status.js';

/** The cursors whose former handlers are still running in this process. */
export class BusyCursors {
  private readonly counts = new Map<string, number>();

  /** `onFree` is called each time that handlers of a cursor have ended. */
  constructor(private readonly onFree: () => void) {}

  get areNone(): boolean {
    return this.counts.size === 0;
  }

  isBusy(key: CursorKey): boolean {
    return this.counts.has(nameOfCursor(key));
  }

  /** Marks the cursor as busy until `ended` has settled, with or without an error. */
  markBusy(key: CursorKey, ended: Promise<unknown>): void {
    const name = nameOfCursor(key);
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    const done = () => {
      const left = (this.counts.get(name) ?? 1) - 1;
      if (left > 0) this.counts.set(name, left);
      else this.counts.delete(name);
      this.onFree();
    };
    ended.then(done, done);
  }
}
