import { Injectable } from '@nestjs/common';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { checkNames } from '../log/query-checks.js';
import { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import { checkRename, notRenamed, remainingNames, stillActive, unknownConsumer } from './admin-checks.js';
import { ConsumerAdminStore } from './consumer-admin.store.js';
import { type CursorStatus, CursorStatusStore } from './cursor-status.store.js';
import { type DiscardOptions, InboxAdmin } from './inbox-admin.js';
import { RenameStore } from './rename.store.js';
import type { RepartitionState } from './repartition-steps.js';
import { Repartitioning, type RepartitionOptions } from './repartitioning.js';
import type { ReplayFilter, ReplayRange, ReplayRequest, ReplayResult } from './replay.js';
import { Replaying } from './replaying.js';

/** A consumer partition: lag in positions and in seconds, owner, paused, dead letters. */
export type ConsumerView = CursorStatus & {
  /** No live process could work on it for `orphanAfterDays`. */
  orphaned: boolean;
};

/**
 * What admins do with consumers. Safe while the consumer runs, here or elsewhere: a process that works on it
 * follows within a beat (two seconds).
 */
@Injectable()
export class ConsumerService {
  constructor(
    private readonly status: CursorStatusStore,
    private readonly admin: ConsumerAdminStore,
    private readonly inbox: InboxAdmin,
    private readonly replaying: Replaying,
    private readonly repartitioning: Repartitioning,
    private readonly renaming: RenameStore,
    private readonly settings: IntegrationSettingsService,
  ) {}

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
  replay(
    consumerName: string,
    what: ReplayRange | ReplayFilter,
    options: { requestedBy?: string | undefined } = {},
  ): Promise<ReplayResult> {
    return this.replaying.replay(consumerName, what, options);
  }

  /** The filtered replays of one consumer, or of all, the newest first: how far each has come. */
  replays(consumerName?: string): Promise<ReplayRequest[]> {
    return this.replaying.replays(consumerName);
  }

  /**
   * Sends dead letters, and events that failed for good, on their way again, with all their attempts; the
   * oldest first, at most `limit` (default 100): one or two first, to see whether the cause is gone. Resolves
   * to their number. Order is not promised for redriven events.
   */
  redrive(filter: InboxFilter, options: { limit?: number } = {}): Promise<number> {
    return this.inbox.redrive(filter, options);
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
  discard(filter: InboxFilter, reason: string, options: DiscardOptions = {}): Promise<number> {
    return this.inbox.discard(filter, reason, options);
  }

  /**
   * Changes the number of partitions, while the consumer runs or not. Its owners hand over first; where
   * partitions are far apart, those behind catch up before the change, the others waiting for them. Rows of
   * the inbox move along. Resolves to `done`, or, when `timeoutMs` is up, to what is being waited for: the
   * processes go on with it by themselves. Asking for the number that is stored calls a change back.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN
   */
  repartition(
    consumerName: string,
    partitions: number,
    options: RepartitionOptions = {},
  ): Promise<RepartitionState> {
    return this.repartitioning.repartition(consumerName, partitions, options);
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
