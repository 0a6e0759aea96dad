import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../../database/engine-database.js';
import { type CursorFilter, GroupReader, type LogReader } from '../log-reader.js';
import { type LogFilter, type LogPage, OutboxLogStore } from '../outbox-log.store.js';
import type { PositionSet } from '../position-set.js';
import { SequenceGuard } from '../sequence-guard.js';
import { ClosingUp } from './closing-up.js';
import { DividedPage } from './divided-page.js';

type Readers = readonly [GroupReader, ...GroupReader[]];

/** A page that a cursor waits for. */
interface Request {
  readonly reader: GroupReader;
  readonly wanted: PositionSet;
  readonly rows: number;
  readonly bytes: number;
  readonly answer: (page: Promise<LogPage>) => void;
}

/** Everything that some cursors want from one position on. */
interface SharedPage<Page> {
  readonly start: number;
  /** The cursors that have not taken the page yet. */
  readonly readers: GroupReader[];
  readonly page: Page;
}

type Reading = SharedPage<Promise<DividedPage>>;
type Kept = SharedPage<DividedPage>;

/**
 * Reads pages of the log once for all cursors of the process that need them. These may be the cursors of
 * several consumers, with the same event names or with others, and the cursors of one consumer's partitions.
 * Each cursor gets its own events. Of the other events it gets only the positions.
 *
 * A page is kept longer than its statement only for cursors without holes. Such a cursor has settled or has
 * in flight everything below its read position, except what it saw missing. So any snapshot of the tail is
 * consistent for it, even one that is a little older. A position that is missing in the page becomes a hole
 * of the cursor and is asked for again. Cursors with the same holes share a statement that is sent after all
 * of them have asked. Cursors that ask in the same turn of the process do so too. Each of them would have
 * sent the same statement.
 *
 * A page of the tail that was cut short is history. It is kept for the cursors that follow, also for those
 * that have seen its beginning and need only the rest. A page that reached the end of the log is given only
 * to cursors that asked before it was read. Otherwise the answer to a wake-up could be a page that was read
 * before the event. `ClosingUp` keeps the cursors together.
 */
@Injectable()
export class SharedScan {
  // These are lists, not Maps. Each table that an old Map outgrows is garbage of the old generation, and it
  // would keep young pages from being collected.
  private reading: Reading[] = [];
  private asking: Request[] = [];
  /** The oldest page comes first. */
  private kept: Kept[] = [];
  private keptBytes = 0;
  /** The cursors of this process. */
  private readonly readers: GroupReader[] = [];
  private readonly closingUp = new ClosingUp(this.readers);

  constructor(
    private readonly log: OutboxLogStore,
    db: EngineDatabase,
    private readonly sequence: SequenceGuard,
  ) {
    // A server that lost commits hands out the same positions again. Pages that were read before say nothing
    // about them.
    db.losses$.subscribe(() => this.forget());
  }

