import { Injectable } from '@nestjs/common';
import { EngineDatabase, type EngineSession } from '../database/engine-database.js';
import { planForTheseValues } from '../database/sql/plan-for-values.store.js';
import { filterValues, MATCHES_FILTER } from '../inbox/inbox-filter.store.js';
import type { InboxFilter } from '../inbox/inbox-record.js';
import { consumersNamed, type InboxStatus } from '../inbox/inbox-status.js';

/**
 * What `discard` takes; see `ConsumerService.discard`. `unread`: an event of the log that the inbox has no
 * row of. `running`: one whose retry runs at this moment. These two only where one event of one consumer is
 * named.
 */
export type DiscardableState = 'dead_letter' | 'failed' | 'waiting' | 'delayed' | 'unread' | 'running';

const CONDITIONS: Readonly<Record<Exclude<DiscardableState, 'unread'>, string>> = {
  dead_letter: `i.status = 'dead_letter'`,
  failed: `i.status = 'failed'`,
  waiting: `(i.status = 'received' AND i.available_at IN ('infinity', '-infinity'))`,
  delayed: `(i.status = 'received' AND isfinite(i.available_at))`,
  running: `i.status = 'processing'`,
};

const STATUSES: Readonly<Record<Exclude<DiscardableState, 'unread'>, InboxStatus>> = {
  dead_letter: 'dead_letter',
  failed: 'failed',
  waiting: 'received',
  delayed: 'received',
  running: 'processing',
};

/** Whether a row `i` is in one of these states. */
export function conditionOf(states: readonly DiscardableState[]): string {
  return `(${['false', ...states.filter(hasRow).map((state) => CONDITIONS[state])].join(' OR ')})`;
}

/** The statuses that rows of these states have. */
export function statusesOf(states: readonly DiscardableState[]): InboxStatus[] {
  return [...new Set(states.filter(hasRow).map((state) => STATUSES[state]))];
}

function hasRow(state: DiscardableState): state is Exclude<DiscardableState, 'unread'> {
  return state !== 'unread';
}

/** Which rows `i` a change takes, whoever changes or counts them. */
export interface Choice {
  /** Of the row's event in the log, as `e`. */
  readonly join: string;
  /** Those that `condition` can be true for. */
  readonly statuses: readonly InboxStatus[];
  readonly condition: string;
}

/** What `redrive` takes. An event that the log no longer has cannot be sent. */
export function redrivable(log: string): Choice {
  return {
    join: `CROSS JOIN ${eventIn(log)}`,
    statuses: ['dead_letter', 'failed'],
    condition: `(i.status = 'dead_letter' OR (i.status = 'failed' AND i.available_at IS NULL))`,
  };
}

/** What `discard` takes of these states. */
export function discardable(log: string, states: readonly DiscardableState[]): Choice {
  return {
    join: `LEFT JOIN ${eventIn(log)} ON true`,
    statuses: statusesOf(states),
    condition: conditionOf(states),
  };
}

/** OFFSET 0 keeps it one probe of the log for each row: it could be planned as a scan of all of it. */
function eventIn(log: string): string {
  return `LATERAL (SELECT event_name FROM ${log} WHERE position = i.position AND id = i.outbox_event_id OFFSET 0) e`;
}

/** Where a portion ended, and how many of its rows were changed. */
export interface ChangedRows {
  readonly changed: number;
  /** Undefined: there are no more. */
  readonly last: RowPlace | undefined;
}

/** A row's place among all: rows are changed in the order of their positions. */
export interface RowPlace {
  readonly position: number;
  readonly id: string;
}

/**
 * What admins do to rows of the inbox, a portion at a time. Each portion is one transaction:
 *
 *   1. The rows are chosen, the oldest first, and nothing is locked yet. Of each consumer and status the
 *      first are read in the index's order, then these are put in order. The condition stands in a CASE: it
 *      says the status once more, and the planner would expect hardly a row, so that it had better sort all
 *      of them.
 *   2. Their cursors are locked, in key order: a save or a claim of theirs is either committed and seen by
 *      step 3, or waits. Everybody locks cursors before rows, so nobody waits in a circle. Portions are
 *      small, so that no renewal waits for long.
 *   3. The rows that are still as they were chosen change. Those that somebody else has locked at this moment
 *      are left out.
 *   4. `changed_by_others` is raised: the owners look at the inbox again within a beat.
 */
