import { AuditStore } from '../../audit/audit.store.js';
import type { Author } from '../../audit/change-author.js';
import { EngineDatabase } from '../../database/engine-database.js';
import type { EngineSession } from '../../database/sql/engine-session.js';
import { planForTheseValues } from '../../database/sql/plan-for-values.store.js';
import { resolutionOf } from '../../inbox/attempts.store.js';
import { MATCHES_FILTER, rowsOfChosen } from '../../inbox/inbox-filter.store.js';
import type { InboxFilter } from '../../inbox/inbox-record.js';
import { consumersNamed, type InboxStatus } from '../../inbox/inbox-status.js';
import { eventsTarget } from './audit-targets.js';
import type { OperationFilter, StoredFilter } from './operation-filter.js';
import { isInPart, partValues, rowValues } from './operation-filter.store.js';

/** One event of one consumer, named by its position, its id, or both. The other fields must match too. */
export type OneEventFilter = InboxFilter & { readonly consumerName: string };

/**
 * The states that a discard can take. `unread` is an event of the log without an inbox row.
 * `running` is an event whose retry runs at this moment. Only `ConsumerService.discardOne` takes these two.
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

/** SQL condition: the row `i` is in one of these states. */
export function conditionOf(states: readonly DiscardableState[]): string {
  return `(${['false', ...states.filter(hasRow).map((state) => CONDITIONS[state])].join(' OR ')})`;
}

/** The statuses that rows in these states have. */
export function statusesOf(states: readonly DiscardableState[]): InboxStatus[] {
  return [...new Set(states.filter(hasRow).map((state) => STATUSES[state]))];
}

function hasRow(state: DiscardableState): state is Exclude<DiscardableState, 'unread'> {
  return state !== 'unread';
}

/** Chooses the rows `i` that a change takes. Both the change and its count use it. */
export interface Choice {
  /** The join of the row with its event in the log, as `e`. */
  readonly join: string;
  /** The statuses for which `condition` can be true. */
  readonly statuses: readonly InboxStatus[];
  readonly condition: string;
}

/** What `redrive` takes. An event that is no longer in the log cannot be sent. */
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

/**
 * OFFSET 0 makes Postgres probe the log once for each row. Without it, the planner could scan the whole log.
 */
function eventIn(log: string): string {
  return `LATERAL (SELECT event_name, created_at FROM ${log} WHERE position = i.position AND id = i.outbox_event_id OFFSET 0) e`;
}

/** Rows whose cursors are locked, so that they can be changed. */
export interface ChosenRows {
  readonly change: Change;
  readonly ids: readonly string[];
  /** Undefined when there are no more rows. */
  readonly last: RowPlace | undefined;
  readonly values: ChangeValues;
}

/** The place of a row in the order of changes, which is the order of positions. */
export interface RowPlace {
  readonly position: number;
  readonly id: string;
}

/** By whom, why, the operation, the time since which nothing may have changed a row, and the kinds. */
type ChangeValues = readonly [string, string | null, string | null, string | null, readonly string[] | null];

/** SQL condition: nothing has changed the row `i` after this time. Null takes every row. */
const isUnchanged = (since: string) => `(${since}::timestamptz IS NULL OR i.updated_at <= ${since})`;

/** SQL condition: the row `i` failed in one of these kinds. Null takes every kind. */
const isOfKind = (kinds: string) =>
  `(${kinds}::text[] IS NULL OR coalesce(i.error_fingerprint, '') = ANY (${kinds}))`;

/** What a change takes, and what it assigns. Its parameters: $2 by whom, $3 why, $4 the operation. */
interface Change {
  readonly filter: OperationFilter | StoredFilter;
  readonly choice: Choice;
  readonly assign: string;
}

/** A stored operation, as far as its rows are concerned. */
export interface RowOperation {
  readonly id: string;
  readonly kind: 'redrive' | 'discard';
  readonly filter: StoredFilter;
  readonly states: readonly DiscardableState[] | null;
  readonly actor: string;
  readonly reason: string | null;
  readonly unchangedSince: string | null;
  /** The kinds that its plan found. Null if its plan did not find all of them. */
  readonly kinds: readonly string[] | null;
}

/**
 * Changes that admins make to rows of the inbox, one portion at a time. Each portion is one transaction:
 *
 * 1. Choose the rows, the oldest first, without locking them. For each consumer and status, the first rows
 *    are read in the order of the index. Then these are sorted. The condition stands in a CASE, because it
 *    names the status once more. Without the CASE, the planner would expect hardly any rows, and would prefer
 *    to sort all of them. Events that somebody chose one by one are looked up one by one instead.
 * 2. Lock their cursors in the order of their keys. A save or a claim of those cursors either has committed,
 *    and step 3 sees it, or it waits. Everybody locks cursors before rows, so nobody waits in a circle.
 *    Portions are small, so no renewal waits for long.
 * 3. Change the rows that are still as they were chosen. Rows that somebody else has locked at this moment
 *    are left out.
 * 4. Raise `changed_by_others`. Then the owners look at the inbox again within a beat.
 */
export class InboxAdminStore {
  private readonly inbox: string;
  private readonly log: string;
  private readonly cursor: string;
  private readonly audit: AuditStore;

