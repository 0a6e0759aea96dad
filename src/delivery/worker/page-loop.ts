import { messageOf } from '../../errors.js';
import type { CursorReader, Page } from '../../inbox/cursor-reader.js';
import { bytesOf, type LogRows } from '../../log/outbox-log.store.js';
import { Backoff } from '../partition/backoff.js';
import type { Partition } from '../partition/partition.js';
import type { CrashRecovery } from '../suspects/crash-recovery.js';
import { Signal } from '../watchdog/signal.js';
import type { DiscardedEvents } from './discarded-events.js';
import { PageRoom } from './page-room.js';
import { MOST_WAITING_BYTES, PageSize } from './page-size.js';
import type { WorkerContext } from './worker-context.js';

const LOOK_INTERVAL_MS = 1_000;
/** The number of pieces of the holes from which a page is expensive. */
const MANY_HOLES = 64;

/**
 * Reads the log page by page, one page ahead of the events that are being handled. It also keeps the sweep of
 * the holes running.
 */
export class PageLoop {
  /** How many events were taken from the log since the worker began. */
  handled = 0;
  /** Whether the last page was read to its end. */
  private caughtUp = false;

  private readonly wanted = new Signal();
  /** All events below this position that existed when the worker began have been read. */
  private readBelow = 0;
  private passWaiter: { readonly position: number; readonly resolve: () => void } | undefined;
  private reading = false;
  private replayWanted = false;
  private discardsWanted = false;
  /** The next page. It was requested before the handlers of the current page began. */
  private ahead: Promise<Page> | undefined;
  private readonly size: PageSize;
  private readonly room: PageRoom;
  private lookTimer: NodeJS.Timeout | undefined;

  constructor(
    private readonly context: WorkerContext,
    private readonly partition: Partition,
    private readonly reader: CursorReader,
    private readonly crashes: CrashRecovery,
    private readonly discarded: DiscardedEvents,
    /** The worker must finish and save what it has in hand, and the cursor must be claimed again. */
    private readonly release: () => void,
  ) {
    this.size = new PageSize(context.env.settings, context.consumer);
    this.room = new PageRoom(context, partition, this.size);
  }

  get isIdle(): boolean {
    return this.caughtUp && !this.reading && !this.wanted.isRaised;
  }

  /** Called when there may be new events. */
  wake(): void {
    this.wanted.raise();
  }

  /** Makes the loop read the log to its end, whatever was found before. */
  readToEnd(): void {
    this.caughtUp = false;
    this.wanted.raise();
  }

  /** Called when a replay has put positions back. They are taken up before the next page. */
  takeUpReplayed(): void {
    this.replayWanted = true;
    this.readToEnd();
  }

  /**
   * Looks for events that an admin has discarded. This happens between two pages, when no page is under way.
   */
  lookForDiscarded(): void {
    this.discardsWanted = true;
    this.wanted.raise();
  }

  /** Called when events have ended or were saved. */
  makeRoom(): void {
    this.room.look();
  }

  /**
   * Resolves once everything up to `position` that was there when the worker began has been read, or when the
   * worker ends.
   */
  async hasReadUpTo(position: number): Promise<void> {
    if (this.context.isClosed || position < this.readBelow) return;
    await new Promise<void>((resolve) => {
      this.passWaiter = { position, resolve };
    });
  }

  async run(): Promise<void> {
    const backoff = new Backoff();
    while (!this.context.isClosed) {
      await this.wanted.wait();
      for (let more = true; more && !this.context.isClosed; ) {
        await this.room.wait();
        if (this.context.isClosed) return;
        try {
          more = await this.readPage();
          backoff.succeeded();
        } catch (error) {
          await this.context.waitAfterFailure('Reading', error, backoff);
        }
      }
      this.context.stepDone();
    }
  }

  /** Lets a waiting loop see that the worker has ended. */
  close(): void {
    this.wanted.raise();
    this.room.close();
    this.passWaiter?.resolve();
  }

  /**
   * Gives rows of the log to the partition. If the partition cannot take one of them, memory contradicts the
   * database. `areSuspects`: the events run exclusively.
   */
  handOn(rows: LogRows, areSuspects = false): void {
    try {
      this.partition.pageRead(rows, this.crashes.begunBelow, areSuspects);
      this.handled += rows.events.length;
    } catch (error) {
      this.context.abandon(messageOf(error));
    }
  }

