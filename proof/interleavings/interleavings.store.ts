/** Everything that a sequence left behind; cursors stay registered and begin anew. */
export const RESET = `
  TRUNCATE integration.outbox_event RESTART IDENTITY;
  TRUNCATE integration.inbox_event, integration.inbox_replay, thing, effect RESTART IDENTITY;
  UPDATE integration.inbox_cursor SET unread = '{[1,)}', starts_at = 1, read_upto = NULL, unclean_takeovers = 0, paused_at = NULL,
    lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL, replayed = '{}', changed_by_others = 0`;

/** Time passes: whoever held a lease and did not renew it has lost it. */
export const EXPIRE_LEASES = `UPDATE integration.inbox_cursor SET lease_expires_at = clock_timestamp() - interval '1 second'
  WHERE lease_token IS NOT NULL`;

export const PUBLISH = `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload)
  VALUES ('thing.changed', 'proof', 'thing', $1, $2) RETURNING position::float8 AS position`;

export const STATUSES = `SELECT e.position::float8 AS position, c.consumer_name AS consumer, coalesce(s.status, 'absent') AS status
  FROM integration.outbox_event e CROSS JOIN integration.inbox_cursor c
  LEFT JOIN integration.outbox_event_status s ON s.outbox_event_id = e.id AND s.consumer_name = c.consumer_name`;

export const EFFECTS_BY_POSITION = `SELECT f.consumer, e.position::float8 AS position FROM effect f
  LEFT JOIN integration.outbox_event e ON e.id = f.event_id ORDER BY f.id`;
