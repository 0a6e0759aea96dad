import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { checkFilter } from '../inbox/filter-checks.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { checkCount, checkNames } from '../log/query-checks.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { MAX_PARTITIONS } from '../subscribers/subscriber-validation.js';
import { OutboxNotifier } from '../wakeups/outbox-notifier.js';
import {
  checkReason,
  checkRename,
  checkReplay,
  checkStatesOfMany,
  heldByItsTransaction,
  isOfOneEvent,
  isWholeRange,
  notRenamed,
  remainingNames,
  stillActive,
  unknownConsumer,
} from './admin-checks.js';
import { ConsumerAdminStore } from './consumer-admin.store.js';
import { type CursorStatus, CursorStatusStore } from './cursor-status.store.js';
import { DiscardOneStore, type OneEventFilter } from './discard-one.store.js';
import {
  type ChangedRows,
  type DiscardableState,
  InboxAdminStore,
  type RowPlace,
} from './inbox-admin.store.js';
import { RenameStore } from './rename.store.js';
import { type RepartitionState, RepartitionStore } from './repartition.store.js';
import type { ReplayFilter, ReplayRange, ReplayRequest, ReplayResult } from './replay.js';
import { ReplayStore } from './replay.store.js';
import { ReplayRequestStore } from './replay-request.store.js';

/** How many dead letters one `redrive` sends, unless told. */
const REDRIVE_LIMIT = 100;
/**
 * Few beside the rows that a consumer has of one status, or reading all of them and sorting looks as good to
 * the planner.
 */
const CHANGED_AT_ONCE = 500;
const STATES_OF_MANY: readonly DiscardableState[] = ['dead_letter', 'failed', 'waiting', 'delayed'];
const STATES_OF_ONE: readonly DiscardableState[] = [...STATES_OF_MANY, 'unread', 'running'];
/** So long a discarded event's own transaction is waited for, and so often looked at. */
const HELD_FOR_MS = 10_000;
const HELD_LOOK_MS = 50;
const REPARTITION_LOOK_MS = 200;
const REPARTITION_TIMEOUT_MS = 60_000;
const LISTED_REQUESTS = 100;

/** A consumer partition: lag in positions and in seconds, owner, paused, dead letters. */
export type ConsumerView = CursorStatus & {
  /** No live process could work on it for `orphanAfterDays`. */
  orphaned: boolean;
};

export interface DiscardOptions {
  /**
   * Which events, by what they wait for; default: all. `unread` and `running` are for one event of one
   * consumer: the filter has to say both.
   */
  states?: readonly DiscardableState[] | undefined;
  /** At most so many, the oldest first; default: all that match. */
  limit?: number | undefined;
}

export interface RepartitionOptions {
  /** How long to wait for it, default a minute; the processes go on with it in any case. */
  timeoutMs?: number | undefined;
  /** Told whenever it looks: what is being waited for. */
  onProgress?: ((state: RepartitionState) => void) | undefined;
}

/**
 * What admins do with consumers. Safe while the consumer runs, here or elsewhere: a process that works on it
 * follows within a beat (two seconds).
 */
@Injectable()
export class ConsumerService {
  private readonly status: CursorStatusStore;
  private readonly admin: ConsumerAdminStore;
  private readonly rows: InboxAdminStore;
  private readonly single: DiscardOneStore;
  private readonly replayed: ReplayStore;
  private readonly requests: ReplayRequestStore;
  private readonly partitions: RepartitionStore;
  private readonly renaming: RenameStore;

  constructor(
    db: EngineDatabase,
    private readonly settings: IntegrationSettingsService,
    private readonly notifier: OutboxNotifier,
  ) {
    this.status = new CursorStatusStore(db, db.schema);
    this.admin = new ConsumerAdminStore(db);
    this.rows = new InboxAdminStore(db);
    this.single = new DiscardOneStore(db);
    this.replayed = new ReplayStore(db);
    this.requests = new ReplayRequestStore(db);
    this.partitions = new RepartitionStore(db);
    this.renaming = new RenameStore(db, (...of) => this.admin.usersOf(...of));
  }

  /** Every registered consumer, by name and partition. */
  async list(): Promise<ConsumerView[]> {
    const { orphanAfterDays } = this.settings.snapshot();
    const before = Date.now() - orphanAfterDays * 24 * 3_600_000;
    const consumers = await this.status.cursorStatuses();
    return consumers.map((consumer) => ({
      ...consumer,
      orphaned: consumer.owner === null && consumer.servedAt.getTime() < before,
    }));
  }

