import type { EngineDatabase } from '../database/engine-database.js';
import { checkCount, checkNames, checkText } from '../events/argument-checks.js';
import type { BlockingEvent, ConsumerBacklog } from './consumer-backlog.js';
import { BEHIND_COUNTED_TO, ConsumerBacklogStore, type InboxCounts } from './consumer-backlog.store.js';
import { COUNTED_TO, type Counted, countedTo } from './counted.js';
import { type CursorStatus, CursorStatusStore } from './cursor-status.store.js';

const MOST_PROBES = 100;
const LONGEST_CONSUMER_NAME = 127;

/**
 * Tells what consumers have still to do. Two statements answer for all consumers together, and each looks at
 * a bounded part of the tables.
 */
export class ConsumerBacklogService {
  private readonly cursors: CursorStatusStore;
  private readonly inbox: ConsumerBacklogStore;

  constructor(db: EngineDatabase) {
    this.cursors = new CursorStatusStore(db);
    this.inbox = new ConsumerBacklogStore(db);
  }

  /** Returns every registered consumer, by name. Counts are exact up to 10,000. */
  async list(): Promise<ConsumerBacklog[]> {
    const [cursors, counts] = await Promise.all([this.cursors.cursorStatuses(), this.inbox.counts()]);
    const countsOf = new Map(counts.map((each) => [each.consumerName, each]));
    return [...byConsumer(cursors)].flatMap(([name, own]) => {
      const inInbox = countsOf.get(name);
      // Between the two statements a consumer may have been removed.
      return inInbox === undefined ? [] : [backlogOf(own, inInbox)];
    });
  }

  /**
   * Returns the events that hold up others: they failed, their retry is still to come, and later events of
   * their aggregate wait. It looks at the first of them by position, at most 100 (`limit`).
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

function backlogOf(cursors: readonly CursorStatus[], counts: InboxCounts): ConsumerBacklog {
  const [first] = cursors;
  const ofFailed = (count: number) => withMore(count, counts.moreFailed);
  const ofReceived = (count: number) => withMore(count, counts.moreReceived);
  return {
    consumerName: counts.consumerName,
    partitions: cursors.length,
    pending: pendingOf(cursors),
    running: countedTo(counts.running),
    retrying: ofFailed(counts.retrying),
    waiting: ofReceived(counts.waiting),
    delayed: ofReceived(counts.delayed),
    failedForGood: ofFailed(counts.failedForGood),
    deadLetters: countedTo(counts.deadLetters),
    lag: lagOf(cursors, counts),
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

function pendingOf(cursors: readonly CursorStatus[]): Counted {
  const sum = (of: (cursor: CursorStatus) => number) => cursors.reduce((total, each) => total + of(each), 0);
  return countedTo(
    sum(({ pendingEvents, pendingPositions }) => pendingEvents ?? pendingPositions),
    COUNTED_TO,
  );
}

function lagOf(cursors: readonly CursorStatus[], counts: InboxCounts): ConsumerBacklog['lag'] {
  const inLog = cursors.flatMap(({ oldestPosition: position, lagSeconds: seconds }) =>
    position === null || seconds === null ? [] : [{ position, seconds }],
  );
  const { head, oldestPosition, oldestSeconds } = counts;
  const inInbox = oldestPosition === null ? [] : [{ position: oldestPosition, seconds: oldestSeconds ?? 0 }];
  const all = [...inLog, ...inInbox];
  if (all.length === 0) return null;
  const oldest = all.reduce((least, { position }) => Math.min(least, position), Number.POSITIVE_INFINITY);
  return {
    positions: Math.max(1, head - oldest + 1),
    seconds: all.reduce((most, { seconds }) => Math.max(most, seconds), 0),
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
