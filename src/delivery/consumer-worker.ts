import { Logger } from '@nestjs/common';
import { IntegrationError, messageOf } from '../errors.js';
import { CursorReader } from '../inbox/cursor-reader.js';
import type { ClaimedCursor, InboxCursorStore } from '../inbox/inbox-cursor.store.js';
import type { InboxEventStore } from '../inbox/inbox-event.store.js';
import type { HeldLease } from '../inbox/lease-keeper.js';
import { PositionSet } from '../inbox/position-set.js';
import type { ReplayStore } from '../inbox/replay.store.js';
import { SettleBuffer } from '../inbox/settle-buffer.js';
import type { LogPages } from '../outbox/log-pages.js';
import type { LogEvent, LogRow, OutboxLogStore } from '../outbox/outbox-log.store.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import type { Consumer } from '../subscribers/consumer.js';
import { Backoff } from './backoff.js';
import { CrashWatch } from './crash-watch.js';
import { Dispatcher } from './dispatcher.js';
import type { HandlerRunner } from './handler-runner.js';
import type { HandlerSlots } from './handler-slots.js';
import { Signal } from './signal.js';

/** Bytes of events in one page; a single larger event is a page of its own. */
const PAGE_BYTES = 4 * 1024 * 1024;
const LOOK_INTERVAL_MS = 1_000;
/** A page dearer than this is read less often, and more at a time. */
const CHEAP_PAGE_MS = 20;
const MOST_ROWS = 5_000;
/** From so many pieces on, the holes make a page dear. */
const MANY_HOLES = 64;
/** A save of so many outcomes does not wait for its time. */
const SAVE_AT = 500;
/** When saves fail, reading stops here. */
const MOST_UNSAVED = 20_000;
/** So far is read on where handlers are free and all events at hand wait for another of their aggregate. */
const PAGES_TO_FIND_MORE = 10;
const SPILL_AFTER_MS = 200;
/** What is due later than this, a beat will tell in time. */
const BEATS_TELL_MS = 3_000;
const DUE_STEP_MS = 10;
const SUSPECTS_AT_ONCE = 100;

/** What every worker of a process shares. */
export interface WorkerEnvironment {
  readonly log: OutboxLogStore;
  readonly pages: LogPages;
  readonly cursors: InboxCursorStore;
  readonly inbox: InboxEventStore;
  readonly replays: ReplayStore;
  readonly runner: HandlerRunner;
  readonly slots: HandlerSlots;
  readonly settings: IntegrationSettingsService;
  /** The worker cannot go on: its lease is somebody else's, or its memory is at odds with the database. */
  readonly giveUp: (worker: ConsumerWorker, reason: string) => void;
  /** What it has in hand is to be finished and saved, and the cursor claimed anew. */
  readonly handBack: (lease: HeldLease) => void;
}

/**
 * Works off one leased cursor: reads pages, hands events to the dispatcher, claims due retries, saves outcomes. Four
 * loops that only share the dispatcher and the settle buffer. It lives as long as its lease and is thrown away with it: what it
 * holds in memory is only worth something together with the token under which it was read.
 */
export class ConsumerWorker {
  readonly dispatcher: Dispatcher;

  private readonly logger: Logger;
  private readonly reader: CursorReader;
  private readonly leavePages: () => void;
  private readonly buffer: SettleBuffer;
  private readonly crashes: CrashWatch;
  private readonly readWanted = new Signal();
  private readonly dueWanted = new Signal();
  private readonly saveWanted = new Signal();
  private readonly roomMade = new Signal();
  /** What is planned, with whom to tell when it is cancelled. */
  private readonly timers = new Map<NodeJS.Timeout, (() => void) | undefined>();
  private readonly loops: Promise<void>[] = [];
  private readonly quietWaiters: (() => void)[] = [];
  /** Times at which rows are due, for which there is a timer already. */
  private readonly dueSteps = new Set<number>();