  /**
   * Stops a consumer until `resume`, across restarts. Its owner reads and starts nothing more from its next
   * beat on (two seconds), lets running handlers finish, saves, and gives the lease back. Events go on being
   * published for it.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN
   */
  async pause(consumerName: string): Promise<void> {
    if (!(await this.admin.setPaused(consumerName, true))) throw unknownConsumer(consumerName);
  }

  /** Lets a paused consumer go on where it stopped, from a process's next beat on. */
  async resume(consumerName: string): Promise<void> {
    if (!(await this.admin.setPaused(consumerName, false))) throw unknownConsumer(consumerName);
  }

  /**
   * Delivers events to a consumer again. What it has not settled yet (unread, running, or waiting for a
   * retry) is delivered once in any case and left as it is. Order is not promised for replayed events.
   *
   * - `{ from, to? }`, a range of positions: at once, for all its event names. Starts at the log's first
   *   event if `from` lies before it.
   * - with `eventNames`, `aggregateType`, `aggregateId`, `since` or `until`: kept as a request, which the
   *   consumer's owner works off while it does its other work; see `replays()`. So are events of names that
   *   the consumer did not have when it passed them.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN, or INTEGRATION_ADMIN_INVALID for a selection that
   * makes no sense
   */
  async replay(
    consumerName: string,
    what: ReplayRange | ReplayFilter,
    options: { requestedBy?: string | undefined } = {},
  ): Promise<ReplayResult> {
    checkReplay(what);
    checkNames('an option of replay', options, ['requestedBy']);
    if (isWholeRange(what)) {
      return { kind: 'range', ...(await this.putBack(consumerName, what)) };
    }
    const request = await this.requests.request(consumerName, what, options.requestedBy);
    if (request === undefined) throw unknownConsumer(consumerName);
    return { kind: 'request', request };
  }

  private async putBack(consumerName: string, range: ReplayRange) {
    const bounds = await this.replayed.boundsOf(consumerName, range.from, range.to);
    if (bounds === undefined) throw unknownConsumer(consumerName);
    const { from, to } = bounds;
    let positions = 0;
    for (let next = from; next <= to; ) {
      const put = await this.replayed.putBack(consumerName, from, next, to);
      positions += put.positions;
      next = put.to + 1;
    }
    return { from, to, positions };
  }

  /** The filtered replays of one consumer, or of all, the newest first: how far each has come. */
  replays(consumerName?: string): Promise<ReplayRequest[]> {
    return this.requests.listRequests(consumerName, LISTED_REQUESTS);
  }

  /**
   * Sends dead letters, and events that failed for good, on their way again, with all their attempts; the
   * oldest first, at most `limit` (default 100): one or two first, to see whether the cause is gone. Resolves
   * to their number. Order is not promised for redriven events.
   */
  async redrive(filter: InboxFilter, options: { limit?: number } = {}): Promise<number> {
    checkFilter(filter);
    checkNames('an option of redrive', options, ['limit']);
    const limit = checkCount('limit', options.limit ?? REDRIVE_LIMIT);
    const redriven = await inPortions(limit, (some, after) => this.rows.redrive(filter, some, after));
    if (redriven > 0) this.notifier.notify();
    return redriven;
  }

  /**
   * Sets events aside for good: they become `skipped`, with the reason as their error. Takes dead letters,
   * failed ones (with a retry to come or not), and those that wait or are delayed; what runs at this moment
   * is left. Events that waited behind a discarded one go on. Resolves to their number.
   *
   * A filter with `consumerName` and one event (`position` or `outboxEventId`) takes it whatever it does:
   * also while it has no inbox row yet, and while it runs. The consumer's owner takes it out of its memory
   * within a beat (two seconds). A run that has begun goes on to its end, and what it comes to no longer
   * counts.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID without a reason, or for a filter that says nothing;
   *   INTEGRATION_CONSUMER_ACTIVE for one event whose own transaction is still open after ten seconds
   */
  async discard(filter: InboxFilter, reason: string, options: DiscardOptions = {}): Promise<number> {
    checkFilter(filter);
    checkReason(filter, reason);
    checkNames('an option of discard', options, ['states', 'limit']);
    const limit = options.limit === undefined ? Number.POSITIVE_INFINITY : checkCount('limit', options.limit);
    if (options.states?.length === 0) return 0;
    if (isOfOneEvent(filter)) return this.discardOne(filter, options.states ?? STATES_OF_ONE, reason);
    const states = options.states ?? STATES_OF_MANY;
    checkStatesOfMany(states);
    return inPortions(limit, (some, after) => this.rows.discard(filter, states, reason, some, after));
  }

