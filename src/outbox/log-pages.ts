import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { ClosingUp } from './closing-up.js';
import { DividedPage } from './divided-page.js';
import {
  type CursorFilter,
  GroupReader,
  type KeptPage,
  type LogReader,
  type SharedPage,
} from './log-reader.js';
import { type LogFilter, type LogPage, OutboxLogStore } from './outbox-log.store.js';

type Readers = readonly [GroupReader, ...GroupReader[]];

interface Reading extends SharedPage {
  readonly page: Promise<DividedPage>;
  /** Nothing has happened since its statement was sent. */
  justSent: boolean;
}

interface Kept extends KeptPage {
  readonly page: DividedPage;
}

/**
 * Pages of the log, read once for all cursors of the process that are to come for them: those of several consumers, whether they want events of
 * the same names or not, and those of one consumer's partitions. Each is given what is its own, and of the rest the positions alone.
 *
 * Only cursors without holes share: such a cursor has settled, or has in flight, everything below its read position that it
 * has not seen missing, so for it any snapshot of the tail is consistent, be it a little older. What is missing in it becomes a
 * hole of the cursor and is asked for again. A page that was cut short is history and is kept for those who follow, be it that they
 * have seen its beginning and get the rest; one that reached the log's end is shared only with those who asked before anything else could
 * happen, lest a wake-up be answered with what was read before it. What keeps cursors together is `ClosingUp`.
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
  private readonly closingUp = new ClosingUp(this.readers);

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
    const { readers } = this;
    readers.push(reader);
    return {
      get sharers() {
        return readers.filter((other) => reader.sharesWith(other)).length;
      },
      readPage: (ranges, rows, bytes) => this.readPage(reader, ranges, rows, bytes),
      readWriters: () => this.log.readWriters(),
      leave: () => this.leave(reader),
    };
  }

  private leave(reader: GroupReader): void {
    remove(this.readers, reader);
    this.closingUp.asked();
    for (const { readers } of this.reading) remove(readers, reader);
    for (const kept of [...this.kept]) this.taken(kept, reader);
  }

  private async readPage(reader: GroupReader, ranges: string, rows: number, bytes: number): Promise<LogPage> {
    reader.asksFor(ranges);
    this.closingUp.asked();
    if (this.closingUp.hasToWait(reader, rows)) await this.closingUp.wait(reader, rows);
    const page = this.takeKept(reader) ?? (await this.readOrJoin(reader, ranges, rows, bytes));
    reader.isBehind = page.cut;
    return page;
  }

  private async readOrJoin(
    reader: GroupReader,
    ranges: string,
    rows: number,
    bytes: number,
  ): Promise<LogPage> {
    const underWay = this.reading.findLast((one) => reader.canTake(one));
    const joined = underWay && (await this.joinReading(underWay, reader));
    if (joined !== undefined) return joined;
    // Nothing is awaited between the look and the beginning: of several that ask at once, one reads.
    const followers = this.closingUp.followersOf(reader, rows);
    const all: Readers = [reader, ...followers];
    const page = this.log.readPage(ranges, rows, bytes, filterFor(all));
    if (followers.length === 0) return page;
    const divided = page.then((found) => new DividedPage(found, all));
    return (await this.share(this.begin(reader.askedFrom, followers, divided), bytes)).partFor(reader);
  }

  /** For those who ask while it is being read, and for those who do later. */
  private async share(reading: Reading, bytes: number): Promise<DividedPage> {
    let isForgotten = true;
    const page = await reading.page.finally(() => {
      isForgotten = !remove(this.reading, reading);
    });
    const { start, readers } = reading;
    if (!isForgotten && readers.length > 0 && page.isHistory)
      this.keep({ start, readers, page, last: page.last }, bytes);
    return page;
  }

  private forget(): void {
    this.reading = [];
    this.kept = [];
    this.keptBytes = 0;
  }

  private async joinReading(reading: Reading, reader: GroupReader): Promise<LogPage | undefined> {
    const { justSent } = reading;
    remove(reading.readers, reader);
    const page = await reading.page;
    return justSent || page.cut ? page.partFor(reader) : undefined;
  }

  private begin(start: number, readers: GroupReader[], page: Promise<DividedPage>): Reading {
    const reading: Reading = { start, readers, page, justSent: true };
    this.reading.push(reading);
    process.nextTick(() => {
      reading.justSent = false;
    });
    return reading;
  }

  private takeKept(reader: GroupReader): LogPage | undefined {
    const kept = this.kept.find((one) => reader.canTakeFrom(one));
    if (kept === undefined) return undefined;
    this.taken(kept, reader);
    return kept.page.partFor(reader);
  }

  /** The reader comes for it no more. */
  private taken(kept: Kept, reader: GroupReader): void {
    if (remove(kept.readers, reader) && kept.readers.length === 0) this.drop(kept);
  }

  /** As much as one page may hold, in all. */
  private keep(kept: Kept, bytes: number): void {
    this.kept.push(kept);
    this.keptBytes += kept.page.bytes;
    for (let oldest = this.kept[0]; oldest !== undefined && this.keptBytes > bytes; oldest = this.kept[0])
      this.drop(oldest);
  }

  private drop(kept: Kept): void {
    remove(this.kept, kept);
    this.keptBytes -= kept.page.bytes;
  }
}

/** Whether it was there. */
function remove<T>(list: T[], one: T): boolean {
  const at = list.indexOf(one);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}

/** What any of them wants. */
function filterFor(readers: Readers): LogFilter {
  const filters = readers.map(({ filter }) => filter);
  return {
    eventNames: [...new Set(filters.flatMap(({ eventNames }) => eventNames))],
    partitions: readers[0].filter.partitions,
    chosen: [...new Set(filters.map(({ partition }) => partition))],
  };
}