  private readonly eventNames: readonly string[];
  private changedByOthers: number;
  private reading = false;
  private claiming = false;
  private saving = false;
  private stopped = false;
  private draining: boolean;
  private rowsFactor = 1;
  private lookTimer: NodeJS.Timeout | undefined;
  private saveTimer: NodeJS.Timeout | undefined;
  private lastSaveMs = 0;
  private foreignRows = false;
  private reloadWanted = false;
  private replayWanted = false;
  /** Interrupted rows are due: each is claimed by itself and runs alone. */
  private careful = false;
  /** The retry lane stopped for want of capacity, not of due rows. */
  private moreDue = false;
  /** Events taken from the log or claimed since the worker began. */
  handled = 0;
  /** The last page was read to its end and brought nothing. */
  private caughtUp = false;

  constructor(
    private readonly env: WorkerEnvironment,
    readonly consumer: Consumer,
    cursor: ClaimedCursor,
    readonly lease: HeldLease,
  ) {
    this.logger = new Logger(`Consumer ${consumer.name}`);
    this.changedByOthers = cursor.changedByOthers;
    this.eventNames = cursor.eventNames;
    this.draining = env.settings.snapshot().startupDrainEnabled;
    const { eventNames, partitions, partition } = cursor;
    const filter = { eventNames, partitions, partition };
    this.reader = new CursorReader(env.pages, filter, cursor.unread);
    this.leavePages = env.pages.join(filter);
    this.buffer = new SettleBuffer(env.cursors, lease.key, lease.token);
    this.crashes = new CrashWatch(env.cursors, env.log, cursor, lease, () => this.reader.readPosition);
    this.dispatcher = new Dispatcher(consumer, lease, this.buffer, env, {
      outcomeReady: () => this.outcomeReady(),
      leaseLost: () => this.leaseLost(),
      broken: (error) => this.giveUp(`an internal error: ${messageOf(error)}`),
      pausing: (ms, error) =>
        this.logger.warn(
          `The database failed, not the event; no attempt is counted, pause of ${Math.round(ms)} ms: ${messageOf(error)}`,
        ),
    });
  }

  /** Second step of a takeover, after the token is committed: what the former owner left, then the loops. */
  start(): void {
    this.loops.push(
      this.run().catch((error) => {
        this.giveUp(`an internal error: ${messageOf(error)}`);
      }),
    );
  }

  /** Whether these are the names that the cursor had when it was claimed. */
  goesBy(eventNames: readonly string[]): boolean {
    return (
      eventNames.length === this.eventNames.length &&
      eventNames.every((name, i) => name === this.eventNames[i])
    );
  }

  /** There may be new events. */
  wake(): void {
    this.readWanted.raise();
  }

  /** A row of the inbox may be due. */
  wakeRetries(): void {
    this.dueWanted.raise();
  }

  /** A beat saw the cursor: somebody may have changed inbox rows, and rows may be due. */
  seen(changedByOthers: number, dueInMs: number | null): void {
    if (changedByOthers !== this.changedByOthers || this.foreignRows) {
      this.changedByOthers = changedByOthers;
      this.reloadWanted = true;
      this.dueWanted.raise();
    }
    if (dueInMs !== null) this.retryIn(dueInMs);
    this.guarded('Forgetting unclean ends', () => this.crashes.forgetWhenSettled());
  }

  /** A beat saw that a replay has put positions back: they are taken up before the next page. */
  takeUpReplayed(): void {
    this.replayWanted = true;
    this.caughtUp = false;
    this.wake();
  }

  /** The lease has been confirmed, or capacity is back: go on. */
  resume(): void {
    this.dispatcher.pump();
  }

  /** Whether the log has anything for this worker, given its highest visible position. */
  wants(head: number): boolean {
    return this.reader.readPosition <= head || this.reader.hasHoles;
  }

  get isQuiet(): boolean {
    return (
      this.caughtUp &&
      !this.reading &&
      !this.claiming &&
      !this.saving &&
      !this.readWanted.isRaised &&
      !this.dueWanted.isRaised &&
      this.dispatcher.isIdle &&
      this.buffer.isEmpty
    );
  }