  constructor(private readonly db: EngineDatabase) {
    this.inbox = db.tables.inboxEvent;
    this.log = db.tables.outboxEvent;
    this.cursor = db.tables.inboxCursor;
    this.audit = new AuditStore(db);
  }

  /** Sends one event again. Returns false if it is not a dead letter and has not failed for good. */
  redriveOne(filter: OneEventFilter, author: Author): Promise<boolean> {
    return this.db.transaction(async (session) => {
      const values = [author.actor, author.reason, null, null, null] as const;
      const chosen = await this.choose(session, this.redriveOf(filter), 1, undefined, values);
      if ((await this.changeChosen(session, chosen)) === 0) return false;
      await this.audit.add(session, author, {
        action: 'events.redrive',
        target: eventsTarget(filter),
        after: { filter },
        affected: 1,
      });
      return true;
    });
  }

  /**
   * Chooses a portion of a stored operation, in the transaction that notes how far the operation has come.
   * `changeChosen` changes it.
   */
  chooseForOperation(
    session: EngineSession,
    operation: RowOperation,
    limit: number,
    after: RowPlace | undefined,
  ): Promise<ChosenRows> {
    const { kind, filter, states, actor, reason, id, unchangedSince, kinds } = operation;
    const change = kind === 'redrive' ? this.redriveOf(filter) : this.discardOf(filter, states ?? []);
    return this.choose(session, change, limit, after, [actor, reason, id, unchangedSince, kinds]);
  }

  private redriveOf(filter: OperationFilter | StoredFilter): Change {
    return {
      filter,
      choice: redrivable(this.log),
      assign: `status = 'received', attempt_count = 0, available_at = clock_timestamp(), processed_at = NULL,
        resolution = ${resolutionOf('redrive', '$2', '$3')}, operation_id = $4::uuid`,
    };
  }

  private discardOf(filter: StoredFilter, states: readonly DiscardableState[]): Change {
    return {
      filter,
      choice: discardable(this.log, states),
      assign: `status = 'skipped', available_at = NULL, processed_at = clock_timestamp(),
        resolution = ${resolutionOf('discard', '$2', '$3')}, suspicion = NULL, operation_id = $4::uuid`,
    };
  }

  /** Does steps 1 and 2. */
  private async choose(
    session: EngineSession,
    change: Change,
    limit: number,
    after: RowPlace | undefined,
    values: ChangeValues,
  ): Promise<ChosenRows> {
    const { filter, choice } = change;
    const { join, statuses, condition } = choice;
    await waitLongerForLocks(session);
    await planForTheseValues(session);
    const isBehind = '($8::bigint IS NULL OR (i.position, i.id) > ($8, $9::uuid))';
    const unchanged = `${isUnchanged('$12')} AND ${isOfKind('$13')} AND ${isInPart(14)}`;
    const chosen = await session.query<RowPlace>(
      filter.outboxEventIds !== undefined
        ? `SELECT i.id, i.position FROM ${rowsOfChosen(this.inbox)} ${join}
         WHERE i.status = ANY ($11::text[]) AND ${condition} AND ${MATCHES_FILTER} AND ${isBehind} AND ${unchanged}
         ORDER BY i.position, i.id LIMIT $10`
        : `SELECT first.id, first.position
         FROM (${consumersNamed(this.inbox)}) AS consumer CROSS JOIN unnest($11::text[]) AS wanted (status)
         CROSS JOIN LATERAL (
           SELECT i.id, i.position FROM ${this.inbox} i ${join}
           WHERE i.consumer_name = consumer.name AND i.status = wanted.status AND i.status <> 'processed'
             AND CASE WHEN ${condition} THEN true ELSE false END AND ${MATCHES_FILTER} AND ${isBehind} AND ${unchanged}
           ORDER BY i.position, i.id LIMIT $10
         ) AS first
         ORDER BY first.position, first.id LIMIT $10`,
      [
        ...rowValues(filter),
        after?.position ?? null,
        after?.id ?? null,
        limit,
        statuses,
        ...values.slice(3),
        ...partValues(filter),
      ],
    );
    const ids = chosen.map((row) => row.id);
    await session.query(
      `SELECT 1 FROM ${this.cursor} c WHERE (c.consumer_name, c.partition) IN (
           SELECT consumer_name, partition FROM ${this.inbox} WHERE id = ANY ($1::uuid[]))
         ORDER BY c.consumer_name, c.partition FOR UPDATE`,
      [ids],
    );
    return { change, ids, last: chosen.length < limit ? undefined : chosen.at(-1), values };
  }

  /** Does steps 3 and 4. Returns the number of rows that were changed. */
  async changeChosen(
    session: EngineSession,
    { change: { choice, assign }, ids, values }: ChosenRows,
  ): Promise<number> {
    const [row] = await session.query<{ count: number }>(
      `WITH free AS (
           SELECT i.id FROM ${this.inbox} i WHERE i.id = ANY ($1::uuid[]) AND ${choice.condition} AND ${isUnchanged('$5')} AND ${isOfKind('$6')} FOR UPDATE SKIP LOCKED
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
    return row?.count ?? 0;
  }
}

/**
 * Raises the limit of waiting for locks, because an admin's change may wait for the saves of a busy consumer.
 * The engine's own sessions give up sooner.
 */
export async function waitLongerForLocks(session: EngineSession): Promise<void> {
  await session.query(`SET LOCAL lock_timeout = '8s'`);
}
