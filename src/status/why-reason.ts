import type { CursorFacts, DeliveryFacts, RunningEvent } from './why-facts.store.js';
import type { EarlierEvent, Reason } from './why-not-yet.js';

/** What the log, the inbox, the cursor and the processes say of one event at one consumer. */
export interface Known {
  readonly delivery: DeliveryFacts;
  readonly cursor: CursorFacts;
  /** What the owner of the partition has run for long. */
  readonly running: readonly RunningEvent[];
}

/** The reason is a place in the queue, and somebody has still to look at what is before it. */
export const IN_QUEUE = Symbol('in the queue');

/**
 * Finds why an event was not handled yet. Several things may be so at once, and the first that is listed here
 * is the reason: what comes later would change nothing as long as it lasts. An attempt that runs comes before
 * the pause of its consumer, because a pause lets it end.
 *
 * Undefined if there is nothing to wait for: the event is done, or nobody tries it again.
 */
export function reasonOf(known: Known): Reason | typeof IN_QUEUE | undefined {
  if (isAtRest(known.delivery)) return undefined;
  return (
    runs(known) ??
    cannotBegin(known.cursor) ??
    isEarly(known) ??
    isBehind(known) ??
    nobodyWorks(known.cursor) ??
    isOutOfReach(known.cursor) ??
    IN_QUEUE
  );
}

function isAtRest({ status, dueAt, isUnread }: DeliveryFacts): boolean {
  if (status === null) return !isUnread;
  if (status === 'failed') return dueAt === null;
  return status !== 'received' && status !== 'processing';
}

function runs({ delivery, cursor, running }: Known): Reason | undefined {
  const run = running.find(({ position }) => position === delivery.position);
  if (run !== undefined) {
    const { attempt, events, process, since } = run;
    return { code: 'running', since: new Date(since), attempt, events, process };
  }
  const { status, attemptCount, updatedAt } = delivery;
  // A retry that has just begun. A process says only of what has run for two seconds that it runs.
  if (status !== 'processing' || cursor.owner === null || cursor.isOwnerGone || updatedAt === null)
    return undefined;
  return {
    code: 'running',
    since: updatedAt,
    attempt: attemptCount ?? 1,
    events: 1,
    process: cursor.owner,
  };
}

/** Nothing of the consumer begins, whatever the event. */
function cannotBegin(cursor: CursorFacts): Reason | undefined {
  const { pausedAt, pausedBy, pauseReason, isHeldBack, repartitionTo, repartitionAskedAt } = cursor;
  if (pausedAt !== null) return { code: 'paused', since: pausedAt, by: pausedBy, because: pauseReason };
  if (isHeldBack) return { code: 'changing-partitions', to: repartitionTo, since: repartitionAskedAt };
  const { handledBy, isOwned, servedAt } = cursor;
  if (isOwned || handledBy.some(({ isAble }) => isAble)) return undefined;
  if (handledBy.length > 0 && handledBy.every(({ isOff }) => isOff))
    return { code: 'handlers-off', processes: handledBy.map(named) };
  const lacking = handledBy.filter(({ isOff }) => !isOff).map(named);
  return { code: 'no-handler', lastSeen: servedAt, lacking };
}

function isEarly({ delivery, cursor: { now } }: Known): Reason | undefined {
  const { dueAt, status, attemptCount, postponedSince } = delivery;
  if (dueAt === null || dueAt <= now) return undefined;
  if (status !== 'failed') return { code: 'not-before', at: dueAt };
  return postponedSince === null
    ? { code: 'retry', at: dueAt, attempts: attemptCount ?? 1 }
    : { code: 'postponed', at: dueAt, since: postponedSince };
}

/**
 * An event waits behind another one if its row says so, or if a handler runs for long whose consumer keeps
 * the order. A row that waits may be behind an attempt that has no row.
 */
function isBehind({ delivery, cursor, running }: Known): Reason | undefined {
  const { position, aggregateType, aggregateId, waits, earlier } = delivery;
  const run = running.find(
    (each) =>
      each.holdsUp &&
      each.position < position &&
      each.aggregateType === aggregateType &&
      each.aggregateId === aggregateId,
  );
  if (run !== undefined) return { code: 'behind-entity', earlier: earlierOfRun(run) };
  if (!waits) return undefined;
  return { code: 'behind-entity', earlier: earlier === null ? null : earlierOfRow(earlier, cursor) };
}

function earlierOfRun({ position, outboxEventId, since, process }: RunningEvent): EarlierEvent {
  return { position, outboxEventId, state: 'running', at: null, since: new Date(since), process };
}

function earlierOfRow(row: NonNullable<DeliveryFacts['earlier']>, cursor: CursorFacts): EarlierEvent {
  const { position, outboxEventId, status, dueAt, isPostponed, updatedAt } = row;
  const said = { position, outboxEventId, at: null, since: null, process: null };
  if (status === 'processing')
    return { ...said, state: 'running', since: new Date(updatedAt), process: cursor.owner };
  if (status !== 'failed' || dueAt === null) return { ...said, state: 'next' };
  const time = new Date(dueAt);
  return { ...said, state: isPostponed ? 'postponed' : 'retry', at: time > cursor.now ? time : null };
}

function nobodyWorks({
  isOwned,
  isOwnerGone,
  owner,
  leaseUntil,
  handledBy,
}: CursorFacts): Reason | undefined {
  if (isOwned && !isOwnerGone) return undefined;
  const able = handledBy.filter(({ isAble }) => isAble).map(named);
  return {
    code: 'no-owner',
    owner: isOwnerGone ? owner : null,
    until: isOwnerGone ? leaseUntil : null,
    able,
  };
}

function isOutOfReach({ unavailable, owner }: CursorFacts): Reason | undefined {
  if (unavailable === null || owner === null) return undefined;
  const { since, reason } = unavailable;
  return { code: 'unavailable', since: new Date(since), because: reason, process: owner };
}

function named({ id, host, pid }: CursorFacts['handledBy'][number]) {
  return { id, host, pid };
}
