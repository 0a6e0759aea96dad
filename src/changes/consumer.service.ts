import { AUTHOR_FIELDS, authorOf, type ChangeAuthor } from '../audit/change-author.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { DEFAULT_GAP_MS } from '../rates/backlog-samples.js';
import type { CurrentRates } from '../rates/consumer-rates.js';
import type { IntegrationSettingsService } from '../settings/integration-settings.service.js';
import {
  CONSUMER_ORDERS,
  type ConsumerOrder,
  type ConsumerPlace,
  inOrder,
  placeOf,
} from '../status/consumer-order.js';
import {
  CONSUMER_STATES,
  type ConsumerState,
  type ListedConsumer,
  listedOf,
} from '../status/consumer-summary.js';
import {
  type ConsumerSelection,
  type CursorStatus,
  CursorStatusStore,
} from '../status/cursor-status.store.js';
import type { ConsumersOverview, OverviewStore } from '../status/overview.store.js';
import { unknownConsumer } from '../status/unknown-consumer.js';
import {
  checkChoice,
  checkCount,
  checkNames,
  checkText,
  invalidArgument,
  pageSizeOf,
} from '../words/argument-checks.js';
import type { OperationFilter } from './chosen/operation-filter.js';
import { ConsumerAdminStore } from './consumer-admin.store.js';
import { checkRename, notRenamed, remainingNames, stillActive } from './consumer-checks.js';
import { type DiscardOneOptions, OneEvent } from './one-event.js';
import type { Operation, OperationRequest } from './operations/operation.js';
import type { OperationService } from './operations/operation.service.js';
import { RenameStore } from './rename.store.js';
import type { RepartitionState } from './repartition-steps.js';
import { Repartitioning, type RepartitionOptions } from './repartitioning.js';
import type { ReplayedRange, ReplayFilter, ReplayRange } from './replay.js';
import { ReplayStore } from './replay.store.js';
import { replayAtOnce } from './replay-at-once.js';

/** The state of one partition of a consumer: lag in positions and in seconds, owner, pause, dead letters. */
export type ConsumerView = CursorStatus & {
  /** True when no live process could work on the consumer for `orphanAfterDays` days. */
  orphaned: boolean;
};

/** A limit is for pages, whose number of rows fits into an integer of the database. */
const MOST_LISTED = 1_000_000;

/** The default number of dead letters that one `redrive` sends. */
const REDRIVE_LIMIT = 100;
const START_FIELDS = [
  'maxEvents',
  'rate',
  'stopAfter',
  ...AUTHOR_FIELDS,
] as const satisfies (keyof StartOptions)[];
const DISCARD_FIELDS = [
  'states',
  'maxEvents',
  'rate',
  'by',
  'via',
  'idempotencyKey',
] as const satisfies (keyof DiscardOptions)[];

/** How many events an operation takes at most, how fast, and when it stops: see `OperationRequest`. */
export interface StartOptions
  extends ChangeAuthor,
    Pick<OperationRequest, 'maxEvents' | 'rate' | 'stopAfter'> {}

export interface DiscardOptions
  extends Omit<ChangeAuthor, 'reason'>,
    Pick<OperationRequest, 'states' | 'maxEvents' | 'rate'> {}

export interface RemoveOptions extends ChangeAuthor {
  /** Also while live processes work on the consumer or have handlers for it. The default is false. */
  force?: boolean | undefined;
}

/** A page of consumers, and the place at which the next one begins. */
export interface ConsumerPage {
  readonly consumers: readonly ListedConsumer<ConsumerView>[];
  readonly next: ConsumerPlace | null;
}

