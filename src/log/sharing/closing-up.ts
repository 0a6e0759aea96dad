import type { GroupReader } from '../log-reader.js';

/** Cursors that are so many pages apart find each other's pages. */
const PAGES_APART = 2;
/** Farther behind than this, nobody is waited for. */
const REACH = 50_000;
/**
 * Who asks for a page so soon after the last one, times the cursors that it may share pages with, waits for
 * nothing but its share of the process.
 */
const SOON_MS = 20;

/**
 * Several cursors that work off the same backlog read each page once if they are where the others are, and
 * each for itself if not; and once apart they stay apart, since they share the process's time evenly. So the
 * one in front waits for those close behind it. It loses nothing by that: while it waits the others have its
 * share of the time, and level with them it gets its share of what is not read twice any more.
 *
 * That holds only where reading and handling are all that anybody waits for. So nobody waits, or is waited
 * for, who does not ask for page after page in quick succession, because its handlers wait for something
 * else; nobody waits who has come to the end of the log, where it is events that are waited for; and nobody
 * waits for longer than the last page took it, so that its pace is halved at the worst. The last one waits
 * for nobody.
 */
export class ClosingUp {
  private waiters: (() => void)[] = [];

  constructor(private readonly readers: readonly GroupReader[]) {}

  /** Whether others are to ask for their next pages, of `rows`, before this cursor is given its own. */
  hasToWait(reader: GroupReader, rows: number): boolean {
    if (!reader.isBehind) return false;
    const soonMs = this.soonMs(reader);
    if (reader.workedMs >= soonMs) return false;
    return this.readers.some((other) => {
      const lead = reader.askedFrom - other.askedFrom;
      return reader.isWith(other) && lead > PAGES_APART * rows && lead <= REACH && other.asksEvery(soonMs);
    });
  }

  /**
   * For whom else a page, of `rows`, is to be read. Who follows and wants the same finds it at no cost, if it
   * is still kept. What others want has to be read in addition, so that is done only for those who will find
   * it: who work off a backlog as this cursor does, in quick succession and close behind.
   */
  followersOf(reader: GroupReader, rows: number): GroupReader[] {
    const soonMs = this.soonMs(reader);
    return this.readers.filter((other) => {
      if (!reader.isFollowedBy(other)) return false;
      if (reader.wantsAs(other)) return true;
      const lead = reader.askedFrom - other.askedFrom;
      return reader.isBehind && other.isBehind && lead <= PAGES_APART * rows && other.asksEvery(soonMs);
    });
  }

  private soonMs(reader: GroupReader): number {
    return SOON_MS * this.readers.filter((other) => reader.isWith(other)).length;
  }

  /** Resolves when they have closed up, or are not to be waited for any more. */
  async wait(reader: GroupReader, rows: number): Promise<void> {
    const waitsUntil = performance.now() + reader.workedMs;
    while (this.readers.includes(reader) && this.hasToWait(reader, rows)) {
      const leftMs = waitsUntil - performance.now();
      if (leftMs <= 0) break;
      await this.nextAsk(Math.min(leftMs, SOON_MS));
    }
    reader.goesOn();
  }

  /** Somebody asks for a page, or will not ask again. */
  asked(): void {
    const { waiters } = this;
    if (waiters.length === 0) return;
    this.waiters = [];
    for (const wake of waiters) wake();
  }

  private nextAsk(atMostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, atMostMs);
      this.waiters.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
