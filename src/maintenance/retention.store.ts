import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { UnusableConnection } from '../database/wire/unusable-connection.js';

/** The result of one batch. */
export interface RetentionBatch {
  readonly events: number;
  readonly inboxRows: number;
  /** The position at which to continue. */
  readonly nextPosition: number;
  /** The batch has reached the end of the log, or an event that is too young to be deleted. */
  readonly done: boolean;
}

/*
 * An event may be deleted if it is old enough and nobody needs it any more.
 *
 *   unread    Events that any consumer has not settled are kept, even if no consumer asks for their name.
 *             Only the cursor knows which these are.
 *   replays   Events that an open replay request has still to look at are kept.
 *   inbox     Events are kept that have an unresolved row, or a row that may be sent again (dead, or failed
 *             for good).
 *   age       An event whose created_at lies in the future (a wrong clock, or plain SQL) does not tell its
 *             age. It counts as old if a later event is old, and it never ends a round.
 *   given up  A consumer that has had no live process for a long time keeps none of these events, and its
 *             rows are deleted with the events.
 *
 * The statement that deletes checks all of this in one snapshot. A replay of a range and a redrive may run at
 * the same time. They work on settled positions whose events are still in the log. If such an event is
 * deleted at the same moment, a position without an event is swept as a rolled-back one is, and a row without
 * an event becomes a dead letter that says so.
 */

/** Deletes events that nobody needs, with their resolved inbox rows. */
@Injectable()
export class RetentionStore {
  private readonly sql: string;

  constructor(db: EngineDatabase) {
    const log = db.tables.outboxEvent;
    const inbox = db.tables.inboxEvent;
    const cursor = db.tables.inboxCursor;
    // What must be kept is given as ranges, so the cost does not grow with the backlog. They are arrays,
    // because every access is then an index probe. A join could be planned as a scan of the log.
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
   * Checks up to `limit` events from a position on. Deletes those that are older than the given number of
   * days and not needed.
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
