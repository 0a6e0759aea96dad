import { setTimeout as delay } from 'node:timers/promises';
import type { EngineDatabase } from '../database/engine-database.js';
import { codeLiteral, commandLine, sqlLiteral } from '../database/sql/pasteable-text.js';
import { tablesOf } from '../database/sql/tables.js';
import { ConsumerPresenceStore } from '../membership/consumer-presence.store.js';
import type { OutboxSettings } from '../settings/settings-definitions.js';
import { unservedConsumers } from '../status/unserved.store.js';
import {
  ConsumerHealthStore,
  type KnownTasks,
  type LeaseProblem,
  type PartialRowProblem,
  type PoolProblem,
  type PostponedEvents,
  type RowProblem,
} from './consumer-health.store.js';
import { type Check, type Found, secondsAgo } from './finding.js';
import { UnroutedEventStore } from './unrouted-event.store.js';

type Findings = Found[];

const WAITING_MINUTES = 15;
const POSTPONED_HOURS = 24;
const POOL_HOURS = 24;
const POOL_ROWS = 200;
const LEASES_TOO_LONG = 20;
const LEASES_NOT_TAKEN_OVER = 10;
const HOUR_SECONDS = 3_600;
const LATE_HOURS = 1;
const LATEST_EVENTS = 10_000;
const MOST_NAMED = 5;
const BACK_WITHIN_MS = 2_000;

/**
 * Checks of cursors, inbox and leases, and of who consumes what.
 *
 * @param mostRows of the inbox whose events are looked up in the log
 */
export function consumerChecks(
  db: EngineDatabase,
  settings: Readonly<OutboxSettings>,
  tasks: KnownTasks,
  mostRows: number,
): Check[] {
  const store = new ConsumerHealthStore(db);
  return [
    { name: 'consumer-partitions', severity: 'critical', run: () => tornFindings(store) },
    { name: 'cursor-closed', severity: 'critical', run: () => closedFindings(store, db.schema) },
    { name: 'inbox-and-cursor', run: async () => (await store.rowsStillUnread()).map(stillUnread) },
    {
      name: 'inbox-without-event',
      run: async () =>
        (await store.rowsWithoutEvent(mostRows)).map((problem) => withoutEvent(problem, db.schema)),
    },
    {
      name: 'inbox-partition',
      severity: 'critical',
      run: async () => (await store.rowsOfOtherPartitions()).map(ofOtherPartition),
    },
    {
      name: 'inbox-waiting',
      severity: 'critical',
      run: async () => (await store.rowsWaitingForNobody(WAITING_MINUTES)).map(waitingForNobody),
    },
    {
      name: 'postponed-events',
      run: async () => (await store.postponedFor(POSTPONED_HOURS, MOST_NAMED)).map(postponed),
    },
    {
      name: 'pool-used-up',
      run: async () => (await store.failedOfThePool(POOL_HOURS, POOL_ROWS)).map(usedUpPool),
    },
    { name: 'leases', run: () => leaseFindings(store, settings.processingLeaseMs / 1_000, db.schema) },
    { name: 'lease-deserted', run: () => desertedFindings(store) },
    { name: 'orphaned-consumer', run: () => orphanFindings(db, settings) },
    { name: 'unserved-consumer', severity: 'critical', run: () => unservedFindings(db) },
    { name: 'unrouted-events', severity: 'info', run: () => unroutedFindings(db) },
    { name: 'maintenance-late', run: () => lateFindings(store, tasks) },
  ];
}

async function tornFindings(store: ConsumerHealthStore): Promise<Findings> {
  return (await store.tornConsumers()).map(({ consumerName, found, partitions }) => ({
    about: [consumerName],
    finding: `Consumer "${consumerName}" has the partitions ${found.join(', ')} of ${partitions}, or they disagree on their number or event names.`,
    meaning:
      'Events of the missing partitions are not delivered, or are delivered twice. Nothing in the package does this: rows were changed by hand.',
    fix: 'Stop its processes and restore the rows of inbox_cursor; or remove the consumer and register it again with a startFrom that covers what it has missed.',
    details: { consumerName, found, partitions },
  }));
}

