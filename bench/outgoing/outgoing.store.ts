/** $1: how many events, $2: the data of each, $3: the tenant. Far behind the events of the log. */
export const FILL_MESSAGES = `
  INSERT INTO integration.webhook_message (position, tenant_id, outbox_event_id, event_name, type, data, event_at)
  SELECT m.last + n, $3::text, gen_random_uuid(), 'invoice.created', 'invoice.created', $2::text, clock_timestamp()
  FROM generate_series(1, $1::int) AS n, (SELECT greatest(max(position), 1000000000) AS last FROM integration.webhook_message) AS m`;

/** $1: destinations, $2: how many deliveries of the latest events each gets, $3: the time from which on they are due. */
export const FILL_DELIVERIES = `
  INSERT INTO integration.webhook_delivery (destination_id, position, tenant_id, entity, due_at)
  SELECT d.id, m.position, d.tenant_id, m.position, $3::timestamptz
  FROM integration.webhook_destination d
  CROSS JOIN (SELECT position FROM integration.webhook_message ORDER BY position DESC LIMIT $2::int) AS m
  WHERE d.id = ANY ($1::uuid[])`;

/** $1: destinations. They begin as if they had never failed. */
export const MAKE_READY = `
  UPDATE integration.outgoing_target SET held = false, failures = 0, failing_since = NULL, not_before = NULL, ready_at = clock_timestamp()
  WHERE kind = 'webhook' AND id = ANY ($1::uuid[])`;

/** $1: destinations. Nothing begins for them. */
export const HOLD = `
  UPDATE integration.outgoing_target SET held = true, ready_at = NULL WHERE kind = 'webhook' AND id = ANY ($1::uuid[])`;

export const COUNT_PENDING = `SELECT count(*)::int AS count FROM integration.webhook_delivery WHERE status = 'pending'`;

/** $1: how many events, $2: the payload, $3: the tenant. */
export const FILL_LOG = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
  SELECT gen_random_uuid(), 'invoice.created', 'bench', 'invoice', 'i' || n % 500, $2::jsonb, jsonb_build_object('tenantId', $3::text)
  FROM generate_series(1, $1::int) AS n`;

export const COUNT_DELIVERIES = 'SELECT count(*)::int AS count FROM integration.webhook_delivery';

export const SETTLE =
  'VACUUM (ANALYZE) integration.webhook_delivery, integration.webhook_message, integration.outgoing_target';

/**
 * Deliveries that wait. $1: the destination, $2: the first position, $3: how many, $4: from when on they are due, $5: whether all of
 * them are of one entity. $6: their status.
 */
export const FILL_WAITING = `
  INSERT INTO integration.webhook_delivery (destination_id, position, tenant_id, entity, due_at, status)
  SELECT d.id, n, d.tenant_id, CASE WHEN $5::boolean THEN 1 ELSE n END, $4::timestamptz, $6::text
  FROM integration.webhook_destination d, generate_series($2::bigint, $2::bigint + $3::int - 1) AS n WHERE d.id = $1::uuid`;

/** Messages of the deliveries that are due. $1: the first position, $2: how many, $3: the tenant. */
export const FILL_THEIR_MESSAGES = `
  INSERT INTO integration.webhook_message (position, tenant_id, outbox_event_id, event_name, type, data, event_at)
  SELECT n, $3::text, gen_random_uuid(), 'invoice.created', 'invoice.created', '{}', clock_timestamp()
  FROM generate_series($1::bigint, $1::bigint + $2::int - 1) AS n`;