  /** Nothing is under way, or nothing will be any more. */
  get isAtRest(): boolean {
    return this.stopped || this.isQuiet;
  }

  /** Reads what there is now and resolves once everything that was read or due has been handled and saved. */
  async settleDown(): Promise<void> {
    this.caughtUp = false;
    this.wake();
    this.wakeRetries();
    while (!this.isQuiet && !this.stopped)
      await new Promise<void>((resolve) => this.quietWaiters.push(resolve));
  }

  /**
   * Reads and starts nothing more, waits for running handlers until `deadline` (monotonic ms), saves. Resolves to whether
   * everything came to its end, so that the lease can be released.
   */
  async stop(deadline: number): Promise<boolean> {
    this.dispatcher.close();
    const finished = await this.dispatcher.finishRunning(deadline);
    this.halt();
    await Promise.allSettled(this.loops);
    if (!this.lease.isValid()) return false;
    this.dispatcher.giveBackClaims();
    while (performance.now() < deadline && !this.buffer.isEmpty) {
      if (!(await this.saveOnce().catch(() => false))) break;
    }
    this.dispatcher.abandon(new IntegrationError('INTEGRATION_CLOSED', 'The application is shutting down'));
    return finished && this.buffer.isEmpty;
  }

  /** Throws everything away: the lease, or what was known of the database, is lost. Running handlers are told. */
  drop(reason: string): void {
    this.dispatcher.close();
    this.halt();
    this.dispatcher.abandon(
      new IntegrationError(
        'INTEGRATION_LEASE_LOST',
        `Consumer "${this.consumer.name}" is given up here: ${reason}`,
      ),
    );
  }

  /** Resolves when no handler of this worker runs any more; each ends with its deadline at the latest. */
  get handlersEnded(): Promise<void> {
    return this.dispatcher.ended;
  }

  private async run(): Promise<void> {
    const backoff = new Backoff();
    while (!this.stopped) {
      try {
        await this.takeOver();
        break;
      } catch (error) {
        await this.waitAfterFailure('Taking over', error, backoff);
      }
    }
    if (this.stopped) return;
    const loops = [this.saveLoop()];
    await this.runSuspects();
    this.wake();
    this.wakeRetries();
    await Promise.all([...loops, this.readLoop(), this.retryLoop()]);
  }

  private async takeOver(): Promise<void> {
    const { inbox } = this.env;
    await inbox.interruptLeftovers(this.lease.key, []);
    if (this.consumer.ordered) {
      await inbox.releaseLowest(this.lease.key);
      this.dispatcher.lanes.block(await inbox.unresolvedAggregates(this.lease.key));
    }
    this.foreignRows = (await inbox.countForeignProcessing(this.lease.key, [])) > 0;
    this.careful = await inbox.hasInterrupted(this.lease.key);
    await this.crashes.begin();
  }

  /**
   * Somebody else changed rows of the inbox: block what is unresolved now, and let the next save release what is not. Runs
   * between two claims, so that every row of ours that is `processing` is known to be ours.
   */
  private async reloadInbox(): Promise<void> {
    this.reloadWanted = false;
    const { inbox } = this.env;
    if (this.foreignRows) await inbox.interruptLeftovers(this.lease.key, this.dispatcher.rowsOfOurs);
    this.foreignRows = (await inbox.countForeignProcessing(this.lease.key, this.dispatcher.rowsOfOurs)) > 0;
    if (this.stopped || !this.consumer.ordered) return;
    this.dispatcher.lanes.block(await inbox.unresolvedAggregates(this.lease.key));
    this.dispatcher.lanes.recheckBlocked();
    this.saveWanted.raise();
  }

  /** After a second unclean end: what was being read then runs one by one, each with no other handler beside it. */
  private async runSuspects(): Promise<void> {
    try {
      for (let more = this.crashes.hasSuspects; more && !this.stopped; ) more = await this.runSomeSuspects();
    } catch (error) {
      this.giveUp(messageOf(error));
    }
  }

