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

/** One that has been read. */
export interface KeptPage extends SharedPage {
  readonly page: LogPage;
}

/** A cursor, among those that it may share pages with. */
export class GroupReader {
  /** Where it last asked for everything from there on. */
  askedFrom = 0;
  /** The last page that it was given did not reach the log's end. */
  isBehind = false;
  /** The same for cursors that want the same names, by the same spread over partitions. */
  readonly group: string;
  /** How long after the page before it asked for this one; what it waited for others is left out (ms). */
  workedMs = Number.POSITIVE_INFINITY;
  private wentOnAt = Number.NEGATIVE_INFINITY;

  constructor(readonly filter: CursorFilter) {
    this.group = `${filter.partitions} ${filter.eventNames.join('\n')}`;
  }

  asksFor(ranges: string): void {
    const now = performance.now();
    this.askedFrom = Number(TAIL.exec(ranges)?.[1] ?? READS_ALONE);
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

  /** A page that begins where it asks. */
  canTake(page: SharedPage): boolean {
    return page.start === this.askedFrom && this.isFor(page);
  }

  /** Or the rest of one that has been read, from where it asks on. */
  canTakeFrom(kept: KeptPage): boolean {
    const last = kept.page.rows.at(-1)?.position ?? 0;
    return kept.start <= this.askedFrom && this.askedFrom <= last && this.isFor(kept);
  }

  /** What lies where it asks, and is its own of a page of several partitions; of the rest it sees the positions. */
  pageOf(page: LogPage): LogPage {
    const { rows, partitions, cut } = this.from(page);
    if (partitions === undefined) return { rows, cut };
    const { partition } = this.filter;
    return { rows: rows.map((row, i) => (partitions[i] === partition ? row : unwanted(row))), cut };
  }

  private isFor({ group, chosen }: SharedPage): boolean {
    return group === this.group && chosen.includes(this.filter.partition);
  }

  private from(page: LogPage): LogPage {
    const { rows, partitions, cut } = page;
    const first = rows[0];
    if (first === undefined || first.position >= this.askedFrom || this.askedFrom === READS_ALONE)
      return page;
    const at = rows.findIndex(({ position }) => position >= this.askedFrom);
    return { rows: rows.slice(at), partitions: partitions?.slice(at), cut };
  }
}

function unwanted(row: LogRow): LogRow {
  return row.wanted === undefined ? row : { position: row.position, wanted: undefined };
}
