/*
 * Why no event is missed and none is read too early.
 *
 * Positions are handed out at insert, transactions commit in another order. `toRead` is what this consumer
 * partition has neither settled nor in flight; it is asked for whole, again and again, so a late commit
 * appears in its hole and is delivered then. Nothing is ever skipped by a "highest seen" mark. A position
 * that was rolled back never appears; the sweep takes such holes out:
 *
 *   1. `upto` := this cursor's own read position, one past the highest position it has seen committed.
 *   2. Then read who holds RowExclusiveLock on the log. Wait until each of them is gone. Then wait until each
 *      transaction is gone that was prepared (for a two-phase commit) at the moment when the last of them was
 *      seen to be.
 *   3. A page whose statement starts after that is the re-read: what it finds in a hole is delivered; what is
 *      still absent below `upto`, or below the page's last row if rows or bytes cut the page short, never
 *      committed and is settled.
 *
 * Let T own a position p < upto. Its INSERT took the lock before it drew p and keeps it until T, or the
 * savepoint it ran under, has ended; a commit becomes visible before its locks are released. p was drawn
 * before a higher position was seen committed (a position is drawn later than every lower one: the identity's
 * CACHE is 1), so before `upto` was noted, so before the holders were read. Hence T was among them or had
 * ended. Once it is gone, a snapshot taken afterwards sees its row or no snapshot ever will; the re-read's is
 * taken afterwards.
 *
 * T may go on without its session: PREPARE TRANSACTION hands the lock over to it, in one step as far as
 * pg_locks shows. On most servers the virtual id by which it was noted goes with it. On others (before the
 * minor releases of late 2021; after a restart) it does not, and the noted holder seems to have gone. So who
 * is prepared is noted by the very look that finds no noted holder: if T was one of them and has not ended,
 * it is prepared by then. What is prepared later cannot be T and is not waited for, or two-phase commits that
 * follow one another without a pause would hold up the sweep for ever.
 *
 * Order. Two writers that serialize on an aggregate and publish after that get ascending positions and become
 * visible in that order. Holes and tail come from one snapshot (one statement; several in one transaction
 * where the holes are very many): a page that has the later event has the earlier one too, unless an earlier
 * page had it. Pages of one cursor are read one at a time.
 */
import type { LogReader } from '../log/log-reader.js';
import type { LogPage, LogWriter } from '../log/outbox-log.store.js';
import { PositionSet } from '../log/position-set.js';

export interface Page extends LogPage {
  /** Holes that never committed, to be settled without a handler. */
  readonly swept: PositionSet;
}

/** Holders of step 2, and, once they are gone, who was prepared then; ready when step 3 may begin. */
interface Sweep {
  readonly upto: number;
  readonly holders: ReadonlySet<string>;
  readonly prepared: ReadonlySet<string> | undefined;
  readonly ready: boolean;
}

/** Reads the log for one leased cursor. Belongs to one lease: it is thrown away with it. */
export class CursorReader {
  private sweep: Sweep | undefined;
  /** How often positions were added: a look that was under way is void. */
  private inclusions = 0;

  constructor(
    private readonly log: Pick<LogReader, 'readPage' | 'readWriters' | 'sharers'>,
    /** It is the reader's from now on. */
    private toRead: PositionSet,
  ) {}

  /** One past the highest position seen; everything from here on is unread. */
  get readPosition(): number {
    return this.toRead.openFrom ?? Number.MAX_SAFE_INTEGER;
  }

  /**
   * Whether there are positions below the read position that were not there when they were last asked for.
   */
  get hasHoles(): boolean {
    return this.toRead.hasBelow(this.readPosition);
  }

  /** In how many pieces the next page asks: what the holes cost. */
  get rangeCount(): number {
    return this.toRead.rangeCount;
  }

  /** How many cursors of this process are given what this one reads. */
  get sharers(): number {
    return this.log.sharers;
  }

  /** Whether anything below `limit` has not been read, or not appeared, yet. */
  hasBelow(limit: number): boolean {
    return this.toRead.hasBelow(limit);
  }

  /** The first rows of what lies below `limit`, as a page without a sweep. */
  async readBelow(limit: number, rows: number, bytes: number): Promise<LogPage> {
    const page = await this.log.readPage(this.toRead.below(limit), rows, bytes);
    this.toRead.removeAll(page.positions);
    return page;
  }

  /** The next page. Not to be called while another page of this cursor is under way. */
  async readPage(rows: number, bytes: number): Promise<Page> {
    const ready = this.sweep?.ready === true ? this.sweep : undefined;
    const page = await this.log.readPage(this.toRead, rows, bytes);
    this.toRead.removeAll(page.positions);
    return { ...page, swept: this.finishSweep(ready, page) };
  }

  /**
   * One look at the writers, to be called about once a second while there are holes. True: the holes are
   * ready to be read once more, so a page is wanted now.
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
   * Takes back positions that were added by somebody else (a replay); not to be called while a page is under
   * way. The sweep begins anew: they may close the holes' gaps, and a page without gaps may be one that was
   * read for another cursor before this one's sweep was ready.
   */
  include(positions: PositionSet): void {
    if (positions.isEmpty) return;
    this.inclusions++;
    this.sweep = undefined;
    this.toRead.addAll(positions);
  }

  /** Takes out what somebody else has settled. A page that is under way still brings it. */
  exclude(positions: PositionSet): void {
    this.toRead.removeAll(positions);
  }

  /** What is to be read, and how often positions were added to it. */
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

/** Of those who were noted; all, if nobody was yet. */
function stillThere(
  noted: ReadonlySet<string> | undefined,
  writers: readonly LogWriter[],
): ReadonlySet<string> {
  const present = writers.map(({ virtualTransaction }) => virtualTransaction);
  return new Set(noted === undefined ? present : present.filter((one) => noted.has(one)));
}

const isPrepared = ({ prepared }: LogWriter) => prepared;
