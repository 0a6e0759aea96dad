import { EventNames } from './event-names.js';
import type { LogFilter, LogPage, LogWriter } from './outbox-log.store.js';
import type { PositionSet } from './position-set.js';

/** The value of `askedFrom` for a cursor that has holes: other cursors cannot share its pages. */
const READS_ALONE = Number.POSITIVE_INFINITY;

/** The events that a cursor wants. They all belong to the cursor's own partition. */
export interface CursorFilter extends Omit<LogFilter, 'chosen'> {
  readonly partition: number;
}

/** One cursor's view of the log. */
export interface LogReader {
  /**
   * Like `OutboxLogStore.readPage`, with the cursor's own filter. Several consumers share the event objects.
   */
  readPage(wanted: PositionSet, rows: number, bytes: number): Promise<LogPage>;
  readWriters(): Promise<LogWriter[]>;
  /**
   * How many cursors of this process get the same events, this one included. They belong to several
   * consumers.
   */
  readonly sharers: number;
  /** Tells the log that the cursor reads no more. */
  leave(): void;
}

/** One cursor in the group of cursors that may share pages. */
export class GroupReader {
  /** The position from which the cursor last asked for everything. */
  askedFrom = 0;
  /** True when the last page that the cursor got did not reach the end of the log. */
  isBehind = false;
  /**
   * Milliseconds between the previous request for a page and this one, without the time spent waiting for
   * other cursors.
   */
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

  /** Notes that the cursor has stopped waiting for others. */
  goesOn(): void {
    this.wentOnAt = performance.now();
  }

  /** Whether the cursor asks for page after page, with less than `ms` between two of them. */
  asksEvery(ms: number): boolean {
    return Math.max(this.workedMs, performance.now() - this.wentOnAt) < ms;
  }

  /** Whether the cursor reads only the tail, because it has no holes. */
  get readsTail(): boolean {
    return this.askedFrom < READS_ALONE;
  }

  /**
   * Whether one page can be read for both cursors. That needs the same number of partitions, because both
   * then spread events over partitions in the same way.
   */
  isWith(other: GroupReader): boolean {
    return other.filter.partitions === this.filter.partitions;
  }

  /**
   * Whether the other cursor will later ask for the page that this one asks for now. That is so when this
   * cursor has no holes and the other one is not ahead of it.
   */
  isFollowedBy(other: GroupReader): boolean {
    return other !== this && this.isWith(other) && this.readsTail && other.askedFrom <= this.askedFrom;
  }

  /** Whether the other cursor wants events of the same names. */
  wantsAs(other: GroupReader): boolean {
    return this.names.equal(other.names);
  }

  /** Whether both cursors get the same events. The answer is true for the cursor itself. */
  sharesWith(other: GroupReader): boolean {
    return this.isWith(other) && this.wantsAs(other) && other.filter.partition === this.filter.partition;
  }

  /**
   * Whether this cursor wants the event. `partition` is the event's partition; it is undefined when the page
   * was read for a single partition.
   */
  isFor(eventName: string, partition: number | undefined): boolean {
    return (partition ?? this.filter.partition) === this.filter.partition && this.names.match(eventName);
  }
}