@Injectable()
export class InboxAdminStore {
  private readonly inbox: string;
  private readonly log: string;
  private readonly cursor: string;

  constructor(private readonly db: EngineDatabase) {
    this.inbox = db.tables.inboxEvent;
    this.log = db.tables.outboxEvent;
    this.cursor = db.tables.inboxCursor;
  }

  /** Sends dead letters, and events that failed for good, on their way again with all their attempts. */
  redrive(filter: InboxFilter, limit: number, after: RowPlace | undefined): Promise<ChangedRows> {
    const assign = `status = 'received', attempt_count = 0, available_at = clock_timestamp(), processed_at = NULL`;
    return this.change({ filter, choice: redrivable(this.log), assign, values: [], limit, after });
  }

  /** Sets rows of these states aside for good, as skipped with the reason. */
  discard(
    filter: InboxFilter,
    states: readonly DiscardableState[],
    reason: string,
    limit: number,
    after: RowPlace | undefined,
  ): Promise<ChangedRows> {
    const choice = discardable(this.log, states);
    const assign = `status = 'skipped', available_at = NULL, processed_at = clock_timestamp(), last_error = $2`;
    return this.change({ filter, choice, assign, values: [reason], limit, after });
  }

  private change(change: {
    filter: InboxFilter;
    choice: Choice;
    assign: string;
    /** Parameters of `assign`, from $2 on. */
    values: readonly unknown[];
    limit: number;
    after: RowPlace | undefined;
  }): Promise<ChangedRows> {
    const { filter, choice, assign, values, limit, after } = change;
    const { join, statuses, condition } = choice;
    return this.db.transaction(async (session) => {
      await waitLongerForLocks(session);
      await planForTheseValues(session);
      const chosen = await session.query<RowPlace>(
        `SELECT first.id, first.position
         FROM (${consumersNamed(this.inbox)}) AS consumer CROSS JOIN unnest($11::text[]) AS wanted (status)
         CROSS JOIN LATERAL (
           SELECT i.id, i.position FROM ${this.inbox} i ${join}
           WHERE i.consumer_name = consumer.name AND i.status = wanted.status AND i.status <> 'processed'
             AND CASE WHEN ${condition} THEN true ELSE false END AND ${MATCHES_FILTER} AND ($8::bigint IS NULL OR (i.position, i.id) > ($8, $9::uuid))
           ORDER BY i.position, i.id LIMIT $10
         ) AS first
         ORDER BY first.position, first.id LIMIT $10`,
        [...filterValues(filter), after?.position ?? null, after?.id ?? null, limit, statuses],
      );
      const ids = chosen.map((row) => row.id);
      await session.query(
        `SELECT 1 FROM ${this.cursor} c WHERE (c.consumer_name, c.partition) IN (
           SELECT consumer_name, partition FROM ${this.inbox} WHERE id = ANY ($1::uuid[]))
         ORDER BY c.consumer_name, c.partition FOR UPDATE`,
        [ids],
      );
      const [row] = await session.query<{ count: number }>(
        `WITH free AS (
           SELECT i.id FROM ${this.inbox} i WHERE i.id = ANY ($1::uuid[]) AND ${condition} FOR UPDATE SKIP LOCKED
         ), changed AS (
           UPDATE ${this.inbox} i SET ${assign}, updated_at = clock_timestamp()
           FROM free WHERE i.id = free.id RETURNING i.consumer_name, i.partition
         ), told AS (
           UPDATE ${this.cursor} c SET changed_by_others = c.changed_by_others + 1
           WHERE (c.consumer_name, c.partition) IN (SELECT consumer_name, partition FROM changed)
         )
         SELECT count(*) AS count FROM changed`,
        [ids, ...values],
      );
      return { changed: row?.count ?? 0, last: chosen.length < limit ? undefined : chosen.at(-1) };
    });
  }
}

/** An admin's change may wait for the saves of a busy consumer; the engine's own sessions give up sooner. */
export async function waitLongerForLocks(session: EngineSession): Promise<void> {
  await session.query(`SET LOCAL lock_timeout = '8s'`);
}
