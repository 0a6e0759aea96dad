/** What the scenarios of outgoing webhooks write, and ask of the database. */

/** $1: how many events, $2: their name, $3: the tenant. */
export const ADD_EVENTS = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
  SELECT gen_random_uuid(), $2, 'proof', 'thing', 'thing-' || n % 100, jsonb_build_object('number', n), jsonb_build_object('tenantId', $3::text)
  FROM generate_series(1, $1::int) AS n`;

export const COUNT_DELIVERIES = `SELECT count(*)::int AS all, (count(*) FILTER (WHERE status = 'pending'))::int AS pending
  FROM integration.webhook_delivery`;

/** Events that a destination has no delivery of. $1: the name of the events. */
export const MISSING_DELIVERIES = `
  SELECT count(*)::int AS count FROM integration.outbox_event e CROSS JOIN integration.webhook_destination d
  WHERE e.event_name = $1 AND NOT EXISTS (
    SELECT FROM integration.webhook_delivery v WHERE v.destination_id = d.id AND v.position = e.position)`;

/** Deliveries of no event, and messages that are not their event's. */
export const STRAY_DELIVERIES = `
  SELECT count(*)::int AS count FROM integration.webhook_delivery v
  LEFT JOIN integration.outbox_event e USING (position) LEFT JOIN integration.webhook_message m USING (position)
  WHERE e.position IS NULL OR m.outbox_event_id IS DISTINCT FROM e.id`;

/** As the receiver knows them: the path of the destination, and the id of the event. */
const KEYED = `
  SELECT regexp_replace(d.url, '^https?://[^/]+', '') || ' ' || m.outbox_event_id AS key, v.status, v.attempts
  FROM integration.webhook_delivery v
  JOIN integration.webhook_destination d ON d.id = v.destination_id JOIN integration.webhook_message m ON m.position = v.position`;

export const PENDING_KEYS = `SELECT key FROM (${KEYED}) AS k WHERE status = 'pending'`;

export const ALL_KEYS = `SELECT key, status, attempts FROM (${KEYED}) AS k`;

/** Sessions of the processes of a scenario. */
export const SESSIONS = `
  SELECT count(*)::int AS count FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name <> 'proof observer' AND backend_type = 'client backend'`;

/** Sessions in a transaction that writes messages or deliveries. */
export const ROUTING = `
  SELECT count(*)::int AS count FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle' AND query LIKE 'INSERT INTO%webhook_%'`;
