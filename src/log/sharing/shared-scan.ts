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

/** Everything that some cursors want from there on. */
interface SharedPage<Page> {
  readonly start: number;
  /** Those that have not taken it yet. */
  readonly readers: GroupReader[];
  readonly page: Page;
}

type Reading = SharedPage<Promise<DividedPage>>;
type Kept = SharedPage<DividedPage>;

/**
 * Pages of the log, read once for all cursors of the process that come for them: those of several consumers,
 * whether they want events of the same names or not, and those of one consumer's partitions. Each is given
 * what is its own, and of the rest the positions alone.
 *
 * Pages outlive their statement for cursors without holes alone: such a cursor has settled, or has in flight,
 * everything below its read position that it has not seen missing, so for it any snapshot of the tail is
 * consistent, be it a little older. What is missing in it becomes a hole of the cursor and is asked for
 * again. Cursors with the same holes share a statement that is sent after all of them have asked, as those do
 * who ask in one turn of the process: it is what each of them would have sent.
 *
 * A page of the tail that was cut short is history and is kept for those who follow, be it that they have
 * seen its beginning and get the rest; one that reached the log's end is for those alone who had asked before
 * it was read, lest a wake-up be answered with what was read before it. What keeps cursors together is
 * `ClosingUp`.
 */
@Injectable()
export class SharedScan {
  // No Maps: each table that an old one outgrows is garbage of the old generation, and would keep the pages
  // in it from being collected young.
  private reading: Reading[] = [];
  private asking: Request[] = [];
  /** Oldest first. */
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

  /** With those who ask before anything else can happen. */
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

  /** Where it was cut before it came to what somebody asked for, that is read by itself. */
  private partOf(
    page: DividedPage,
    { reader, wanted, rows, bytes }: Omit<Request, 'answer'>,
  ): LogPage | Promise<LogPage> {
    return page.reaches(reader)
      ? page.partFor(reader)
      : this.log.readPage(wanted, rows, bytes, filterFor([reader]));
  }

  /** For those who ask while it is being read, and for those who do later. */
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

  /** What is being read for it already, if that proves to be history. */
  private async joinReading(reader: GroupReader): Promise<LogPage | undefined> {
    const reading = this.reading.findLast(
      ({ start, readers }) => start === reader.askedFrom && readers.includes(reader),
    );
    if (reading === undefined) return undefined;
    remove(reading.readers, reader);
    const page = await reading.page;
    return page.cut ? page.partFor(reader) : undefined;
  }

  /** What has been read for it already, be it that it asks from somewhere inside. */
  private takeKept(reader: GroupReader): LogPage | undefined {
    const { askedFrom } = reader;
    const kept = this.kept.find(
      ({ start, page, readers }) => start <= askedFrom && askedFrom <= page.last && readers.includes(reader),
    );
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

/**
 * Whether a page has at least half of what another, which does not ask from farther back, would have: all of
 * it, if both have the same holes.
 */
function canReadFor({ reader, wanted, rows }: Request, other: Request): boolean {
  return (
    reader.isWith(other.reader) &&
    (other.reader.askedFrom - reader.askedFrom <= rows / 2 || wanted.equals(other.wanted))
  );
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