async function closedFindings(store: ConsumerHealthStore, schema: string): Promise<Findings> {
  return (await store.closedCursors()).map(({ consumerName, partition }) => ({
    about: [consumerName, partition],
    finding: `The cursor of consumer "${consumerName}", partition ${partition}, does not want what is yet to come.`,
    meaning: 'New events are never delivered to it. Rows were changed by hand.',
    fix: `With its processes stopped: UPDATE ${tablesOf(schema).inboxCursor} SET unread = unread + int8multirange(int8range(<first position that it has not handled>, NULL)) WHERE consumer_name = ${sqlLiteral(consumerName)} AND partition = ${partition}`,
    details: { consumerName, partition },
  }));
}

function stillUnread({ consumerName, rows, firstPosition }: RowProblem): Found {
  return {
    about: [consumerName],
    finding: `${rows} inbox rows of consumer "${consumerName}" are about events that its cursor has as unread, from position ${firstPosition} on.`,
    meaning:
      'The cursor and the inbox do not fit together: these events may be delivered by both ways. Rows were changed by hand.',
    fix: `Decide by the rows: with the consumer paused, take their positions out of unread; or delete the rows, and the events are delivered again.`,
    details: { consumerName, rows, firstPosition },
  };
}

function withoutEvent(
  { consumerName, rows, firstPosition, isPartial }: PartialRowProblem,
  schema: string,
): Found {
  const those = `consumer_name = ${sqlLiteral(consumerName)} AND status IN ('received', 'processing', 'failed', 'dead_letter')
    AND NOT EXISTS (SELECT FROM ${tablesOf(schema).outboxEvent} e WHERE e.position = i.position AND e.id = i.outbox_event_id)`;
  return {
    about: [consumerName],
    finding: `${isPartial ? 'At least ' : ''}${rows} inbox rows of consumer "${consumerName}" are to run, or could be sent again, and their events are not in the log, from position ${firstPosition} on.`,
    meaning: 'They cannot be delivered: events were deleted by hand, or a restore lost part of the log.',
    fix: `Restore the events with their positions; or set these rows aside, and no others: UPDATE ${tablesOf(schema).inboxEvent} i SET status = 'skipped', available_at = NULL, processed_at = clock_timestamp(), last_error = '<why>' WHERE ${those}`,
    details: { consumerName, rows, firstPosition },
  };
}

function ofOtherPartition({ consumerName, rows, firstPosition }: RowProblem): Found {
  return {
    about: [consumerName],
    finding: `${rows} inbox rows of consumer "${consumerName}" lie in a partition that is not their aggregate's, from position ${firstPosition} on.`,
    meaning:
      'Nobody looks for them there, or an aggregate is worked on in two places: its order is not kept.',
    fix: `With the consumer paused, set their partition: integration_partition(aggregate_type, aggregate_id, <partitions of the consumer>)`,
    details: { consumerName, rows, firstPosition },
  };
}

function waitingForNobody({ consumerName, rows, firstPosition }: RowProblem): Found {
  return {
    about: [consumerName],
    finding: `${rows} inbox rows of consumer "${consumerName}" have waited for ${WAITING_MINUTES} minutes for an earlier event of their aggregate that is resolved, from position ${firstPosition} on.`,
    meaning: 'They are delivered when the consumer is next taken over, and not before.',
    fix: `Let its owner look again: ConsumerService.pause(${codeLiteral(consumerName)}), then resume. Please report it: this should not happen.`,
    details: { consumerName, rows, firstPosition },
  };
}

async function leaseFindings(
  store: ConsumerHealthStore,
  leaseSeconds: number,
  schema: string,
): Promise<Findings> {
  const problems = await store.leases({
    longestSeconds: Math.max(leaseSeconds * LEASES_TOO_LONG, HOUR_SECONDS),
    takenOverWithinSeconds: Math.max(leaseSeconds * LEASES_NOT_TAKEN_OVER, 300),
  });
  const free = ({ consumerName, partition }: LeaseProblem) =>
    `Free it: UPDATE ${tablesOf(schema).inboxCursor} SET lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL WHERE consumer_name = ${sqlLiteral(consumerName)} AND partition = ${partition}`;
  return problems.map((problem) => ({
    ...LEASE_TEXTS[problem.kind](problem),
    about: [problem.consumerName, problem.partition, problem.kind],
    ...(problem.kind === 'not taken over'
      ? { severity: 'critical', since: secondsAgo(-(problem.expiresInSeconds ?? 0)) }
      : {}),
    fix: problem.kind === 'not taken over' ? NOT_TAKEN_OVER_FIX : free(problem),
    details: { ...problem },
  }));
}