  private async runSomeSuspects(): Promise<boolean> {
    const rows = await this.reader.readBelow(this.crashes.suspectsBelow, SUSPECTS_AT_ONCE, PAGE_BYTES);
    for (const row of rows) {
      if (this.stopped) return false;
      if (
        row.wanted === undefined ||
        row.wanted.delayMs !== undefined ||
        this.dispatcher.isBlocked(row.wanted)
      ) {
        this.arrive([row]);
        continue;
      }
      const { held, inboxEventId } = await this.crashes.moveToInbox(row.position, row.wanted);
      if (!held) {
        this.leaseLost();
        return false;
      }
      if (inboxEventId === undefined) this.settledElsewhere(row.wanted);
      else await this.dispatcher.runSuspect(row.position, row.wanted, inboxEventId);
      this.handled++;
    }
    return rows.length > 0;
  }

  /** The inbox has a row of it already, which decides; the next save asks. */
  private settledElsewhere(log: LogEvent): void {
    this.dispatcher.lanes.block([log]);
    this.dispatcher.lanes.recheck(log);
    this.saveSoon();
  }

  // Reading

  private async readLoop(): Promise<void> {
    const backoff = new Backoff();
    while (!this.stopped) {
      await this.readWanted.wait();
      for (let more = true; more && !this.stopped; ) {
        await this.waitForRoom();
        if (this.stopped) return;
        try {
          more = await this.readPage();
          backoff.succeeded();
        } catch (error) {
          await this.waitAfterFailure('Reading', error, backoff);
        }
      }
    }
  }

  /** Reads one page and hands it on; whether there may be more at once. */
  private async readPage(): Promise<boolean> {
    this.reading = true;
    const startedAt = performance.now();
    try {
      if (this.replayWanted && !(await this.includeReplayed())) return false;
      const page = await this.reader.readPage(this.pageRows(), PAGE_BYTES);
      if (this.stopped) return false;
      const last = page.rows.at(-1);
      if (last !== undefined && !(await this.announce(last.position))) return false;
      this.buffer.settleAll(page.swept);
      this.arrive(page.rows);
      this.caughtUp = !page.cut;
      if (!page.cut) this.draining = false;
      if (!this.buffer.isEmpty || this.dispatcher.lanes.hasUnsaved) this.saveSoon();
      if (this.reader.hasHoles) this.lookSoon();
      await this.pace(performance.now() - startedAt);
      return page.cut;
    } finally {
      this.reading = false;
      this.checkQuiet();
    }
  }

  /**
   * Between two pages; why nothing is read twice by it stands at the head of replay.store.ts. A transactional batch that has
   * settled its positions may not have told us yet: then what is in hand is finished, and `unread` is read anew with the next
   * lease. False: there is nothing more to read here.
   */
  private async includeReplayed(): Promise<boolean> {
    const replayed = await this.env.replays.takeUp(this.lease.key, this.lease.token);
    this.replayWanted = false;
    if (this.stopped) return false;
    if (replayed === undefined) {
      this.leaseLost();
      return false;
    }
    const positions = PositionSet.parse(replayed);
    if (this.dispatcher.holdsAny(positions)) {
      this.env.handBack(this.lease);
      return false;
    }
    this.reader.include(positions);
    return true;
  }

  /** The cursor says how far was read before handlers start. If it cannot, the page in hand is worth nothing. */
  private async announce(position: number): Promise<boolean> {
    try {
      await this.crashes.beforeStarting(position);
      return !this.stopped;
    } catch (error) {
      this.giveUp(messageOf(error));
      return false;
    }
  }

  /** A row that cannot be dispatched leaves memory at odds with the database: everything is read anew. */
  private arrive(rows: readonly LogRow[]): void {
    try {
      this.dispatcher.arrive(rows);
      for (const row of rows) if (row.wanted !== undefined) this.handled++;
    } catch (error) {
      this.giveUp(messageOf(error));
    }
  }

