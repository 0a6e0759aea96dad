/** What the database says about walks in the end. */

export const WALKS_ENDED = `SELECT count(*) FILTER (WHERE status <> 'active')::int AS ended FROM integration.saga_instance`;

/** Events for walks, in the order of the log. */
export const LOG_OF_WALKS = `SELECT payload->>'key' AS key, payload->>'kind' AS kind, event_name AS name, position::float8 AS position
  FROM integration.outbox_event WHERE event_name LIKE 'walk.%' ORDER BY position`;

export const JOURNALS = 'SELECT key, array_agg(what ORDER BY at) AS done FROM walk_journal GROUP BY key';

/** Walks with what their handlers did by their history: what was skipped is left out. */
export const WALKS = `SELECT i.key, i.status, i.state->'done' AS state, i.steps, array_agg(s.n ORDER BY s.n) AS numbers,
    array_agg(s.name ORDER BY s.n) FILTER (WHERE s.reason IS NULL OR s.reason = 'not paid in time') AS steps_done
  FROM integration.saga_instance i JOIN integration.saga_step s ON s.id = i.id GROUP BY i.saga, i.key`;

export const WAITING = 'SELECT count(*)::int AS waiting FROM integration.saga_waiting';

export const DEAD = `SELECT count(*)::int AS dead, min(last_error) AS error FROM integration.inbox_event WHERE status = 'dead_letter'`;

/** Deliveries that are still to come, besides those that are due in hours: timeouts of walks that were paid. */
export const TO_COME = `SELECT (
    (SELECT count(*) FROM integration.inbox_cursor c CROSS JOIN unnest(c.unread) r
      JOIN integration.outbox_event e ON e.position >= lower(r) AND e.position < coalesce(upper(r), 9223372036854775807)
       AND (c.partitions = 1 OR c.partition = integration.integration_partition(e.aggregate_type, e.aggregate_id, c.partitions)))
    + (SELECT count(*) FROM integration.inbox_event i JOIN integration.outbox_event e ON e.id = i.outbox_event_id
      WHERE (e.available_at IS NULL OR e.available_at < clock_timestamp() + interval '1 hour')
        AND (i.status IN ('received', 'processing') OR i.status = 'failed' AND i.available_at IS NOT NULL))
    + (SELECT count(*) FROM integration.integration_operation WHERE state IN ('planned', 'running')))::int AS "toCome"`;
