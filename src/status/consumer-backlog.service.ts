import type { EngineDatabase } from '../database/engine-database.js';
import { DEFAULT_GAP_MS } from '../rates/backlog-samples.js';
import type { CurrentRates } from '../rates/consumer-rates.js';
import { type Counted, countedTo } from '../rates/counted.js';
import {
  checkChoice,
  checkCount,
  checkNames,
  checkPosition,
  checkText,
  checkUuid,
  pageSizeOf,
} from '../words/argument-checks.js';
import { BacklogEventsStore } from './backlog-events.store.js';
import { behindSentence, catchUpOf } from './catch-up.js';
import {
  BACKLOG_STATES,
  type BacklogPage,
  type BacklogPlace,
  type BacklogState,
  type BlockingEvent,
  type ConsumerBacklog,
} from './consumer-backlog.js';
import { BEHIND_COUNTED_TO, ConsumerBacklogStore, type InboxCounts } from './consumer-backlog.store.js';
import { type CursorStatus, CursorStatusStore, pendingIn } from './cursor-status.store.js';
import { unknownConsumer } from './unknown-consumer.js';
import { WhyNotYetService } from './why-not-yet.service.js';

const MOST_PROBES = 100;
const LONGEST_CONSUMER_NAME = 127;

/**
 * Tells what consumers have still to do. Two statements answer for all consumers together, and each looks at
 * a bounded part of the tables.
 */
export class ConsumerBacklogService {
  private readonly cursors: CursorStatusStore;
  private readonly inbox: ConsumerBacklogStore;
  private readonly single: BacklogEventsStore;
  private readonly whys: WhyNotYetService;

  constructor(private readonly db: EngineDatabase) {
    this.cursors = new CursorStatusStore(db);
    this.inbox = new ConsumerBacklogStore(db);
    this.single = new BacklogEventsStore(db);
    this.whys = new WhyNotYetService(db);
  }

  /**
   * Returns every registered consumer, by name. Counts are exact up to 10,000, but for `pending` with more
   * than 2,000 positions.
   */
  list(): Promise<ConsumerBacklog[]> {
    return this.backlogsOf(undefined);
  }

  /**
   * Returns one consumer. Counts are exact up to 10,000, `pending` as far as the first 20,000 events of the
   * log say that are not settled.
   *
   * @throws IntegrationError INTEGRATION_CONSUMER_UNKNOWN
   */
  async of(consumerName: string): Promise<ConsumerBacklog> {
    checkText('consumerName', consumerName, LONGEST_CONSUMER_NAME);
    const [backlog] = await this.backlogsOf(consumerName);
    if (backlog === undefined) throw unknownConsumer(consumerName, this.db);
    return backlog;
  }

  /**
   * Returns the events of one state by position, the oldest first, `limit` of them (1 to 1000, default 50). A
   * page looks at 100,000 positions or rows at most, so it may be empty although there is a next one.
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid state or page
   */
  async events(
    consumerName: string,
    state: BacklogState,
    page: { limit?: number | undefined; after?: BacklogPlace | undefined } = {},
  ): Promise<BacklogPage> {
    checkText('consumerName', consumerName, LONGEST_CONSUMER_NAME);
    checkChoice('state', state, BACKLOG_STATES);
    checkNames('a field of the page', page, ['limit', 'after']);
    checkPosition('after.position', page.after?.position);
    checkUuid('after.id', page.after?.id);
    const limit = pageSizeOf(page.limit);
    const { rows, lookedTo } =
      state === 'pending'
        ? await this.single.inLog(consumerName, limit, page.after?.position ?? 0)
        : await this.single.inInbox(consumerName, state, limit, page.after);
    const last = rows.at(-1);
    const isFull = last !== undefined && rows.length >= limit;
    const items = await this.whys.explained(consumerName, rows);
    return { items, next: isFull ? { position: last.position, id: last.id } : lookedTo };
  }

  private async backlogsOf(consumerName: string | undefined): Promise<ConsumerBacklog[]> {
    const [{ statuses: cursors, rates }, counts] = await Promise.all([
      this.cursors.withRates(DEFAULT_GAP_MS, { consumerName }),
      this.inbox.counts(consumerName),
    ]);
    const pending = consumerName === undefined ? undefined : await this.pendingOf(consumerName, cursors);
    const countsOf = new Map(counts.map((each) => [each.consumerName, each]));
    return [...byConsumer(cursors)].flatMap(([name, own]) => {
      const inInbox = countsOf.get(name);
      // Between the two statements a consumer may have been removed.
      return inInbox === undefined
        ? []
        : [backlogOf(own, inInbox, pending ?? countedTo(pendingIn(own).events), rates)];
    });
  }

