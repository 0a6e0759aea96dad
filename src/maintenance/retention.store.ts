import { Injectable } from '@nestjs/common';
import { EngineDatabase, type EngineSession } from '../database/engine-database.js';
import { UnusableConnection } from '../database/wire/unusable-connection.js';

/** What one batch came to. */
export interface RetentionBatch {
  readonly events: number;
  readonly inboxRows: number;
  /** From where to go on. */
  readonly nextPosition: number;
  /** The log's end, or an event that is to be kept for its age, was reached. */
  readonly done: boolean;
}

/*
 * What may be deleted: an event that is old enough, and that nobody needs any more.
 *
 *   unread    what any consumer has not settled is held, be its name asked for or not: only the cursor knows
 *   replays   what an open request has still to look at
 *   inbox     what has a row that is unresolved, or may be sent again (dead, failed for good)
 *   age       an event whose created_at lies ahead (a wrong clock, or plain SQL) does not tell its age: it is
 *             old where an event behind it is old, and it never ends a round
 *   given up  a consumer without a live process for so long holds nothing of this any more, and its rows go
 *             with the events
 *
 * All of it is of one snapshot, in the statement that deletes. Who adds to it meanwhile (a replay of a range,
 * a redrive) works on settled positions whose events the log still has; for one that goes at the same moment,
 * a position without an event is swept like a rolled-back one, and a row without an event becomes a dead
 * letter that says so.
 */

/** Deleting events that nobody needs, with their resolved inbox rows. */
@Injectable()
export class RetentionStore {
  private readonly sql: string;

  constructor(db: EngineDatabase) {
    const log = db.tables.outboxEvent;
    const inbox = db.tables.inboxEvent;
    const cursor = db.tables.inboxCursor;
    // What is held are ranges, so a backlog costs the same however long it is. Arrays keep every access an
    // index probe: a join could be planned as a scan of the log.
    this.sql = `
      WITH given_up AS MATERIALIZED (
        SELECT consumer_name FROM ${cursor} GROUP BY consumer_name
        HAVING max(served_at) < clock_timestamp() - 2 * $3::float8 * interval '1 day'
      ), held AS MATERIALIZED (
        SELECT coalesce(range_agg(r), '{}') AS positions FROM (
          SELECT unnest(c.unread) AS r FROM ${cursor} c WHERE c.consumer_name NOT IN (SELECT consumer_name FROM given_up)
          UNION ALL
          SELECT int8range(p.next_position, p.to_position, '[]') FROM ${db.tables.inboxReplay} p
          WHERE p.finished_at IS NULL AND p.next_position <= p.to_position
            AND p.consumer_name NOT IN (SELECT consumer_name FROM given_up)
        ) AS ranges
      ), seen AS MATERIALIZED (
        SELECT e.position, e.id, e.created_at < clock_timestamp() - $3::float8 * interval '1 day' AS old,
          e.created_at > clock_timestamp() AS ahead
        FROM held CROSS JOIN unnest(int8multirange(int8range($1, NULL)) - held.positions) AS r
        CROSS JOIN LATERAL (
          SELECT position, id, created_at FROM ${log} o
          WHERE o.position >= lower(r) AND o.position < coalesce(upper(r), 9223372036854775807)
          ORDER BY o.position LIMIT $2::int
        ) e
        LIMIT $2::int
      ), candidate AS MATERIALIZED (
        SELECT position, id, ahead, old OR (ahead AND position < (SELECT coalesce(max(position), 0) FROM seen WHERE old)) AS old
        FROM seen
      ), needed AS MATERIALIZED (
        SELECT outbox_event_id FROM ${inbox}
        WHERE outbox_event_id = ANY (ARRAY(SELECT id FROM candidate WHERE old)) AND status NOT IN ('processed', 'skipped')
          AND consumer_name NOT IN (SELECT consumer_name FROM given_up)
      ), deleted AS (
        DELETE FROM ${log} WHERE position = ANY (ARRAY(
          SELECT position FROM candidate WHERE old AND id NOT IN (SELECT outbox_event_id FROM needed)))
        RETURNING id
      ), rows AS (
        DELETE FROM ${inbox} WHERE outbox_event_id = ANY (ARRAY(SELECT id FROM deleted))
          AND (status IN ('processed', 'skipped') OR consumer_name IN (SELECT consumer_name FROM given_up))
        RETURNING 1
      )
      SELECT (SELECT count(*) FROM deleted) AS events, (SELECT count(*) FROM rows) AS "inboxRows",
        coalesce(min(position) FILTER (WHERE NOT old AND NOT ahead), max(position) + 1, $1) AS "nextPosition",
        count(*) < $2::int OR bool_or(NOT old AND NOT ahead) AS done
      FROM candidate`;
  }

  /**
   * Looks at up to `limit` events from a position on, and deletes those that are older than so many days and
   * not needed.
   */
  async deleteBatch(
    session: EngineSession,
    batch: { from: number; limit: number; retentionDays: number },
  ): Promise<RetentionBatch> {
    const [result] = await session.query<RetentionBatch>(this.sql, [
      batch.from,
      batch.limit,
      batch.retentionDays,
    ]);
    if (result === undefined)
      throw new UnusableConnection('connection error: the batch brought nothing back');
    return result;
  }
}
