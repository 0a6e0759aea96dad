import type { EngineDatabase } from '../database/engine-database.js';
import type { InboxStatus } from '../inbox/inbox-status.js';
import type { BacklogEvent, BacklogPlace, BacklogState } from './consumer-backlog.js';

/** How many rows or positions one page looks at. */
const LOOKED_AT_FOR_A_PAGE = 100_000;

/** Which rows of the inbox are in a state: their status, and what else is so. */
const STATES: Readonly<Record<Exclude<BacklogState, 'pending'>, readonly [InboxStatus, string]>> = {
  running: ['processing', 'true'],
  retrying: ['failed', 'available_at IS NOT NULL AND postponed_since IS NULL'],
  postponed: ['failed', 'available_at IS NOT NULL AND postponed_since IS NOT NULL'],
  waiting: ['received', 'NOT isfinite(available_at)'],
  delayed: ['received', 'isfinite(available_at)'],
  'failed-for-good': ['failed', 'available_at IS NULL'],
  dead: ['dead_letter', 'true'],
};

/** The id behind every other one at a position. */
const LAST_ID = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

/** An event as the tables have it. */
export type BacklogRow = Omit<BacklogEvent, 'why'>;

/** A page, and the place that it has looked up to. Null if it has looked at everything. */
export interface BacklogRows {
  readonly rows: BacklogRow[];
  readonly lookedTo: BacklogPlace | null;
}

/** Reads the single events of a consumer's backlog. Each page looks at a bounded part of the tables. */
export class BacklogEventsStore {
  constructor(private readonly db: EngineDatabase) {}

  /**
   * Returns events of one state by position, and by row where positions tie. Some states share a status, so
   * there may be many rows of the other one before the first that is asked for.
   */
  async inInbox(
    consumerName: string,
    state: Exclude<BacklogState, 'pending'>,
    limit: number,
    after: BacklogPlace | undefined,
  ): Promise<BacklogRows> {
    const { inboxEvent, outboxEvent } = this.db.tables;
    const [status, condition] = STATES[state];
    const looked = `SELECT * FROM ${inboxEvent} r WHERE r.consumer_name = $1 AND r.status = '${status}'
      AND ($2::bigint IS NULL OR (r.position, r.id) > ($2, $3::uuid)) ORDER BY r.position, r.id`;
    const place = [consumerName, after?.position ?? null, after?.id ?? null];
    return this.db.read(async (session) => {
      // Otherwise the planner reads and sorts all rows of the status, if it takes them to be fewer than the
      // limit.
      await session.query('SET LOCAL enable_sort = off');
      const rows = await session.query<BacklogRow>(
        `SELECT i.id, i.outbox_event_id AS "outboxEventId", i.position, i.partition, e.event_name AS "eventName",
         i.aggregate_type AS "aggregateType", i.aggregate_id AS "aggregateId", i.attempt_count AS "attemptCount",
         left(i.last_error, 1000) AS "lastError", i.error_fingerprint AS "errorFingerprint",
         CASE WHEN isfinite(i.available_at) THEN i.available_at END AS "dueAt", i.updated_at AS "since"
       FROM (
         SELECT * FROM (${looked} LIMIT ${LOOKED_AT_FOR_A_PAGE}) AS l WHERE ${condition} LIMIT $4
       ) AS i
       LEFT JOIN ${outboxEvent} e ON e.position = i.position AND e.id = i.outbox_event_id
       ORDER BY i.position, i.id`,
        [...place, limit],
      );
      if (rows.length >= limit || condition === 'true') return { rows, lookedTo: null };
      const [last] = await session.query<BacklogPlace>(
        `SELECT l.position, l.id FROM (${looked} LIMIT 1 OFFSET ${LOOKED_AT_FOR_A_PAGE - 1}) AS l`,
        place,
      );
      return { rows, lookedTo: last ?? null };
    });
  }

  /**
   * Returns events of the log by position that the consumer has not settled and that it asks for, behind
   * `after`. It looks at a stretch of positions that begins with the first unsettled one. `unnest` returns
   * the ranges of `unread` in ascending order, and each takes one probe of the log.
   */
  async inLog(consumerName: string, limit: number, after: number): Promise<BacklogRows> {
    const { inboxCursor, integrationPartition, outboxEvent } = this.db.tables;
    const [stretch] = await this.db.query<{ low: number | null; head: number }>(
      `SELECT min(lower(c.unread * int8multirange(int8range($2, h.head, '(]')))) AS low, h.head
       FROM (SELECT greatest(coalesce(max(position), 0), $2::bigint) AS head FROM ${outboxEvent}) AS h
       LEFT JOIN ${inboxCursor} c ON c.consumer_name = $1 GROUP BY h.head`,
      [consumerName, after],
    );
    if (stretch === undefined || stretch.low === null) return { rows: [], lookedTo: null };
    const end = stretch.low + LOOKED_AT_FOR_A_PAGE;
    const rows = await this.db.query<BacklogRow>(
      `SELECT e.id, e.id AS "outboxEventId", e.position, e.partition, e.event_name AS "eventName", e.aggregate_type AS "aggregateType",
         e.aggregate_id AS "aggregateId", 0 AS "attemptCount", NULL AS "lastError", NULL AS "errorFingerprint",
         e.available_at AS "dueAt", e.created_at AS "since"
       FROM ${inboxCursor} c
       CROSS JOIN LATERAL (
         SELECT e.*, c.partition FROM unnest(c.unread * int8multirange(int8range($2, $3))) AS r
         CROSS JOIN LATERAL (
           SELECT position, id, event_name, aggregate_type, aggregate_id, created_at, available_at FROM ${outboxEvent}
           WHERE position >= lower(r) AND position < upper(r) ORDER BY position
         ) AS e
         WHERE (c.partitions = 1 OR c.partition = ${integrationPartition}(e.aggregate_type, e.aggregate_id, c.partitions))
           AND EXISTS (SELECT FROM unnest(c.event_names) AS n(name)
             WHERE n.name = e.event_name OR (right(n.name, 1) = '*' AND starts_with(e.event_name, left(n.name, -1))))
         LIMIT $4
       ) AS e
       WHERE c.consumer_name = $1 ORDER BY e.position LIMIT $4`,
      [consumerName, stretch.low, end, limit],
    );
    const isAll = rows.length >= limit || end > stretch.head;
    return { rows, lookedTo: isAll ? null : { position: end - 1, id: LAST_ID } };
  }
}
