/*
 * Why the reader misses no event and reads none too early.
 *
 * Positions are handed out at insert, but transactions commit in another order. `toRead` has all positions
 * that this cursor has neither settled nor in flight. Each page asks for all of `toRead` again. So a late
 * commit appears in its hole and is delivered then. No mark of the highest position seen ever skips anything.
 * A position that was rolled back never appears. The sweep removes such holes in three steps:
 *
 * 1. Note `upto`, this cursor's own read position. It is one above the highest position that the cursor has
 *    seen committed.
 * 2. Then read which transactions hold RowExclusiveLock on the log. Wait until each of them is gone. At the
 *    moment when the last of them is seen to be gone, note which transactions are prepared for a two-phase
 *    commit. Wait until each of those is gone too.
 * 3. Read a page whose statement starts after that. It delivers what it finds in a hole. A position that is
 *    still absent below `upto` never committed, so it is settled. If rows or bytes cut the page short, this
 *    holds only below the page's last row.
 *
 * The proof. Let transaction T own a position p < upto. Its INSERT took the lock before it drew p. T keeps
 * the lock until it ends, or until the savepoint of the INSERT is rolled back. A commit becomes visible
 * before its locks are released. Each position is drawn later than every lower one, because the CACHE of the
 * identity is 1. So p was drawn before a higher position was seen committed. That was before `upto` was
 * noted, and so before the holders were read. Therefore T was among the holders, or it had already ended.
 * Once T is gone, a later snapshot sees its row, or no snapshot ever will. The snapshot of step 3 is later.
 *
 * Two-phase commits. T may go on without its session: PREPARE TRANSACTION hands the lock over to the prepared
 * transaction, and pg_locks shows this as one step. On most servers the virtual id that was noted stays with
 * the prepared transaction. On other servers it does not, and the noted holder seems to be gone. These are
 * servers before the minor releases of late 2021, and servers after a restart. So the same look that finds no
 * noted holder also notes which transactions are prepared. If T was a holder and has not ended, T is prepared
 * by then. A transaction that is prepared later cannot be T, so the sweep does not wait for it. Otherwise a
 * steady stream of two-phase commits would hold up the sweep for ever.
 *
 * Order. If two writers serialize on an aggregate before they publish, they get ascending positions and
 * become visible in that order. Holes and tail come from one snapshot: from one statement, or from several in
 * one transaction where there are very many holes. So a page that has the later event has the earlier one
 * too, unless an earlier page had it. The pages of one cursor are read one at a time.
 */
import type { LogReader } from '../log/log-reader.js';
import type { LogPage, LogWriter } from '../log/outbox-log.store.js';
import { PositionSet } from '../log/position-set.js';

export interface Page extends LogPage {
  /** Holes whose transactions never committed. They are settled without a handler. */
  readonly swept: PositionSet;
}

/**
 * The holders of step 2. When they are gone, it has the transactions that were prepared then. `ready` is true
 * when step 3 may begin.
 */
interface Sweep {
  readonly upto: number;
  readonly holders: ReadonlySet<string>;
  readonly prepared: ReadonlySet<string> | undefined;
  readonly ready: boolean;
}

/** Reads the log for one leased cursor. A reader belongs to one lease and is thrown away with it. */
export class CursorReader {
  private sweep: Sweep | undefined;
  /**
   * How often positions were added. When it changes during a look at the writers, the result of the look is
   * void.
   */
  private inclusions = 0;

  constructor(
    private readonly log: Pick<LogReader, 'readPage' | 'readWriters' | 'sharers'>,
    /** The caller hands this set over to the reader. */
    private toRead: PositionSet,
  ) {}

  /** One above the highest position seen. Everything from here on is unread. */
  get readPosition(): number {
    return this.toRead.openFrom ?? Number.MAX_SAFE_INTEGER;
  }

  /**
   * Whether there are holes: positions below the read position that were absent when they were last asked
   * for.
   */
  get hasHoles(): boolean {
    return this.toRead.hasBelow(this.readPosition);
  }

  /** Number of ranges that the next page asks for. It measures the cost of the holes. */
  get rangeCount(): number {
    return this.toRead.rangeCount;
  }

  /** How many cursors of this process get the same events as this one. */
  get sharers(): number {
    return this.log.sharers;
  }

  /** Whether a position below `limit` has not been read, or has not appeared, yet. */
  hasBelow(limit: number): boolean {
    return this.toRead.hasBelow(limit);
  }

  /** Reads the first rows below `limit`. This page does no sweep. */
  async readBelow(limit: number, rows: number, bytes: number): Promise<LogPage> {
    const page = await this.log.readPage(this.toRead.below(limit), rows, bytes);
    this.toRead.removeAll(page.positions);
    return page;
  }

  /** Reads the next page. Do not call it while another page of this cursor is being read. */
  async readPage(rows: number, bytes: number): Promise<Page> {
    const ready = this.sweep?.ready === true ? this.sweep : undefined;
    const page = await this.log.readPage(this.toRead, rows, bytes);
    this.toRead.removeAll(page.positions);
    return { ...page, swept: this.finishSweep(ready, page) };
  }

  /**
   * Looks at the writers once. The caller does this about once a second while there are holes. True means
   * that the holes are ready to be read once more, so the caller should read a page now.
   */
  async lookAtWriters(): Promise<boolean> {
    if (this.sweep?.ready === true) return true;
    if (!this.hasHoles) {
      this.sweep = undefined;
      return false;
    }
    const upto = this.sweep?.upto ?? this.readPosition;
    const { inclusions } = this;
    const writers = await this.log.readWriters();
    if (inclusions !== this.inclusions) return false;
    const holders = stillThere(this.sweep?.holders, writers);
    const areGone = holders.size === 0;
    const prepared = areGone ? stillThere(this.sweep?.prepared, writers.filter(isPrepared)) : undefined;
    const ready = areGone && prepared?.size === 0;
    this.sweep = { upto, holders, prepared, ready };
    return ready;
  }

  /**
   * Takes back positions that somebody else added, as a replay does. Do not call it while a page is being
   * read. The sweep begins again for two reasons. The added positions may close the gaps between the holes. A
   * page without gaps may have been read for another cursor before this cursor's sweep was ready.
   */
  include(positions: PositionSet): void {
    if (positions.isEmpty) return;
    this.inclusions++;
    this.sweep = undefined;
    this.toRead.addAll(positions);
  }

  /** Removes positions that somebody else has settled. A page that is being read may still bring them. */
  exclude(positions: PositionSet): void {
    this.toRead.removeAll(positions);
  }

  /** The positions to be read, and how often positions were added to them. */
  get wanted(): { readonly positions: PositionSet; readonly inclusions: number } {
    return { positions: this.toRead.clone(), inclusions: this.inclusions };
  }

  private finishSweep(ready: Sweep | undefined, { cut, positions }: LogPage): PositionSet {
    if (ready === undefined) return PositionSet.empty();
    this.sweep = undefined;
    const { last } = positions;
    const limit = cut && last !== undefined ? Math.min(ready.upto, last) : ready.upto;
    return this.toRead.takeBelow(limit);
  }
}

/** Returns the noted transactions that are still there. If none were noted yet, it returns all. */
function stillThere(
  noted: ReadonlySet<string> | undefined,
  writers: readonly LogWriter[],
): ReadonlySet<string> {
  const present = writers.map(({ virtualTransaction }) => virtualTransaction);
  return new Set(noted === undefined ? present : present.filter((one) => noted.has(one)));
}

const isPrepared = ({ prepared }: LogWriter) => prepared;
