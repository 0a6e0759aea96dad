import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../audit/change-author.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { DEFAULT_SAMPLE_TIMES, GAP_IN_SAMPLES } from '../rates/backlog-samples.js';
import type { CurrentRates } from '../rates/consumer-rates.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import {
  type ConsumerSelection,
  type CursorStatus,
  CursorStatusStore,
} from '../status/cursor-status.store.js';
import type { ConsumersOverview, OverviewStore } from '../status/overview.store.js';
import { unknownConsumer } from '../status/unknown-consumer.js';
import { checkCount, checkNames, checkText } from '../words/argument-checks.js';
import { checkRename, notRenamed, remainingNames, stillActive } from './admin-checks.js';
import { ConsumerAdminStore } from './consumer-admin.store.js';
import { type DiscardOptions, InboxAdmin, type RedriveOptions } from './inbox-admin.js';
import { RenameStore } from './rename.store.js';
import type { RepartitionState } from './repartition-steps.js';
import { Repartitioning, type RepartitionOptions } from './repartitioning.js';
import type { ReplayFilter, ReplayRange, ReplayRequest, ReplayResult } from './replay.js';
import { Replaying } from './replaying.js';

/** The state of one partition of a consumer: lag in positions and in seconds, owner, pause, dead letters. */
export type ConsumerView = CursorStatus & {
  /** True when no live process could work on the consumer for `orphanAfterDays` days. */
  orphaned: boolean;
};

/** A limit is for pages, whose number of rows fits into an integer of the database. */
const MOST_LISTED = 1_000_000;
/** The longest time between two samples that follow each other. */
const GAP_MS = GAP_IN_SAMPLES * DEFAULT_SAMPLE_TIMES.everyMs;

export interface RemoveOptions extends ChangeAuthor {
  /** Also while live processes work on the consumer or have handlers for it. The default is false. */
  force?: boolean | undefined;
}

/** Adds to each state whether the consumer is orphaned. */
export function consumerViews(consumers: readonly CursorStatus[], orphanAfterDays: number): ConsumerView[] {
  const before = Date.now() - orphanAfterDays * 24 * 3_600_000;
  return consumers.map((consumer) => ({
    ...consumer,
    orphaned: consumer.owner === null && consumer.servedAt.getTime() < before,
  }));
}

/**
 * What admins do with consumers. It is safe while the consumer runs, in this process or elsewhere. A process
 * that works on the consumer follows within a beat (two seconds). Each change can say who makes it and why
 * (`by`, `reason`), and is noted in the audit with that. A call that changes nothing is not noted.
 */
export class ConsumerService {
  constructor(
    private readonly status: CursorStatusStore,
    private readonly overviews: OverviewStore,
    private readonly admin: ConsumerAdminStore,
    private readonly inbox: InboxAdmin,
    private readonly replaying: Replaying,
    private readonly repartitioning: Repartitioning,
    private readonly renaming: RenameStore,
    private readonly settings: IntegrationSettingsService,
  ) {}

  /**
   * Returns every registered consumer, by name and partition. It returns one consumer if a name is given, or
   * the consumers with a name after `after`, and at most `limit` consumers.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid selection
   */
  async list(selection: ConsumerSelection = {}): Promise<ConsumerView[]> {
    checkSelection(selection);
    return consumerViews(
      await this.status.cursorStatuses(selection),
      this.settings.snapshot().orphanAfterDays,
    );
  }

  /** Tells how all consumers together do. It costs less than `list()`, which counts their events too. */
  overview(): Promise<ConsumersOverview> {
    return this.overviews.overview(this.settings.snapshot().orphanAfterDays, GAP_MS);
  }

  /**
   * Returns the same consumers as `list`, and the rates of the last minute. Without consumers there are no
   * rates.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid selection
   */
  async listWithRates(
    selection: ConsumerSelection = {},
  ): Promise<{ consumers: ConsumerView[]; rates: CurrentRates | undefined }> {
    checkSelection(selection);
    const { statuses, rates } = await this.status.withRates(GAP_MS, selection);
    return { consumers: consumerViews(statuses, this.settings.snapshot().orphanAfterDays), rates };
  }

  /**
   * Stops a consumer until `resume`, also across restarts. From its next beat on (two seconds), its owner
   * reads and starts nothing more. It lets running handlers finish, saves, and gives the lease back. Events
   * can still be published for the consumer.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN
   */
  async pause(consumerName: string, author: ChangeAuthor = {}): Promise<void> {
    checkNames('an option of pause', author, AUTHOR_FIELDS);
    if (!(await this.admin.pause(consumerName, authorOf(author))))
      throw unknownConsumer(consumerName, this.admin.target);
  }

  /** Lets a paused consumer go on where it stopped. It starts with the next beat of a process. */
  async resume(consumerName: string, author: ChangeAuthor = {}): Promise<void> {
    checkNames('an option of resume', author, AUTHOR_FIELDS);
    if (!(await this.admin.resume(consumerName, authorOf(author))))
      throw unknownConsumer(consumerName, this.admin.target);
  }

  /**
   * Delivers events to a consumer again. An event that is not settled yet (unread, running, or waiting for a
   * retry) is delivered once in any case and left as it is. The order of replayed events is not guaranteed.
   *
   * - `{ from, to? }` is a range of positions. It is replayed at once, for all of the consumer's event names.
   *   If `from` is before the first event of the log, the replay starts at that event.
   * - A filter with `eventNames`, `aggregateType`, `aggregateId`, `since` or `until` is kept as a request.
   *   The consumer's owner works it off beside its other work (see `replays()`). This also delivers events
   *   whose names the consumer did not have when it passed them.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN, or INTEGRATION_ADMIN_INVALID for an invalid
   * selection
   */
  replay(
    consumerName: string,
    what: ReplayRange | ReplayFilter,
    options: ChangeAuthor = {},
  ): Promise<ReplayResult> {
    return this.replaying.replay(consumerName, what, options);
  }

