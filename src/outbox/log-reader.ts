import type { LogFilter, LogPage, LogRow, LogWriter } from './outbox-log.store.js';

/** A cursor without holes asks for everything from one position on. */
const TAIL = /^\{\[(\d+),\)\}$/;
/** Where a cursor with holes is, to those without. */
const READS_ALONE = Number.POSITIVE_INFINITY;

/** What a cursor wants: events of its own partition. */
export interface CursorFilter extends Omit<LogFilter, 'chosen'> {
  readonly partition: number;
}

/** What one cursor sees of the log. */
export interface LogReader {
  /** As `OutboxLogStore.readPage`, for the cursor's own filter. The events are shared. */
  readPage(ranges: string, rows: number, bytes: number): Promise<LogPage>;
  readWriters(): Promise<LogWriter[]>;
  /** How many cursors of this process are given the same events, this one included: those of several consumers. */
  readonly sharers: number;
  /** The cursor reads no more. */
  leave(): void;
}

/** A page that several cursors may take: those of the group that want one of the partitions that were read. */
export interface SharedPage {
  readonly start: number;
  readonly group: string;
  readonly chosen: readonly number[];
}

/** A cursor, among those that it may share pages with. */
export class GroupReader {
  /** Where it last asked for everything from there on. */
  askedFrom = 0;
  /** The same for cursors that want the same names, by the same spread over partitions. */
  readonly group: string;

  constructor(readonly filter: CursorFilter) {
    this.group = `${filter.partitions} ${filter.eventNames.join('\n')}`;
  }

  asksFor(ranges: string): void {
    this.askedFrom = Number(TAIL.exec(ranges)?.[1] ?? READS_ALONE);
  }

  /** Whether that one is to come for the page that this one asks for: it has no holes, and has not got beyond. */
  isFollowedBy(other: GroupReader): boolean {
    return (
      other !== this &&
      other.group === this.group &&
      this.askedFrom < READS_ALONE &&
      other.askedFrom <= this.askedFrom
    );
  }

  /** Whether that one is given the same events; this one is. */
  sharesWith({ group, filter }: GroupReader): boolean {
    return group === this.group && filter.partition === this.filter.partition;
  }

  canTake({ start, group, chosen }: SharedPage): boolean {
    return start === this.askedFrom && group === this.group && chosen.includes(this.filter.partition);
  }

  /** What is its own of a page of several partitions; of the rest it sees the positions. */
  pageOf({ rows, partitions, cut }: LogPage): LogPage {
    if (partitions === undefined) return { rows, cut };
    const { partition } = this.filter;
    return { rows: rows.map((row, i) => (partitions[i] === partition ? row : unwanted(row))), cut };
  }
}

function unwanted(row: LogRow): LogRow {
  return row.wanted === undefined ? row : { position: row.position, wanted: undefined };
}