  private async discardOne(
    filter: OneEventFilter,
    states: readonly DiscardableState[],
    reason: string,
  ): Promise<number> {
    const deadline = performance.now() + HELD_FOR_MS;
    for (;;) {
      const discarded = await this.single.discard(filter, states, reason);
      if (discarded !== undefined) return discarded;
      if (performance.now() >= deadline) throw heldByItsTransaction(filter);
      await new Promise((resolve) => setTimeout(resolve, HELD_LOOK_MS));
    }
  }

  /**
   * Changes the number of partitions, while the consumer runs or not. Its owners hand over first; where
   * partitions are far apart, those behind catch up before the change, the others waiting for them. Rows of
   * the inbox move along. Resolves to `done`, or, when `timeoutMs` is up, to what is being waited for: the
   * processes go on with it by themselves. Asking for the number that is stored calls a change back.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN
   */
  async repartition(
    consumerName: string,
    partitions: number,
    options: RepartitionOptions = {},
  ): Promise<RepartitionState> {
    checkCount('partitions', partitions, MAX_PARTITIONS);
    checkNames('an option of repartition', options, ['timeoutMs', 'onProgress']);
    const deadline = performance.now() + (options.timeoutMs ?? REPARTITION_TIMEOUT_MS);
    let state = await this.partitions.requestChange(consumerName, partitions);
    for (;;) {
      if (state !== 'done') state = (await this.partitions.advance(consumerName)).state;
      if (state === 'unknown') throw unknownConsumer(consumerName);
      options.onProgress?.(state);
      if (state === 'done' || performance.now() >= deadline) return state;
      if (state !== 'moving') await new Promise((resolve) => setTimeout(resolve, REPARTITION_LOOK_MS));
    }
  }

  /**
   * Forgets a consumer: its cursor, its inbox rows and its replays. Refused while a live process works on it
   * or has handlers for it, unless forced; such a process would register it anew at its next start.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN, or INTEGRATION_CONSUMER_ACTIVE naming the
   * processes
   */
  async remove(consumerName: string, options: { force?: boolean | undefined } = {}): Promise<void> {
    checkNames('an option of remove', options, ['force']);
    const leaseMs = this.settings.snapshot().processingLeaseMs;
    const removed = await this.admin.removeCursors(consumerName, { force: options.force ?? false, leaseMs });
    if (removed !== undefined && removed.users.length > 0) throw stillActive(consumerName, removed.users);
    // A removal that was interrupted has left rows without a cursor.
    let deleted = 0;
    for (let some = -1; some !== 0; deleted += some) {
      some = await this.admin.deleteSomeRows(consumerName, removed?.removedAt ?? new Date());
    }
    if (removed === undefined && deleted === 0) throw unknownConsumer(consumerName);
  }

  /**
   * Gives a consumer another name: its place in the log, its retries, dead letters and replays go along.
   * Stop the old code, rename, start the new code. All rows move in one transaction (measured: 4 to 7 s for
   * 100,000 inbox rows on a busy machine). Nothing has changed if that statement takes longer than 15 s.
   * Transactions that write to the inbox are waited for, up to ten seconds.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN; INTEGRATION_CONSUMER_ACTIVE while a live process
   *   works on it or has handlers for it; INTEGRATION_ADMIN_INVALID for a new name that is none, or that has
   *   a place or rows of its own
   */
  async rename(oldName: string, newName: string): Promise<void> {
    checkRename(oldName, newName);
    const result = await this.renaming.rename(oldName, newName, this.settings.snapshot().processingLeaseMs);
    if (result !== 'done') throw notRenamed(oldName, newName, result);
  }

  /**
   * Takes event names out of what is stored for a consumer, once no version of the code is to handle them any
   * more. A process whose code still handles them adds them again at its next start. Resolves to the names
   * that are left.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN, or INTEGRATION_ADMIN_INVALID for names that are
   * not stored, or all of them
   */
  async removeNames(consumerName: string, eventNames: readonly string[]): Promise<string[]> {
    const left = await this.admin.changeEventNames(consumerName, (stored) =>
      remainingNames(consumerName, stored, eventNames),
    );
    if (left === undefined) throw unknownConsumer(consumerName);
    return left;
  }
}

/** Small transactions, until `limit` rows have changed or there are no more; resolves to their number. */
async function inPortions(
  limit: number,
  change: (some: number, after: RowPlace | undefined) => Promise<ChangedRows>,
): Promise<number> {
  let total = 0;
  let after: RowPlace | undefined;
  do {
    const { changed, last } = await change(Math.min(limit - total, CHANGED_AT_ONCE), after);
    total += changed;
    after = last;
  } while (after !== undefined && total < limit);
  return total;
}
