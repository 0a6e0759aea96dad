import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { ClosingUp } from './closing-up.js';
import {
  type CursorFilter,
  GroupReader,
  type KeptPage,
  type LogReader,
  type SharedPage,
} from './log-reader.js';
import { bytesOf, type LogPage, type LogRow, OutboxLogStore } from './outbox-log.store.js';

interface Kept extends KeptPage {
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
    if (this.readers.filter(({ group }) => group === reader.group).length <= 1) this.forget();
  }

  private async readPage(reader: GroupReader, ranges: string, rows: number, bytes: number): Promise<LogPage> {
    reader.asksFor(ranges);
    this.closingUp.asked();
    if (this.closingUp.hasToWait(reader, rows)) await this.closingUp.wait(reader, rows);
    const page = this.takeKept(reader) ?? (await this.readOrJoin(reader, ranges, rows, bytes));
    reader.isBehind = page.cut;
    return reader.pageOf(page);
  }

  private async readOrJoin(
    reader: GroupReader,
    ranges: string,
    rows: number,
    bytes: number,
  ): Promise<LogPage> {
    const underWay = this.reading.findLast((one) => reader.canTake(one));
    const joined = underWay && (await this.joined(underWay));
    if (joined !== undefined) return joined;
    // Nothing is awaited between the look and the beginning: of several that ask at once, one reads.
    const followers = this.readers.filter((other) => reader.isFollowedBy(other));
    const chosen = partitionsOf([reader, ...followers]);
    const page = this.log.readPage(ranges, rows, bytes, { ...reader.filter, chosen });
    if (followers.length === 0) return page;
    return this.readFor([reader, ...followers], this.begin(reader, chosen, page), bytes);
  }

  private async readFor(readers: readonly GroupReader[], reading: Reading, bytes: number): Promise<LogPage> {
    let isForgotten = true;
    const page = await reading.page.finally(() => {
      isForgotten = !remove(this.reading, reading);
    });
    shareEvents(page, readers);
    const { start, group, chosen, joined } = reading;
    const expected = readers.length - 1 - joined;
    if (!isForgotten && page.cut && expected > 0 && !page.rows.some(isDelayed))
      this.keep({ start, group, chosen, page, expected }, bytes);
    return page;
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

  private begin(
    { askedFrom, group }: GroupReader,
    chosen: readonly number[],
    page: Promise<LogPage>,
  ): Reading {
    const reading: Reading = { start: askedFrom, group, chosen, page, justSent: true, joined: 0 };
    this.reading.push(reading);
    process.nextTick(() => {
      reading.justSent = false;
    });
    return reading;
  }

  private takeKept(reader: GroupReader): LogPage | undefined {
    const kept = this.kept.find((one) => reader.canTakeFrom(one));
    if (kept === undefined) return undefined;
    kept.expected--;
    if (kept.expected <= 0) this.drop(kept);
    return kept.page;
  }

  /** As much as one page may hold, in all. */
  private keep(kept: Kept, bytes: number): void {
    const former = this.kept.find(({ start, group }) => start === kept.start && group === kept.group);
    if (former !== undefined) this.drop(former);
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

/** Whether it was there. */
function remove<T>(list: T[], one: T): boolean {
  const at = list.indexOf(one);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}

/** An event that several are going to ask for is parsed once. */
function shareEvents({ rows, partitions }: LogPage, readers: readonly GroupReader[]): void {
  const takers: number[] = [];
  for (const { filter } of readers) takers[filter.partition] = (takers[filter.partition] ?? 0) + 1;
  for (const [i, { wanted }] of rows.entries())
    wanted?.share(partitions === undefined ? readers.length : (takers[partitions[i] as number] ?? 0));
}

function partitionsOf(readers: readonly GroupReader[]): number[] {
  return [...new Set(readers.map(({ filter }) => filter.partition))];
}

/** How long an event is still to wait was reckoned when the page was read. */
function isDelayed({ wanted }: LogRow): boolean {
  return wanted?.delayMs !== undefined;
}