  /** Reads one page and gives it to the partition. Returns whether more can be read at once. */
  private async readPage(): Promise<boolean> {
    if (this.partition.isClosed) return false;
    this.reading = true;
    const startedAt = performance.now();
    try {
      if (this.ahead === undefined && !(await this.betweenPages())) return false;
      const page = await this.takeNext();
      if (this.context.isClosed) return false;
      this.size.note(page);
      const { positions, events } = page;
      this.context.env.reports.telemetry.meters?.pageRead(this.context.consumer.name, events.length);
      const lastWanted = events.at(-1);
      if (lastWanted !== undefined && !(await this.announce(lastWanted.position))) return false;
      if (this.mayReadAhead(page) && !(await this.readAhead())) return false;
      this.partition.positionsSwept(page.swept);
      this.handOn(page);
      this.caughtUp = !page.cut;
      this.noteRead(page.cut ? (positions.last ?? 0) + 1 : Number.POSITIVE_INFINITY);
      if (this.reader.hasHoles) this.lookSoon();
      await this.pace(performance.now() - startedAt);
      return page.cut;
    } finally {
      this.reading = false;
    }
  }

  /** Takes up what others have changed. Returns false if there is nothing more to read here. */
  private async betweenPages(): Promise<boolean> {
    if (this.discardsWanted) {
      this.discardsWanted = false;
      await this.discarded.look();
    }
    return !this.context.isClosed && (!this.replayWanted || this.includeReplayed());
  }

  private takeNext(): Promise<Page> {
    const next = this.ahead ?? this.askForPage();
    this.ahead = undefined;
    return next;
  }

  private askForPage(): Promise<Page> {
    const { rows, bytes } = this.size.next(this.reader.sharers, this.partition.workload.waitingBytes);
    return this.reader.readPage(rows, bytes);
  }

  /**
   * Handlers must not wait for pages. So the next page is read if there is room for it, even though no
   * handler of this page has begun.
   */
  private mayReadAhead({ cut, events }: Page): boolean {
    const { waitingEvents, waitingBytes } = this.partition.workload;
    return (
      cut &&
      !this.replayWanted &&
      !this.discardsWanted &&
      !this.reader.hasHoles &&
      waitingEvents + events.length <= this.size.events &&
      waitingBytes + bytesOf(events) <= MOST_WAITING_BYTES
    );
  }

  /**
   * Asks for the next page and lets the event loop turn, so that the statement is sent before the handlers of
   * this page begin. Handlers that end at once would make this turn a long one. Returns false if the worker
   * has ended meanwhile.
   */
  private async readAhead(): Promise<boolean> {
    this.ahead = this.askForPage();
    // The code that takes the page gets its failure. If the worker ends, no code takes the page.
    this.ahead.catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
    return !this.context.isClosed;
  }

  private noteRead(below: number): void {
    this.readBelow = Math.max(this.readBelow, below);
    if (this.passWaiter !== undefined && this.passWaiter.position < this.readBelow) this.passWaiter.resolve();
  }

  /**
   * Takes up replayed positions between two pages. The head of replay.store.ts says why nothing is read twice
   * because of it. A transactional batch that has settled its positions may not have told us yet. In that
   * case what is in hand is finished, and `unread` is read again with the next lease. Returns false if there
   * is nothing more to read here.
   */
  private async includeReplayed(): Promise<boolean> {
    const { env, lease } = this.context;
    const taken = await env.stores.replays.takeUp(lease.key, lease.token);
    this.replayWanted = false;
    if (this.context.isClosed) return false;
    if (taken === undefined) {
      this.context.leaseLost();
      return false;
    }
    const { positions, replays } = taken;
    if (this.partition.workload.holdsAny(positions)) {
      this.release();
      return false;
    }
    this.partition.replaysAre(replays);
    this.reader.include(positions);
    return true;
  }

  /**
   * Saves on the cursor how far was read, before handlers start. If this fails, the page must not be used.
   */
  private async announce(position: number): Promise<boolean> {
    try {
      await this.crashes.beforeStarting(position, this.size.shareOfWanted);
      return !this.context.isClosed;
    } catch (error) {
      this.context.abandon(messageOf(error));
      return false;
    }
  }

  /** Many holes make a page expensive. Pages are then read less often, and more is read at a time. */
  private async pace(pageMs: number): Promise<void> {
    const isDear = this.reader.rangeCount > MANY_HOLES;
    this.size.paceBy(isDear ? pageMs : 0);
    if (isDear) await this.context.wait(pageMs);
  }

  private lookSoon(): void {
    if (this.lookTimer !== undefined || this.context.isClosed) return;
    this.lookTimer = this.context.after(LOOK_INTERVAL_MS, () => {
      this.lookTimer = undefined;
      this.context.guarded('Looking at open transactions', async () => {
        if (await this.reader.lookAtWriters()) this.wake();
        if (this.reader.hasHoles) this.lookSoon();
      });
    });
  }
}
