import type { GroupReader } from '../log-reader.js';

/** Cursors at most this number of pages apart find each other's pages. */
const PAGES_APART = 2;
/** No cursor waits for one that is more than this number of positions behind. */
const REACH = 50_000;
/**
 * Milliseconds between two pages, for each cursor that may share them. A cursor that asks sooner than that
 * waits only for its share of the process, not for anything else.
 */
const SOON_MS = 20;

/**
 * Keeps cursors that read the same backlog close together. If they are at the same place, each page is read
 * once for all of them. If they are apart, each reads for itself. They also stay apart, because they share
 * the time of the process evenly. So the cursor in front waits for those that are close behind it. It loses
 * nothing, because the others use its share of the time while it waits. Afterwards no page is read twice, and
 * the cursor gets its share of the time saved.
 *
 * This is true only while reading and handling are all that the cursors wait for. So there are three limits.
 * - A cursor waits, and others wait for it, only while it asks for page after page in quick succession. If it
 *   does not, its handlers wait for something else.
 * - A cursor at the end of the log does not wait, because it waits for new events.
 * - A cursor waits no longer than its last page took, so that its speed is at worst halved.
 *
 * The last cursor waits for nobody.
 */
export class ClosingUp {
  private waiters: (() => void)[] = [];

  constructor(private readonly readers: readonly GroupReader[]) {}

  /**
   * Whether other cursors should ask for their next pages before this cursor gets its own. A page has `rows`
   * rows.
   */
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
   * Returns the other cursors for which the page is read too. A page has `rows` rows. A cursor that follows
   * and wants the same events costs nothing: it finds the page if the page is still kept. Other events must
   * be read in addition. So they are read only for cursors that will find the page, because they read a
   * backlog as this one does, in quick succession and close behind.
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

  /** Resolves when the other cursors have caught up, or when this cursor need not wait for them any more. */
  async wait(reader: GroupReader, rows: number): Promise<void> {
    const waitsUntil = performance.now() + reader.workedMs;
    while (this.readers.includes(reader) && this.hasToWait(reader, rows)) {
      const leftMs = waitsUntil - performance.now();
      if (leftMs <= 0) break;
      await this.nextAsk(Math.min(leftMs, SOON_MS));
    }
    reader.goesOn();
  }

  /** Notes that a cursor asks for a page, or that it will not ask again. */
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