  private pageRows(): number {
    const { batchSize, startupDrainBatchSize } = this.env.settings.snapshot();
    const rows = this.draining ? Math.max(batchSize, startupDrainBatchSize) : batchSize;
    return Math.min(rows * this.rowsFactor, Math.max(rows, MOST_ROWS));
  }

  /**
   * One page is being worked off while the next is there already; more would only fill memory. Where everything at hand
   * waits behind some event of its aggregate, the queue of that aggregate is written down after a while, so that others are read.
   */
  private async waitForRoom(): Promise<void> {
    if (this.hasRoom()) return;
    const spill = () => {
      this.dispatcher.makeRoom();
      patience = this.after(SPILL_AFTER_MS, spill);
    };
    let patience = this.after(SPILL_AFTER_MS, spill);
    while (!this.stopped && !this.hasRoom()) await this.roomMade.wait();
    clearTimeout(patience);
    this.timers.delete(patience);
  }

  private hasRoom(): boolean {
    const { waitingEvents, waitingBytes, lacksEvents } = this.dispatcher;
    const rows = lacksEvents ? this.pageRows() * PAGES_TO_FIND_MORE : this.pageRows();
    return waitingEvents < rows && waitingBytes < PAGE_BYTES && this.buffer.size < MOST_UNSAVED;
  }

  /** Many holes make a page dear: then it is read less often, and more at a time. */
  private async pace(pageMs: number): Promise<void> {
    const isDear = this.reader.rangeCount > MANY_HOLES;
    this.rowsFactor = isDear ? Math.min(10, Math.max(1, Math.ceil(pageMs / CHEAP_PAGE_MS))) : 1;
    if (isDear) await this.wait(pageMs);
  }

  private lookSoon(): void {
    if (this.lookTimer !== undefined || this.stopped) return;
    this.lookTimer = this.after(LOOK_INTERVAL_MS, () => {
      this.lookTimer = undefined;
      this.guarded('Looking at open transactions', async () => {
        if (await this.reader.look()) this.wake();
        if (this.reader.hasHoles) this.lookSoon();
      });
    });
  }

  // Retrying

  private async retryLoop(): Promise<void> {
    const backoff = new Backoff();
    while (!this.stopped) {
      await this.dueWanted.wait();
      this.claiming = true;
      try {
        if (this.reloadWanted) await this.reloadInbox();
        while (!this.stopped && (await this.claimDue())) {}
        backoff.succeeded();
      } catch (error) {
        await this.waitAfterFailure('Claiming retries', error, backoff);
        this.dueWanted.raise();
      } finally {
        this.claiming = false;
        this.checkQuiet();
      }
    }
  }

  /** Claims what is due, as far as there is capacity; whether more may be due. */
  private async claimDue(): Promise<boolean> {
    const capacity = this.careful ? Number(this.dispatcher.hasNoClaims) : this.dispatcher.freeForRetries;
    this.moreDue = capacity === 0;
    if (capacity === 0 || !this.lease.isValid()) return false;
    const { inbox, log } = this.env;
    const alone = this.careful;
    const { key, token } = this.lease;
    const rows = await inbox.claimDue(key, token, capacity, this.consumer.ordered, alone);
    if (alone) this.careful = await inbox.hasInterrupted(key);
    if (rows.length === 0) return false;
    const events = await log.readByPosition(rows.map((row) => row.position)).catch((error) => {
      // The rows are claimed, and nobody would come back to them.
      this.giveUp(messageOf(error));
      return undefined;
    });
    if (events === undefined) return false;
    this.handled += rows.length;
    // Also to a dispatcher that is closed meanwhile: it gives back what it cannot run.
    this.dispatcher.arriveClaimed(rows, events, alone);
    this.moreDue = rows.filter((row) => !row.follows).length === capacity;
    return this.moreDue;
  }

