import type { EngineDatabase, EngineSession } from '../database/engine-database.js';
import type { InboxFilter } from './inbox-record.js';

/** Which rows `discard` takes, by what they wait for; see `ConsumerService.discard`. */
export type DiscardableState = 'dead_letter' | 'failed' | 'waiting' | 'delayed';

const CONDITIONS: Readonly<Record<DiscardableState, string>> = {
  dead_letter: `i.status = 'dead_letter'`,
  failed: `i.status = 'failed'`,
  waiting: `(i.status = 'received' AND i.available_at IN ('infinity', '-infinity'))`,
  delayed: `(i.status = 'received' AND isfinite(i.available_at))`,
};

const REDRIVABLE = `(i.status = 'dead_letter' OR (i.status = 'failed' AND i.available_at IS NULL))`;

/**
 * What admins do to rows of the inbox. Each change is one transaction in three steps:
 *
 *   1. The cursors of the rows are locked, in key order: a save or a claim of theirs is either committed and seen by step 2,
 *      or waits. Everybody locks cursors before rows, so nobody waits in a circle.
 *   2. The rows change. Those that somebody else has locked at this moment (a handler's transaction) are left out.
 *   3. `changed_by_others` is raised: the owners look at the inbox again within a beat.
 */
export class InboxAdminStore {
  private readonly inbox: string;
  private readonly log: string;
  private readonly cursor: string;

  constructor(private readonly db: EngineDatabase) {
    this.inbox = `"${db.schema}".inbox_event`;
    this.log = `"${db.schema}".outbox_event`;
    this.cursor = `"${db.schema}".inbox_cursor`;
  }

  /** Sends dead letters, and events that failed for good, on their way again with all their attempts; the oldest first. */
  redrive(filter: InboxFilter, limit: number): Promise<number> {
    // An event that the log no longer has cannot be sent.
    return this.change(filter, REDRIVABLE, limit, {
      join: `JOIN ${this.log} e ON e.position = i.position AND e.id = i.outbox_event_id`,
      assign: `status = 'received', attempt_count = 0, available_at = clock_timestamp(), processed_at = NULL`,
      parameters: [],
    });
  }

  /** Sets rows of these states aside for good, as skipped with the reason; the oldest first. */
  discard(
    filter: InboxFilter,
    states: readonly DiscardableState[],
    reason: string,
    limit: number,
  ): Promise<number> {
    return this.change(filter, `(${states.map((state) => CONDITIONS[state]).join(' OR ')})`, limit, {
      join: `LEFT JOIN ${this.log} e ON e.position = i.position AND e.id = i.outbox_event_id`,
      assign: `status = 'skipped', available_at = NULL, processed_at = clock_timestamp(), last_error = $8`,
      parameters: [reason],
    });
  }

  private change(
    filter: InboxFilter,
    condition: string,
    limit: number,
    change: { join: string; assign: string; parameters: readonly unknown[] },
  ): Promise<number> {
    const values = valuesOf(filter);
    const chosen = `${this.inbox} i ${change.join} WHERE ${condition} AND ${MATCHES}`;
    return this.db.transaction(async (session) => {
      await waitLongerForLocks(session);
      await session.query(
        `SELECT 1 FROM ${this.cursor} c
         WHERE (c.consumer_name, c.partition) IN (SELECT i.consumer_name, i.partition FROM ${chosen})
         ORDER BY c.consumer_name, c.partition FOR UPDATE`,
        values,
      );
      const [row] = await session.query<{ count: number }>(
        `WITH chosen AS (
           SELECT i.id FROM ${chosen} ORDER BY i.position LIMIT $7 FOR UPDATE OF i SKIP LOCKED
         ), changed AS (
           UPDATE ${this.inbox} i SET ${change.assign}, updated_at = clock_timestamp()
           FROM chosen WHERE i.id = chosen.id RETURNING i.consumer_name, i.partition
         ), told AS (
           UPDATE ${this.cursor} c SET changed_by_others = c.changed_by_others + 1
           WHERE (c.consumer_name, c.partition) IN (SELECT consumer_name, partition FROM changed)
         )
         SELECT count(*) AS count FROM changed`,
        [...values, limit, ...change.parameters],
      );
      return row?.count ?? 0;
    });
  }
}

const MATCHES = `($1::text IS NULL OR i.consumer_name = $1) AND ($2::text IS NULL OR e.event_name = $2)
  AND ($3::text IS NULL OR i.aggregate_type = $3) AND ($4::text IS NULL OR i.aggregate_id = $4)
  AND ($5::uuid IS NULL OR i.outbox_event_id = $5) AND ($6::text IS NULL OR i.error_fingerprint = $6)`;

function valuesOf(filter: InboxFilter): unknown[] {
  const { consumerName, eventName, aggregateType, aggregateId, outboxEventId, errorFingerprint } = filter;
  return [consumerName, eventName, aggregateType, aggregateId, outboxEventId, errorFingerprint].map(
    (value) => value ?? null,
  );
}

/** An admin's change may wait for the saves of a busy consumer; the engine's own sessions give up sooner. */
export async function waitLongerForLocks(session: EngineSession): Promise<void> {
  await session.query(`SET LOCAL lock_timeout = '8s'`);
}