  /**
   * Returns the filtered replays of one consumer, or of all, the newest first. Each says how far it has come.
   */
  replays(consumerName?: string): Promise<ReplayRequest[]> {
    return this.replaying.replays(consumerName);
  }

  /**
   * Sends dead letters, and events that failed for good, again with all their attempts. It sends the oldest
   * first, at most `limit` (default 100). Send one or two first to see whether the cause is gone. Resolves to
   * the number of events. The order of redriven events is not guaranteed. What failed before stays readable:
   * see `InboxService.historyOf`.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid filter or option
   */
  redrive(filter: InboxFilter, options: RedriveOptions = {}): Promise<number> {
    return this.inbox.redrive(filter, options);
  }

  /**
   * Sets events aside for good. They become `skipped`, with `{ by, reason, at }` as their resolution. The
   * error of their failure stays. It takes dead letters, failed events (with or without a further retry), and
   * events that wait or are delayed. It leaves events that run at this moment. Events that waited behind a
   * discarded one go on. Resolves to the number of events.
   *
   * A filter with `consumerName` and one event (`position` or `outboxEventId`) takes that event in any state.
   * This includes an event that has no inbox row yet, and one that runs. The consumer's owner removes the
   * event from its memory within a beat (two seconds). A run that has begun goes on to its end, but its
   * result no longer counts.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID without a reason, or for an empty filter;
   * INTEGRATION_CONSUMER_ACTIVE for one event whose own transaction is still open after ten seconds
   */
  discard(filter: InboxFilter, reason: string, options: DiscardOptions = {}): Promise<number> {
    return this.inbox.discard(filter, reason, options);
  }

  /**
   * Changes the number of partitions, whether the consumer runs or not. Its owners hand over first. If the
   * partitions are far apart, those behind catch up before the change, and the others wait for them. Rows of
   * the inbox move with their aggregates. Resolves to `done`. After `timeoutMs` milliseconds, it resolves to
   * what the change waits for, and the processes go on with the change by themselves. A request for the
   * stored number cancels a change.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN
   */
  repartition(
    consumerName: string,
    partitions: number,
    options: RepartitionOptions = {},
  ): Promise<Exclude<RepartitionState, 'unknown'>> {
    return this.repartitioning.repartition(consumerName, partitions, options);
  }

  /**
   * Deletes a consumer: its cursor, its inbox rows and its replays. This is refused while a live process
   * works on the consumer or has handlers for it, unless `force` is true. Such a process registers the
   * consumer again at its next start.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN, or INTEGRATION_CONSUMER_ACTIVE naming the
   * processes
   */
  async remove(consumerName: string, options: RemoveOptions = {}): Promise<void> {
    checkNames('an option of remove', options, ['force', ...AUTHOR_FIELDS]);
    const leaseMs = this.settings.snapshot().processingLeaseMs;
    const removed = await this.admin.removeCursors(
      consumerName,
      { force: options.force ?? false, leaseMs },
      authorOf(options),
    );
    if (removed !== undefined && removed.users.length > 0) throw stillActive(consumerName, removed.users);
    // The loop also deletes rows that an interrupted removal has left without a cursor.
    let deleted = 0;
    for (let some = -1; some !== 0; deleted += some) {
      some = await this.admin.deleteSomeRows(consumerName, removed?.removedAt ?? new Date());
    }
    if (removed === undefined && deleted === 0) throw unknownConsumer(consumerName, this.admin.target);
  }

  /**
   * Gives a consumer another name. Its place in the log, its retries, dead letters and replays keep their
   * state. Stop the old code, rename, and then start the new code. All rows move in one transaction. If its
   * statement takes longer than 15 seconds, nothing has changed. Transactions that write to the inbox are
   * waited for, up to ten seconds.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN; INTEGRATION_CONSUMER_ACTIVE while a live process
   * works on it or has handlers for it; INTEGRATION_ADMIN_INVALID for an invalid new name, or for one that
   * has a place or rows of its own
   */
  async rename(oldName: string, newName: string, author: ChangeAuthor = {}): Promise<void> {
    checkRename(oldName, newName);
    checkNames('an option of rename', author, AUTHOR_FIELDS);
    const { processingLeaseMs } = this.settings.snapshot();
    const result = await this.renaming.rename(oldName, newName, processingLeaseMs, authorOf(author));
    if (result !== 'done') throw notRenamed(oldName, newName, result, this.admin.target);
  }

  /**
   * Removes event names that are stored for a consumer. Use it when no version of the code will handle them
   * any more. A process whose code still handles them adds them again at its next start. Resolves to the
   * names that are left.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN, or INTEGRATION_ADMIN_INVALID for names that are
   * not stored, or for all stored names
   */
  async removeNames(
    consumerName: string,
    eventNames: readonly string[],
    author: ChangeAuthor = {},
  ): Promise<string[]> {
    checkNames('an option of removeNames', author, AUTHOR_FIELDS);
    const left = await this.admin.changeEventNames(
      consumerName,
      (stored) => remainingNames(consumerName, stored, eventNames),
      authorOf(author),
    );
    if (left === undefined) throw unknownConsumer(consumerName, this.admin.target);
    return left;
  }
}

function checkSelection(selection: ConsumerSelection): void {
  checkNames('a field of the selection', selection, ['consumerName', 'after', 'limit']);
  checkText('consumerName', selection.consumerName);
  checkText('after', selection.after);
  if (selection.limit !== undefined) checkCount('limit', selection.limit, MOST_LISTED);
}