  /** To look at that many events of every consumer would take too long, so this is for a single one. */
  private async pendingOf(consumerName: string, cursors: readonly CursorStatus[]): Promise<Counted> {
    const { events: known, isCounted } = pendingIn(cursors);
    if (isCounted) return countedTo(known);
    const { events, more } = await this.cursors.countPending(consumerName);
    return withMore(events, more);
  }

  /**
   * Returns the events that hold up others: they failed or were put off, they run again later, and later
   * events of their aggregate wait. It looks at the first of them by position, at most 100 (`limit`).
   *
   * @throws IntegrationError INTEGRATION_ADMIN_INVALID for an invalid filter or option
   */
  async blocking(
    filter: { consumerName?: string | undefined } = {},
    options: { limit?: number | undefined } = {},
  ): Promise<BlockingEvent[]> {
    checkNames('a field of a filter', filter, ['consumerName']);
    checkNames('an option', options, ['limit']);
    checkText('consumerName', filter.consumerName, LONGEST_CONSUMER_NAME);
    const limit = checkCount('limit', options.limit ?? MOST_PROBES, MOST_PROBES);
    const rows = await this.inbox.blocking(filter.consumerName, limit);
    rows.sort((a, b) => a.position - b.position);
    return rows.map(({ behind, ...row }) => ({ ...row, behind: countedTo(behind, BEHIND_COUNTED_TO) }));
  }
}

function byConsumer(cursors: readonly CursorStatus[]): Map<string, CursorStatus[]> {
  const consumers = new Map<string, CursorStatus[]>();
  for (const cursor of cursors) {
    const known = consumers.get(cursor.consumerName);
    if (known === undefined) consumers.set(cursor.consumerName, [cursor]);
    else known.push(cursor);
  }
  return consumers;
}

function backlogOf(
  cursors: readonly CursorStatus[],
  counts: InboxCounts,
  pending: Counted,
  rates: CurrentRates | undefined,
): ConsumerBacklog {
  const [first] = cursors;
  const lag = lagOf(cursors, counts, rates);
  const ofFailed = (count: number) => withMore(count, counts.moreFailed);
  const ofReceived = (count: number) => withMore(count, counts.moreReceived);
  return {
    consumerName: counts.consumerName,
    partitions: cursors.length,
    pending,
    running: countedTo(counts.running),
    retrying: ofFailed(counts.retrying),
    postponed: ofFailed(counts.postponed),
    postponedSince: counts.postponedSince,
    waiting: ofReceived(counts.waiting),
    delayed: ofReceived(counts.delayed),
    failedForGood: ofFailed(counts.failedForGood),
    deadLetters: countedTo(counts.deadLetters),
    lag,
    says: behindSentence(lag),
    paused:
      first === undefined || first.pausedSince === null
        ? null
        : { since: first.pausedSince, by: first.pausedBy, reason: first.pauseReason },
    owners: ownersOf(cursors),
  };
}

/** If not all rows of the status were looked at, there may be more of each kind. */
function withMore(count: number, isMore: boolean): Counted {
  const counted = countedTo(count);
  return { ...counted, atLeast: counted.atLeast || isMore };
}

function lagOf(
  cursors: readonly CursorStatus[],
  counts: InboxCounts,
  rates: CurrentRates | undefined,
): ConsumerBacklog['lag'] {
  const inLog = cursors.flatMap(({ oldestPosition: position, lagSeconds: seconds, lagIsAtMost: isAtMost }) =>
    position === null || seconds === null ? [] : [{ position, seconds, isAtMost }],
  );
  const { head, oldestPosition, oldestSeconds } = counts;
  const inInbox =
    oldestPosition === null
      ? []
      : [{ position: oldestPosition, seconds: oldestSeconds ?? 0, isAtMost: false }];
  const all = [...inLog, ...inInbox];
  if (all.length === 0) return null;
  const oldest = all.reduce((least, { position }) => Math.min(least, position), Number.POSITIVE_INFINITY);
  const seconds = all.reduce((most, each) => Math.max(most, each.seconds), 0);
  const isAtMost = all.every((each) => each.isAtMost);
  return {
    positions: Math.max(1, head - oldest + 1),
    seconds,
    isAtMost,
    since: new Date(Date.now() - seconds * 1_000),
    caughtUpInSeconds: catchUpOf(cursors, rates),
  };
}

function ownersOf(cursors: readonly CursorStatus[]): ConsumerBacklog['owners'] {
  const owners = new Map<string, ConsumerBacklog['owners'][number]>();
  for (const { owner, partition } of cursors) {
    if (owner === null) continue;
    const known = owners.get(owner.id);
    if (known === undefined) owners.set(owner.id, { ...owner, partitions: [partition] });
    else known.partitions.push(partition);
  }
  return [...owners.values()];
}
