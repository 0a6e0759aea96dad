/**
 * A commit does not wait for the disk: no server is stopped here, so nothing can be lost by it, and what a transaction sees is
 * the same.
 */
export const withoutWaitingForDisk = (database: string) =>
  `ALTER DATABASE ${database} SET synchronous_commit = off`;

/** Everything that a sequence left behind; cursors stay registered and begin anew, with one partition. */
export const RESET = `
  DELETE FROM integration.outbox_event;
  DELETE FROM integration.inbox_event;
  DELETE FROM integration.inbox_replay;
  DELETE FROM integration.integration_operation;
  DELETE FROM integration.integration_maintenance;
  DELETE FROM effect;
  DELETE FROM integration.inbox_cursor WHERE partition > 0;
  SELECT setval(pg_get_serial_sequence('integration.outbox_event', 'position'), 1, false);
  UPDATE integration.inbox_cursor SET unread = '{[1,)}', starts_at = 1, read_upto = NULL, unclean_takeovers = 0, paused_at = NULL,
    lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL, replayed = '{}', changed_by_others = 0,
    partitions = 1, repartition_to = NULL, held_back = false, cut_over = NULL`;

/** Time passes: whoever held a lease and did not renew it has lost it. */
export const EXPIRE_LEASES = `UPDATE integration.inbox_cursor SET lease_expires_at = clock_timestamp() - interval '1 second'
  WHERE lease_token IS NOT NULL`;

export const PUBLISH = `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload)
  VALUES ($1, 'proof', 'thing', $2, $3) RETURNING id, position::float8 AS position`;

/** Events up to a position are older than any retention of these runs. */
export const COME_OF_AGE = `UPDATE integration.outbox_event SET created_at = clock_timestamp() - interval '100 days' WHERE position <= $1`;

/** Retention begins at the log's head again, as it does once a day. */
export const BEGIN_RETENTION_ANEW = `UPDATE integration.integration_maintenance
  SET began_at = '-infinity', done_at = '-infinity' WHERE task = 'retention'`;

/** Each event with each consumer that wants it: what is promised to say so (the view), and what it is derived from. */
export const EVENT_STATES = `SELECT e.position::float8 AS position, s.consumer_name AS consumer, s.status, e.position <@ c.unread AS unread,
    i.status AS "rowStatus", isfinite(i.available_at) AS "rowHasTime", i.resolution->>'reason' AS reason
  FROM integration.outbox_event_status s
  JOIN integration.outbox_event e ON e.position = s.position
  JOIN integration.inbox_cursor c ON c.consumer_name = s.consumer_name AND (c.partitions = 1
    OR c.partition = integration.integration_partition(e.aggregate_type, e.aggregate_id, c.partitions))
  LEFT JOIN integration.inbox_event i ON i.outbox_event_id = e.id AND i.consumer_name = s.consumer_name
  ORDER BY e.position`;

/** What the log has, in a column of its own: an event that nobody wants has no state there. */
export const LOG = `SELECT position::float8 AS position FROM integration.outbox_event`;

/** Requests of filtered replays that are not worked off, with the next position that they will look at. */
export const OPEN_REQUESTS = `SELECT id, next_position::float8 AS next FROM integration.inbox_replay WHERE finished_at IS NULL`;

export const EFFECTS_IN_ORDER = `SELECT consumer, event_id AS "eventId" FROM effect ORDER BY id`;

/** How many cursors a consumer has, how many its rows say it has, and whether a change is still asked for. */
export const PARTITIONS = `SELECT consumer_name AS consumer, count(*)::int AS cursors, max(partitions)::int AS partitions,
    bool_or(repartition_to IS NOT NULL) AS "isChanging"
  FROM integration.inbox_cursor GROUP BY 1`;

/** Rows of the inbox without their event. */
export const ORPHANED_ROWS = `SELECT count(*)::int AS rows FROM integration.inbox_event i
  WHERE NOT EXISTS (SELECT 1 FROM integration.outbox_event e WHERE e.id = i.outbox_event_id)`;
