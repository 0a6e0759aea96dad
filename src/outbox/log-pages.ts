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

interface Kept {
  readonly key: string;
  readonly page: LogPage;
  /** How many cursors may still come for it. */
  expected: number;
}

interface Reading {
  readonly key: string;
  readonly page: Promise<LogPage>;
  /** Nothing has happened since its statement was sent. */
  justSent: boolean;
  /** How many others wait for it. */
  joined: number;
}

/**
 * Pages of the log, read once for all cursors of the process that want the same.
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

  /** How many cursors of this process read with a filter. */
  private readonly readers = new Map<string, number>();

  constructor(
    private readonly log: OutboxLogStore,
    db: EngineDatabase,
  ) {
    // A server that lost commits hands out positions again: what was read before says nothing about them.
    db.losses$.subscribe(() => this.forget());
  }

  /** A cursor begins to read with this filter; call what is returned when it ends. */
  join(filter: LogFilter): () => void {
    const key = keyOf(filter);
    this.readers.set(key, (this.readers.get(key) ?? 0) + 1);
    return () => {
      const left = (this.readers.get(key) ?? 1) - 1;
      if (left > 0) this.readers.set(key, left);
      else this.readers.delete(key);
      if (left <= 1) this.forget();
    };
  }

  /** As `OutboxLogStore.readPage`. The rows are shared. */
  async readPage(ranges: string, rows: number, bytes: number, filter: LogFilter): Promise<LogPage> {
    const start = TAIL.exec(ranges)?.[1];
    const filterKey = keyOf(filter);
    const others = (this.readers.get(filterKey) ?? 1) - 1;
    if (start === undefined || others === 0) return this.log.readPage(ranges, rows, bytes, filter);
    const key = `${start} ${filterKey}`;
    const kept = this.takeKept(key);
    if (kept !== undefined) return kept;
    const underWay = this.reading.findLast((one) => one.key === key);
    if (underWay !== undefined) {
      const page = await this.joined(underWay);
      if (page !== undefined) return page;
    }
    // Nothing is awaited between the look and the beginning: of several that ask at once, one reads.
    const reading = this.begin(key, this.log.readPage(ranges, rows, bytes, filter));
    const page = await this.finish(reading);
    for (const { wanted } of page.rows) wanted?.share();
    const expected = others - reading.joined;
    if (page.cut && expected > 0 && !page.rows.some(isDelayed)) this.keep({ key, page, expected }, bytes);
    return page;
  }

  readWriters(): Promise<LogWriter[]> {
    return this.log.readWriters();
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

  private begin(key: string, page: Promise<LogPage>): Reading {
    const reading: Reading = { key, page, justSent: true, joined: 0 };
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

  private takeKept(key: string): LogPage | undefined {
    const kept = this.kept.find((one) => one.key === key);
    if (kept === undefined) return undefined;
    kept.expected--;
    if (kept.expected <= 0) this.drop(kept);
    return kept.page;
  }

  /** As much as one page may hold, in all. */
  private keep(kept: Kept, bytes: number): void {
    const former = this.kept.find(({ key }) => key === kept.key);
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

function remove<T>(list: T[], one: T): void {
  const at = list.indexOf(one);
  if (at >= 0) list.splice(at, 1);
}

function keyOf({ eventNames, partition, partitions }: LogFilter): string {
  return `${partition}/${partitions} ${eventNames.join('\n')}`;
}

/** How long an event is still to wait was reckoned when the page was read. */
function isDelayed({ wanted }: LogRow): boolean {
  return wanted?.delayMs !== undefined;
}