/** Looks a second time, because a process whose connection was cut is connected again within a second. */
async function desertedFindings(store: ConsumerHealthStore): Promise<Findings> {
  const before = await store.desertedLeases();
  if (before.length === 0) return [];
  await delay(BACK_WITHIN_MS);
  const deserted = (await store.desertedLeases()).filter((lease) =>
    before.some(
      ({ owner, consumerName, partition }) =>
        owner === lease.owner && consumerName === lease.consumerName && partition === lease.partition,
    ),
  );
  return deserted.map(({ consumerName, partition, owner, host, pid, seenAt, until }) => ({
    about: [consumerName, partition],
    since: seenAt,
    finding: `Consumer "${consumerName}", partition ${partition}, is held by process ${owner} (${host}:${pid}), whose connection to the database is gone. It was last seen at ${seenAt.toISOString()}.`,
    meaning: `The process was ended without its shutdown hooks, or cannot reach the database. Its events are not delivered until another process takes over: within seconds where that can tell that the owner has ended, at ${until.toISOString()} otherwise.`,
    fix: 'Start a process with this consumer if none runs. Call app.enableShutdownHooks() in main.ts, so that a process gives its consumers back when it is ended.',
    details: { consumerName, partition, owner, host, pid, seenAt, until },
  }));
}

const NOT_TAKEN_OVER_FIX = 'Look at the logs of those processes for why claiming fails; restart them.';

const LEASE_TEXTS: Record<
  LeaseProblem['kind'],
  (problem: LeaseProblem) => { finding: string; meaning: string }
> = {
  incomplete: (problem) => ({
    finding: `The lease of ${nameOf(problem)} is incomplete: of owner, token and expiry some are missing.`,
    meaning: 'Nobody may be able to claim it. Rows were changed by hand.',
  }),
  'too long': (problem) => ({
    finding: `The lease of ${nameOf(problem)} runs for another ${Math.round(problem.expiresInSeconds ?? 0)} s.`,
    meaning:
      'If its owner dies, nobody takes over until then. The clock of the database server may have been set back.',
  }),
  'unknown owner': (problem) => ({
    finding: `The lease of ${nameOf(problem)} belongs to process ${problem.owner}, which is not listed.`,
    meaning:
      'If that process is alive, it renews and lists itself within seconds; if not, the lease runs out by itself.',
  }),
  'not taken over': (problem) => ({
    finding: `The lease of ${nameOf(problem)} has run out ${Math.round(-(problem.expiresInSeconds ?? 0))} s ago, and no process has taken over, though there are some that could.`,
    meaning: 'Its events are not delivered.',
  }),
};

function nameOf({ consumerName, partition }: LeaseProblem): string {
  return `consumer "${consumerName}", partition ${partition},`;
}

async function orphanFindings(
  db: EngineDatabase,
  { orphanAfterDays, retentionDays }: Readonly<OutboxSettings>,
): Promise<Findings> {
  const orphans = await new ConsumerPresenceStore(db).orphans(db, orphanAfterDays, retentionDays);
  return orphans.map(({ consumerName, servedAt, givenUp }) => ({
    about: [consumerName],
    ...(givenUp ? { severity: 'critical' } : {}),
    since: servedAt,
    finding: `No live process has been able to work on consumer "${consumerName}" since ${servedAt.toISOString()}.`,
    meaning: givenUp
      ? 'Its events are not delivered, and those past retentionDays are deleted unseen.'
      : 'Its events are not delivered, and none of them is deleted however old; after twice retentionDays they will be.',
    fix: `Deploy code that handles all its event names, or remove it: ${commandLine(db, 'consumers remove', [consumerName])}`,
    action: { service: 'ConsumerService', method: 'remove', arguments: [consumerName] },
    details: { consumerName, servedAt, givenUp },
  }));
}

