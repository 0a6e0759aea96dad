import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import {
  bytesOf,
  type LogFilter,
  type LogPage,
  type LogRow,
  type LogWriter,
  OutboxLogStore,
} from './outbox-log.store.js';

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
  /** The cursor reads no more. */
  leave(): void;
}

/** A page that several cursors may take: those of the group that want one of the partitions that were read. */
interface SharedPage {
  readonly start: number;
  readonly group: string;
  readonly chosen: readonly number[];
}

interface Kept extends SharedPage {
  readonly page: LogPage;
  /** How many cursors may still come for it. */
  expected: number;
}

interface Reading extends SharedPage {
  readonly page: Promise<LogPage>;
  /** Nothing has happened since its statement was sent. */
  justSent: boolean;
  /** How many others wait for it. */
  joined: number;
}

/**
 * Pages of the log, read once for all cursors of the process that want the same: those of several consumers, and those of one
 * consumer's partitions, each of which finds the others' events reported by their positions alone.
 *
 * Only cursors without holes share: such a cursor has settled, or has in flight, everything below its read position that it
 * has not seen missing, so for it any snapshot of the tail is consistent, be it a little older. What is missing in it becomes a
 * hole of the cursor and is asked for again. A page that was cut short is history and is kept for those who follow; one that
 * reached the log's end is shared only with those who asked before anything else could happen, lest a wake-up be answered with
 * what was read before it.
 */
@Injectable()
export class LogPages {
  // No Maps: each table that an old one outgrows is garbage of the old generation, and would keep the pages in it from being collected young.
  private reading: Reading[] = [];
  /** Oldest first. */
  private kept: Kept[] = [];
  private keptBytes = 0;
  /** The cursors of this process. */
  private readonly readers: GroupReader[] = [];

  constructor(
    private readonly log: OutboxLogStore,
    db: EngineDatabase,
  ) {
    // A server that lost commits hands out positions again: what was read before says nothing about them.
    db.losses$.subscribe(() => this.forget());
  }

  /** A cursor begins to read. */
  join(filter: CursorFilter): LogReader {
    const reader = new GroupReader(filter);
    this.readers.push(reader);
    return {
      readPage: (ranges, rows, bytes) => this.readPage(reader, ranges, rows, bytes),
      readWriters: () => this.log.readWriters(),
      leave: () => this.leave(reader),
    };
  }

  private leave(reader: GroupReader): void {
    remove(this.readers, reader);
    if (this.readers.filter(({ group }) => group === reader.group).length <= 1) this.forget();
  }

  private async readPage(reader: GroupReader, ranges: string, rows: number, bytes: number): Promise<LogPage> {
    const tail = TAIL.exec(ranges)?.[1];
    const start = tail === undefined ? READS_ALONE : Number(tail);
    reader.askedFrom = start;
    const kept = this.takeKept(reader);
    if (kept !== undefined) return reader.pageOf(kept);
    const underWay = this.reading.findLast((one) => reader.canTake(one));
    if (underWay !== undefined) {
      const page = await this.joined(underWay);
      if (page !== undefined) return reader.pageOf(page);
    }
    // Nothing is awaited between the look and the beginning: of several that ask at once, one reads.
    const followers = this.followersOf(reader);
    const chosen = partitionsOf([reader, ...followers]);
    const read = this.log.readPage(ranges, rows, bytes, { ...reader.filter, chosen });
    if (followers.length === 0) return read;
    const shared: SharedPage = { start, group: reader.group, chosen };
    const reading = this.begin(shared, read);
    const page = await this.finish(reading);
    shareEvents(page, [reader, ...followers]);
    const expected = followers.length - reading.joined;
    if (page.cut && expected > 0 && !page.rows.some(isDelayed)) {
      const former = this.kept.find((one) => reader.canTake(one));
      if (former !== undefined) this.drop(former);
      this.keep({ ...shared, page, expected }, bytes);
    }
    return reader.pageOf(page);
  }

  /** Those without holes that have not got beyond where this one is. */
  private followersOf(reader: GroupReader): GroupReader[] {
    if (reader.askedFrom === READS_ALONE) return [];
    return this.readers.filter(
      (other) => other !== reader && other.group === reader.group && other.askedFrom <= reader.askedFrom,
    );
  }

  private forget(): void {
    this.reading = [];
    this.kept = [];
    this.keptBytes = 0;
  }

  private async joined(reading: Reading): Promise<LogPage | undefined> {
    const { justSent } = reading;
    reading.joined++;
    const page = await reading.page;
    return justSent || page.cut ? page : undefined;
  }

  private begin(shared: SharedPage, page: Promise<LogPage>): Reading {
    const reading: Reading = { ...shared, page, justSent: true, joined: 0 };
    this.reading.push(reading);
    process.nextTick(() => {
      reading.justSent = false;
    });
    return reading;
  }

  private async finish(reading: Reading): Promise<LogPage> {
    try {
      return await reading.page;
    } finally {
      remove(this.reading, reading);
    }
  }

  private takeKept(reader: GroupReader): LogPage | undefined {
    const kept = this.kept.find((one) => reader.canTake(one));
    if (kept === undefined) return undefined;
    kept.expected--;
    if (kept.expected <= 0) this.drop(kept);
    return kept.page;
  }

  /** As much as one page may hold, in all. */
  private keep(kept: Kept, bytes: number): void {
    this.kept.push(kept);
    this.keptBytes += bytesOf(kept.page.rows);
    for (let oldest = this.kept[0]; oldest !== undefined && this.keptBytes > bytes; oldest = this.kept[0])
      this.drop(oldest);
  }

  private drop(kept: Kept): void {
    remove(this.kept, kept);
    this.keptBytes -= bytesOf(kept.page.rows);
  }
}

/** A cursor, among those that it may share pages with. */
class GroupReader {
  /** Where it last asked for the log's tail. */
  askedFrom = 0;
  /** The same for cursors that want the same names, by the same spread over partitions. */
  readonly group: string;

  constructor(readonly filter: CursorFilter) {
    this.group = `${filter.partitions} ${filter.eventNames.join('\n')}`;
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

function remove<T>(list: T[], one: T): void {
  const at = list.indexOf(one);
  if (at >= 0) list.splice(at, 1);
}

/** An event that several are going to ask for is parsed once. */
function shareEvents({ rows, partitions }: LogPage, readers: readonly GroupReader[]): void {
  const takers: number[] = [];
  for (const { filter } of readers) takers[filter.partition] = (takers[filter.partition] ?? 0) + 1;
  for (const [i, { wanted }] of rows.entries())
    if (partitions === undefined || (takers[partitions[i] as number] ?? 0) > 1) wanted?.share();
}

function partitionsOf(readers: readonly GroupReader[]): number[] {
  return [...new Set(readers.map(({ filter }) => filter.partition))];
}

function unwanted(row: LogRow): LogRow {
  return row.wanted === undefined ? row : { position: row.position, wanted: undefined };
}

/** How long an event is still to wait was reckoned when the page was read. */
function isDelayed({ wanted }: LogRow): boolean {
  return wanted?.delayMs !== undefined;
}