  /** Adds a cursor that begins to read. */
  join(filter: CursorFilter): LogReader {
    const reader = new GroupReader(filter);
    const { readers } = this;
    readers.push(reader);
    return {
      get sharers() {
        return readers.filter((other) => reader.sharesWith(other)).length;
      },
      readPage: (wanted, rows, bytes) => this.readPage(reader, wanted, rows, bytes),
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

  private async readPage(
    reader: GroupReader,
    wanted: PositionSet,
    rows: number,
    bytes: number,
  ): Promise<LogPage> {
    reader.asksFor(wanted);
    this.closingUp.asked();
    if (this.closingUp.hasToWait(reader, rows)) await this.closingUp.wait(reader, rows);
    const found = this.takeKept(reader) ?? (await this.joinReading(reader));
    const page = found ?? (await this.readWithOthers(reader, wanted, rows, bytes));
    reader.isBehind = page.cut;
    const { last } = page.positions;
    if (last !== undefined) this.sequence.sawCommitted(last);
    return page;
  }

  /** Reads one page together with all cursors that ask in the same turn of the process. */
  private readWithOthers(
    reader: GroupReader,
    wanted: PositionSet,
    rows: number,
    bytes: number,
  ): Promise<LogPage> {
    return new Promise((answer) => {
      this.asking.push({ reader, wanted, rows, bytes, answer });
      if (this.asking.length === 1) process.nextTick(() => this.answerAll());
    });
  }

  private answerAll(): void {
    let waiting = this.asking.sort((a, b) => (a.reader.askedFrom < b.reader.askedFrom ? -1 : 1));
    this.asking = [];
    for (let [first, ...rest] = waiting; first !== undefined; [first, ...rest] = waiting) {
      const others = rest.filter((other) => canReadFor(first, other));
      waiting = rest.filter((other) => !canReadFor(first, other));
      this.read(first, others);
    }
  }

  private read(first: Request, others: readonly Request[]): void {
    const { reader, wanted, rows, bytes } = first;
    const asking: Readers = [reader, ...others.map((other) => other.reader)];
    const followers = this.closingUp.followersOf(reader, rows).filter((one) => !asking.includes(one));
    const all: Readers = [...asking, ...followers];
    const page = this.log.readPage(wanted, rows, bytes, filterFor(all));
    if (all.length === 1) {
      first.answer(page);
      return;
    }
    const divided = page.then((found) => new DividedPage(found, all));
    const shared = this.share({ start: reader.askedFrom, readers: followers, page: divided }, bytes);
    for (const { answer, ...request } of [first, ...others])
      answer(shared.then((found) => this.partOf(found, request)));
  }

  /**
   * If the page was cut before the position that the cursor asked for, the cursor reads a page for itself.
   */
  private partOf(
    page: DividedPage,
    { reader, wanted, rows, bytes }: Omit<Request, 'answer'>,
  ): LogPage | Promise<LogPage> {
    return page.reaches(reader)
      ? page.partFor(reader)
      : this.log.readPage(wanted, rows, bytes, filterFor([reader]));
  }

  /** Shares the page with cursors that ask while it is being read, and with those that ask later. */
  private async share(reading: Reading, bytes: number): Promise<DividedPage> {
    this.reading.push(reading);
    let isForgotten = true;
    const page = await reading.page.finally(() => {
      isForgotten = !remove(this.reading, reading);
    });
    const { start, readers } = reading;
    if (!isForgotten && readers.length > 0 && page.isHistory) this.keep({ start, readers, page }, bytes);
    return page;
  }

  private forget(): void {
    this.reading = [];
    this.kept = [];
    this.keptBytes = 0;
  }

  /** Returns a page that is already being read for the cursor, if that page proves to be history. */
  private async joinReading(reader: GroupReader): Promise<LogPage | undefined> {
    const reading = this.reading.findLast(
      ({ start, readers }) => start === reader.askedFrom && readers.includes(reader),
    );
    if (reading === undefined) return undefined;
    remove(reading.readers, reader);
    const page = await reading.page;
    return page.cut ? page.partFor(reader) : undefined;
  }

  /** Returns a page that was already read for the cursor. The cursor may ask from a position inside it. */
  private takeKept(reader: GroupReader): LogPage | undefined {
    const { askedFrom } = reader;
    const kept = this.kept.find(
      ({ start, page, readers }) => start <= askedFrom && askedFrom <= page.last && readers.includes(reader),
    );
    if (kept === undefined) return undefined;
    this.taken(kept, reader);
    return kept.page.partFor(reader);
  }

  /** The cursor needs this page no more. */
  private taken(kept: Kept, reader: GroupReader): void {
    if (remove(kept.readers, reader) && kept.readers.length === 0) this.drop(kept);
  }

  /** Keeps a page. All kept pages together hold at most the bytes of one page. */
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

/** Removes an item and returns whether it was in the list. */
function remove<T>(list: T[], one: T): boolean {
  const at = list.indexOf(one);
  if (at >= 0) list.splice(at, 1);
  return at >= 0;
}

/**
 * Whether a page for one cursor has at least half of what the other cursor would read. The other cursor does
 * not ask from farther back. If both have the same holes, the page has all of it.
 */
function canReadFor({ reader, wanted, rows }: Request, other: Request): boolean {
  return (
    reader.isWith(other.reader) &&
    (other.reader.askedFrom - reader.askedFrom <= rows / 2 || wanted.equals(other.wanted))
  );
}

/** A filter for everything that any of the cursors wants. */
function filterFor(readers: Readers): LogFilter {
  const filters = readers.map(({ filter }) => filter);
  return {
    eventNames: [...new Set(filters.flatMap(({ eventNames }) => eventNames))],
    partitions: readers[0].filter.partitions,
    chosen: [...new Set(filters.map(({ partition }) => partition))],
  };
}