async function unservedFindings(db: EngineDatabase): Promise<Findings> {
  return (await unservedConsumers(db, db.schema)).map(({ consumerName, eventNames, since, processes }) => ({
    about: [consumerName],
    since,
    finding: `No process may work on consumer "${consumerName}" since ${since.toISOString()}: the code of each that knows it (${processes.map(({ host, pid }) => `${host}:${pid}`).join(', ')}) lacks a handler for some of its stored event names (${eventNames.join(', ')}).`,
    meaning:
      'Its events are not delivered. A name was taken out of a subscriber, or two services use one consumer name.',
    fix: `Deploy code that handles all its names, give one of two services a consumer name of its own, or take away the names that no code handles any more (the log of these processes says which): ${commandLine(db, 'consumers remove-names', [consumerName, '<names>'])}`,
    details: { consumerName, eventNames, since, processes },
  }));
}

async function unroutedFindings(db: EngineDatabase): Promise<Findings> {
  const unrouted = await new UnroutedEventStore(db).listUnrouted(db, LATEST_EVENTS);
  if (unrouted.length === 0) return [];
  // They are counted in rounds that look at the latest events only.
  const named = unrouted
    .slice(0, MOST_NAMED)
    .map(({ eventName, events }) => `"${eventName}" (at least ${events})`);
  const others = unrouted.length > named.length ? ` and ${unrouted.length - named.length} more names` : '';
  return [
    {
      finding: `Events are published that no consumer asks for: ${named.join(', ')}${others}.`,
      meaning:
        'Nobody handles them; they are deleted when they are past retentionDays. A name may be misspelt on either side.',
      fix: 'Subscribe to them, correct the name, or stop publishing them.',
      details: { events: unrouted },
    },
  ];
}

function postponed(found: PostponedEvents): Found {
  const { consumerName, events, firstPosition, since, reason } = found;
  return {
    about: [consumerName],
    since,
    finding: `Handlers of consumer "${consumerName}" have put ${events} events off for more than ${POSTPONED_HOURS} hours, from position ${firstPosition} on, the first since ${since.toISOString()}: ${reason}${behind(found)}`,
    meaning:
      'No attempt is counted for an event that is put off, so it never becomes a dead letter by itself. Later events of the same aggregate wait behind it. If it waits for one of them, it waits for ever.',
    fix: 'Mend what the handler waits for, or deploy code that knows these events. An event that waits for a later one of its aggregate must not be put off: skip it, or handle it without the later one. Discard the events if nobody needs them.',
    details: { ...found },
  };
}

function usedUpPool({ consumerName, events, isPartial, since, last, error }: PoolProblem): Found {
  return {
    about: [consumerName],
    since,
    finding: `In the last ${POOL_HOURS} hours, ${isPartial ? 'at least ' : ''}${events} events of consumer "${consumerName}" failed because transactional handlers held the connections of their client's pool and waited for another one, the latest at ${last.toISOString()}: ${error}`,
    meaning:
      'A handler that asks the pool for a second connection waits until its deadline when other handlers hold the rest. Requests of the application wait meanwhile.',
    fix: 'Let the handler write through context.transaction only, as the error says. Until that is deployed, give transactionalConcurrency below the size of the pool to IntegrationModule, or enlarge the pool.',
    details: { consumerName, events, since, last, error },
  };
}

/** What waits behind the event that was put off first. */
function behind({ aggregateType, aggregateId, behind: count, next }: PostponedEvents): string {
  if (count === 0) return '';
  const named = next.map(({ position, eventName }) => `"${eventName ?? 'unknown'}" at position ${position}`);
  const more = count > named.length ? ` and ${count - named.length} more` : '';
  return `; behind the first, of ${aggregateType} "${aggregateId}", wait ${named.join(', ')}${more}`;
}

async function lateFindings(store: ConsumerHealthStore, tasks: KnownTasks): Promise<Findings> {
  return (await store.lateTasks(tasks, LATE_HOURS)).map(({ task, doneAt }) => ({
    about: [task],
    since: doneAt,
    finding: `The maintenance task "${task}" was ${doneAt === null ? 'never done' : `last done ${doneAt.toISOString()}`}, though there are live processes.`,
    meaning: 'Old events are not deleted, or orphaned consumers and unrouted events are not reported.',
    fix: 'Look at the logs of the processes for "Maintenance": what it fails of stands there.',
    details: { task, doneAt },
  }));
}