  private retryIn(ms: number): void {
    if (ms <= 0) this.dueWanted.raise();
    if (ms <= 0 || ms >= BEATS_TELL_MS) return;
    // Rounded up, so that rows due at about the same time share a timer, and none is asked for before its time.
    const now = performance.now();
    const step = Math.ceil((now + ms) / DUE_STEP_MS);
    if (this.dueSteps.has(step)) return;
    this.dueSteps.add(step);
    this.after(step * DUE_STEP_MS - now, () => {
      this.dueSteps.delete(step);
      this.dueWanted.raise();
    });
  }

  // Saving

  private outcomeReady(): void {
    this.roomMade.raise();
    this.saveSoon();
    if (this.moreDue && this.dispatcher.freeForRetries > 0) this.dueWanted.raise();
    this.checkQuiet();
  }

  private saveSoon(): void {
    if (this.saveTimer !== undefined || this.stopped) {
      if (this.buffer.size >= SAVE_AT) this.saveWanted.raise();
      return;
    }
    // A save that holes have made dear is done less often.
    const delay = Math.max(this.env.settings.snapshot().flushIntervalMs, this.lastSaveMs * 2);
    this.saveTimer = this.after(this.buffer.size >= SAVE_AT ? 0 : delay, () => {
      this.saveTimer = undefined;
      this.saveWanted.raise();
    });
  }

  private async saveLoop(): Promise<void> {
    const backoff = new Backoff();
    while (!this.stopped) {
      await this.saveWanted.wait();
      try {
        while (!this.stopped && (await this.saveOnce())) if (this.buffer.size < SAVE_AT) break;
        backoff.succeeded();
        if (!this.buffer.isEmpty) this.saveSoon();
      } catch (error) {
        await this.waitAfterFailure('Saving', error, backoff);
        this.saveWanted.raise();
      }
      this.checkQuiet();
    }
  }

  /** One save; false when there was nothing to save, or the lease is lost. */
  private async saveOnce(): Promise<boolean> {
    this.saving = true;
    const startedAt = performance.now();
    try {
      const report = await this.buffer.save(this.dispatcher);
      if (report === undefined) return false;
      this.lastSaveMs = performance.now() - startedAt;
      if (!report.held) {
        this.leaseLost();
        return false;
      }
      this.roomMade.raise();
      this.dispatcher.saved(report);
      if (this.moreDue) this.dueWanted.raise();
      for (const ms of report.dueInMs) this.retryIn(ms);
      return true;
    } finally {
      this.saving = false;
    }
  }

  // Ending

  private leaseLost(): void {
    this.giveUp('the lease was lost, another process has taken over; unsaved outcomes are dropped');
  }

  private giveUp(reason: string): void {
    if (this.stopped) return;
    this.logger.warn(`Given up here: ${reason}`);
    this.env.giveUp(this, reason);
  }

  private halt(): void {
    if (!this.stopped) this.leavePages();
    this.stopped = true;
    for (const [timer, cancelled] of this.timers) {
      clearTimeout(timer);
      cancelled?.();
    }
    this.timers.clear();
    for (const signal of [this.readWanted, this.dueWanted, this.saveWanted, this.roomMade]) signal.raise();
    this.checkQuiet();
  }

  private checkQuiet(): void {
    if (this.quietWaiters.length === 0) return;
    if (!this.isQuiet && !this.stopped) return;
    for (const resume of this.quietWaiters.splice(0)) resume();
  }

  private after(ms: number, run: () => void, cancelled?: () => void): NodeJS.Timeout {
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      if (!this.stopped) run();
    }, ms);
    this.timers.set(timer, cancelled);
    return timer;
  }

  private wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.stopped) resolve();
      else this.after(ms, resolve, resolve);
    });
  }

  private async waitAfterFailure(what: string, error: unknown, backoff: Backoff): Promise<void> {
    if (this.stopped) return;
    const ms = backoff.failed();
    this.logger.warn(`${what} failed and is tried again in ${Math.round(ms)} ms: ${messageOf(error)}`);
    await this.wait(ms);
  }

  private guarded(what: string, work: () => Promise<void>): void {
    work().catch((error) => {
      if (!this.stopped) this.logger.warn(`${what} failed: ${messageOf(error)}`);
    });
  }
}
