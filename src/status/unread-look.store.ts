import { tablesOf } from '../database/sql/tables.js';
import { askedPatterns } from '../log/asked-names.store.js';

/** Number of rows of the log that are looked at for each cursor, if nothing else is said. */
export const LOOKED_AT = 2_000;

/**
 * Pieces of SQL that look at the events that a cursor `c` has not settled. The statement has `head` as its
 * first common table, and joins `asked` and `positions` before the others.
 *
 * All looks read the log from the first unsettled position on and end after a limited number of rows. Which
 * events the consumer asks for is the costly part. So the look for the first of them ends there, and they
 * are counted only if there are few enough of them for a count to be shown.
 */
export function unreadLooks(schema: string, lookedAt = LOOKED_AT) {
  const tables = tablesOf(schema);
  // `unnest` returns the ranges in ascending order. Each range takes one index probe, up to the limit of
  // rows.
  const rows = (columns: string) => `(
      SELECT e.* FROM unnest(c.unread * head.written) AS r
      CROSS JOIN LATERAL (
        SELECT ${columns} FROM ${tables.outboxEvent}
        WHERE position >= lower(r) AND position < upper(r) ORDER BY position LIMIT ${lookedAt + 1}
      ) AS e LIMIT ${lookedAt + 1}
    )`;
  const asIsAsked = rows('position, event_name, aggregate_type, aggregate_id');
  const isAsked = `e.event_name LIKE ANY (asked.patterns)
      AND (c.partitions = 1 OR c.partition = ${tables.integrationPartition}(e.aggregate_type, e.aggregate_id, c.partitions))`;
  const wantedRows = `${asIsAsked} AS e WHERE ${isAsked}`;
  return {
    head: `head AS MATERIALIZED (
        SELECT int8multirange(int8range(NULL, coalesce(max(position), 0), '[]')) AS written FROM ${tables.outboxEvent}
      )`,
    /** The event names of the consumer as patterns of LIKE, made once for each cursor. */
    asked: `LATERAL (${askedPatterns('c.event_names')}) AS asked`,
    /** How many positions are not settled, with any event name, written or not. */
    positions: `LATERAL (
        SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint AS positions FROM unnest(c.unread * head.written) AS r
      ) AS backlog`,
    /**
     * The first event that the consumer asks for, if it is among the rows that are looked at. If it is not,
     * and there are more rows, it is the first row, and `is_asked` is false.
     */
    oldest: `LATERAL (
        SELECT coalesce(
          wanted.position,
          CASE WHEN backlog.positions > ${lookedAt}
            THEN (SELECT CASE WHEN count(*) > ${lookedAt} THEN min(e.position) END FROM ${rows('position')} AS e) END
        ) AS position, wanted.position IS NOT NULL AS is_asked
        FROM (SELECT (SELECT e.position FROM ${wantedRows} LIMIT 1) AS position OFFSET 0) AS wanted OFFSET 0
      ) AS first_unread`,
    /** How many events the consumer asks for. Null if there are more positions than rows are looked at. */
    wanted: `LATERAL (
        SELECT CASE WHEN backlog.positions <= ${lookedAt} THEN (SELECT count(*) FROM ${wantedRows}) END AS events
      ) AS wanted`,
    /** How many events the consumer asks for among the rows looked at, and whether there are more rows. */
    counted: `LATERAL (
        SELECT count(*) FILTER (WHERE ${isAsked}) AS events, count(*) > ${lookedAt} AS more FROM ${asIsAsked} AS e
      ) AS counted`,
  };
}
