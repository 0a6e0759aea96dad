/** Events that wait for everybody; `$1` and `$2` are the first and last of them, `$3` the payload. */
export const INSERT_BACKLOG = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, payload_bytes)
  SELECT uuidv7(), 'invoice.created', 'finance', 'invoice', 'inv-' || (n % 5000), $3::text::jsonb, length($3::text)
  FROM generate_series($1::bigint, $2::bigint) AS n`;
