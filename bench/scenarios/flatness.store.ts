/** Events that nobody may see before tomorrow. */
export const INSERT_DELAYED = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, payload_bytes, available_at)
  SELECT uuidv7(), 'invoice.created', 'finance', 'invoice', 'later-' || (n % 5000), $3::text::jsonb, length($3::text), now() + interval '1 day'
  FROM generate_series($1::bigint, $2::bigint) AS n`;

/** Events of one aggregate, the first of which will fail and hold back the others. */
export const INSERT_HOT_KEY = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, payload_bytes)
  SELECT uuidv7(), 'invoice.created', 'finance', 'invoice', $4, $3::text::jsonb, length($3::text)
  FROM generate_series($1::bigint, $2::bigint) AS n`;

/** What a drained cursor looks like: only the future is unread. Nobody may hold its lease. */
export const SETTLE_EVERYTHING = `
  UPDATE integration.inbox_cursor SET unread = int8multirange(int8range(
    (SELECT coalesce(max(position), 0) + 1 FROM integration.outbox_event), NULL))`;

export const OPEN_SNAPSHOT = [
  'BEGIN ISOLATION LEVEL REPEATABLE READ',
  'SELECT count(*) FROM pg_class',
] as const;
