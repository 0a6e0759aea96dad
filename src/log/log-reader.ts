import { EventNames } from './event-names.js';
import type { LogFilter, LogPage, LogWriter } from './outbox-log.store.js';
import type { PositionSet } from './position-set.js';

/** Where a cursor with holes is, to those without. */
const READS_ALONE = Number.POSITIVE_INFINITY;

/** What a cursor wants: events of its own partition. */
export interface CursorFilter extends Omit<LogFilter, 'chosen'> {
  readonly partition: number;
}

/** What one cursor sees of the log. */
export interface LogReader {
  /** As `OutboxLogStore.readPage`, for the cursor's own filter. The events are shared. */
  readPage(wanted: PositionSet, rows: number, bytes: number): Promise<LogPage>;
  readWriters(): Promise<LogWriter[]>;
  /**
   * How many cursors of this process are given the same events, this one included: those of several
   * consumers.
   */
  readonly sharers: number;
  /** The cursor reads no more. */
  leave(): void;
}

/** A cursor, among those that it may share pages with. */
export class GroupReader {
  /** Where it last asked for everything from there on. */
  askedFrom = 0;
  /** The last page that it was given did not reach the log's end. */
  isBehind = false;
  /** How long after the page before it asked for this one; what it waited for others is left out (ms). */
  workedMs = Number.POSITIVE_INFINITY;
  private wentOnAt = Number.NEGATIVE_INFINITY;
  private readonly names: EventNames;

  constructor(readonly filter: CursorFilter) {
    this.names = new EventNames(filter.eventNames);
  }

  asksFor(wanted: PositionSet): void {
    const now = performance.now();
    // A cursor without holes asks for everything from one position on.
    this.askedFrom = (wanted.rangeCount === 1 ? wanted.openFrom : undefined) ?? READS_ALONE;
    this.workedMs = now - this.wentOnAt;
    this.wentOnAt = now;
  }

  /** It has waited for others. */
  goesOn(): void {
    this.wentOnAt = performance.now();
  }

  /** Whether it comes for page after page, none of them so late. */
  asksEvery(ms: number): boolean {
    return Math.max(this.workedMs, performance.now() - this.wentOnAt) < ms;
  }

  /** It has no holes. */
  get readsTail(): boolean {
    return this.askedFrom < READS_ALONE;
  }

  /** Whether a page can be read for both: events are spread over partitions in the same way. */
  isWith(other: GroupReader): boolean {
    return other.filter.partitions === this.filter.partitions;
  }

  /**
   * Whether that one is to come for the page that this one asks for: it has no holes, and has not got beyond.
   */
  isFollowedBy(other: GroupReader): boolean {
    return other !== this && this.isWith(other) && this.readsTail && other.askedFrom <= this.askedFrom;
  }

  /** Whether that one wants events of the same names. */
  wantsAs(other: GroupReader): boolean {
    return this.names.equal(other.names);
  }

  /** Whether that one is given the same events; this one is. */
  sharesWith(other: GroupReader): boolean {
    return this.isWith(other) && this.wantsAs(other) && other.filter.partition === this.filter.partition;
  }

  /** Whether an event, of a partition where several were chosen, is its own. */
  isFor(eventName: string, partition: number | undefined): boolean {
    return (partition ?? this.filter.partition) === this.filter.partition && this.names.match(eventName);
  }
}