/** Which consumers stand on a page, in which order. */
export interface ConsumerPageRequest extends Omit<ConsumerSelection, 'after'> {
  /** The default is `name`. */
  order?: ConsumerOrder | undefined;
  /** Only consumers in this state. */
  state?: ConsumerState | undefined;
  /** The `next` of the page before, in the same order. */
  after?: ConsumerPlace | undefined;
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
    private readonly operations: OperationService,
    private readonly oneEvent: OneEvent,
    private readonly replayed: ReplayStore,
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
    return this.overviews.overview(this.settings.snapshot().orphanAfterDays, DEFAULT_GAP_MS);
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
    const { statuses, rates } = await this.status.withRates(DEFAULT_GAP_MS, selection);
    return { consumers: consumerViews(statuses, this.settings.snapshot().orphanAfterDays), rates };
  }

  /**
   * Returns a page of consumers, with all partitions of each (`limit`: 1 to 1,000,000, default 50). By name,
   * it reads the consumers of the page alone. For a state or another order it reads all consumers first. A
   * consumer whose value changes between two pages moves in the order.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid selection, order, state or place
   */
  async page(request: ConsumerPageRequest = {}): Promise<ConsumerPage> {
    const { order = 'name', state, after, limit = pageSizeOf(), ...selection } = request;
    checkSelection({ ...selection, limit });
    checkChoice('order', order, CONSUMER_ORDERS);
    if (state !== undefined) checkChoice('state', state, CONSUMER_STATES);
    if (after !== undefined) checkPlace(after);
    const isByName = order === 'name' && state === undefined;
    const oneMore = Math.min(limit + 1, MOST_LISTED);
    const read = isByName ? { ...selection, after: after?.consumerName, limit: oneMore } : selection;
    const { consumers, rates } = await this.listWithRates(read);
    const listed = listedOf(consumers, rates);
    const chosen = isByName
      ? listed
      : inOrder(
          state === undefined ? listed : listed.filter(({ summary }) => summary.state === state),
          order,
          after,
        );
    const page = chosen.slice(0, limit);
    const last = page.at(-1);
    return { consumers: page, next: last && chosen.length > limit ? placeOf(last, order) : null };
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
   * Delivers events to a consumer again, as a stored operation that it plans and starts. The filter chooses
   * by positions, names, an aggregate or times. The consumer's owner works the replay off beside its other
   * work. An event that is not settled yet (unread, running, or waiting for a retry) is delivered once in any
   * case and left as it is. Events whose names the consumer did not have when it passed them are delivered
   * too. The order of replayed events is not guaranteed.
   *
   * It returns before events are sent: `OperationService.get` says how far the operation is. If no process
   * runs the consumer, it waits for one. `OperationService.plan` counts first.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN, or INTEGRATION_ADMIN_INVALID for an invalid filter
   * or option
   */
  async replay(consumerName: string, filter: ReplayFilter, options: StartOptions = {}): Promise<Operation> {
    checkNames('an option of replay', options, START_FIELDS);
    return this.operations.start({ kind: 'replay', filter: { ...filter, consumerName }, ...options });
  }

  /**
   * Puts a range of positions back into the cursor at once, for all of the consumer's event names. It starts
   * no operation, so it needs no running process, and it cannot be cancelled. If `from` is before the first
   * event of the log, the replay starts at that event. Events that are not settled yet are left as they are.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN, or INTEGRATION_ADMIN_INVALID for an invalid range
   */
  async replayAtOnce(
    consumerName: string,
    range: ReplayRange,
    author: ChangeAuthor = {},
  ): Promise<ReplayedRange> {
    return replayAtOnce({ replayed: this.replayed, target: this.admin.target }, consumerName, range, author);
  }

  /**
   * Sends dead letters, and events that failed for good, again with all their attempts, as a stored operation
   * that it plans and starts. It takes the oldest first, at most `maxEvents`: by default 100, or all of the
   * events that `outboxEventIds` names. Send one or two first to see whether the cause is gone. The order of
   * redriven events is not guaranteed. What failed before stays readable: see `InboxService.historyOf`.
   *
   * It returns before events are sent: `OperationService.get` says how far the operation is. If no process
   * runs consumers, it waits for one.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid filter or option
   */
  async redrive(filter: OperationFilter, options: StartOptions = {}): Promise<Operation> {
    checkNames('an option of redrive', options, START_FIELDS);
    const maxEvents = options.maxEvents ?? (filter.outboxEventIds === undefined ? REDRIVE_LIMIT : undefined);
    return this.operations.start({ kind: 'redrive', filter, ...options, maxEvents });
  }

  /**
   * Sends one event of one consumer again at once, with all its attempts. The filter has `consumerName`, and
   * `position` or `outboxEventId`. Resolves to false if the event is not a dead letter there and has not
   * failed for good. It needs no running process.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for a filter that does not name one event
   */
  async redriveOne(event: InboxFilter, author: ChangeAuthor = {}): Promise<boolean> {
    return this.oneEvent.redrive(event, author);
  }

  /**
   * Sets events aside for good, as a stored operation that it plans and starts. They become `skipped`, with
   * `{ by, reason, at }` as their resolution. The error of their failure stays. It takes dead letters, failed
   * events (with or without a further retry), and events that wait or are delayed. It leaves events that run
   * at this moment. Events that waited behind a discarded one go on.
   *
   * It returns before events are set aside: `OperationService.get` says how far the operation is. If no
   * process runs consumers, it waits for one.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID without a reason, or for an empty filter
   */
  async discard(filter: OperationFilter, reason: string, options: DiscardOptions = {}): Promise<Operation> {
    checkNames('an option of discard', options, DISCARD_FIELDS);
    return this.operations.start({ kind: 'discard', filter, ...options, reason });
  }

  /**
   * Sets one event of one consumer aside for good, at once. The filter has `consumerName`, and `position` or
   * `outboxEventId`. It takes the event in any state. This includes an event that has no inbox row yet, and
   * one that runs. The consumer's owner removes the event from its memory within a beat (two seconds). A run
   * that has begun goes on to its end, but its result no longer counts. Resolves to whether the event was set
   * aside. It needs no running process.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID without a reason, or for a filter that does not name
   * one event; INTEGRATION_CONSUMER_ACTIVE for an event whose own transaction is still open after ten seconds
   */
  async discardOne(event: InboxFilter, reason: string, options: DiscardOneOptions = {}): Promise<boolean> {
    return this.oneEvent.discard(event, reason, options);
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

function checkPlace(after: ConsumerPlace): void {
  checkNames('a field of after', after, ['consumerName', 'value']);
  checkText('consumerName', after.consumerName);
  if (!Number.isFinite(after.value))
    throw invalidArgument('after.value must be a number, as `next` of the page before has it', {
      field: 'after',
    });
}

function checkSelection(selection: ConsumerSelection): void {
  checkNames('a field of the selection', selection, [
    'consumerName',
    'nameContains',
    'paused',
    'after',
    'limit',
  ]);
  checkText('consumerName', selection.consumerName);
  checkText('nameContains', selection.nameContains);
  if (selection.paused !== undefined) checkChoice('paused', selection.paused, [true, false]);
  checkText('after', selection.after);
  if (selection.limit !== undefined) checkCount('limit', selection.limit, MOST_LISTED);
}
