/** $1: how many events, $2: the payload. They have as many aggregates as the messages of a client. */
export const FILL_LOG = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
  SELECT gen_random_uuid(), 'invoice.created', 'bench', 'invoice', 'i' || n % 5000, $2::jsonb, '{}'::jsonb
  FROM generate_series(1, $1::int) AS n`;

/** The newest position. Nothing else writes events, so the difference of two is the number between them. */
export const LAST_IN_LOG = 'SELECT coalesce(max(position), 0) AS last FROM integration.outbox_event';

/**
 * The table of somebody who takes in messages by hand. It has the columns that the log has, the order of arrival, and
 * one row for each id of a sender. It does not have the other indexes of the log.
 */
export const CREATE_TAKEN = `
  CREATE TABLE taken_message (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id uuid NOT NULL DEFAULT gen_random_uuid(),
    event_name text NOT NULL, event_version int NOT NULL, source_module text NOT NULL, aggregate_type text NOT NULL,
    aggregate_id text NOT NULL, payload jsonb NOT NULL, payload_bytes int NOT NULL, metadata jsonb NOT NULL,
    dedup_key text NOT NULL UNIQUE, created_at timestamptz NOT NULL DEFAULT clock_timestamp())`;

/** $1: ids, $2: sources, $3: types, $4: types of aggregates, $5: their ids, $6: versions, $7: data. */
export const INSERT_TAKEN = `
  INSERT INTO taken_message (
    event_name, event_version, source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata, dedup_key)
  SELECT name, version, 'bench', aggregate_type, aggregate_id, data::jsonb, octet_length(data), '{}', source || ' ' || id
  FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[])
    WITH ORDINALITY AS t (id, source, name, aggregate_type, aggregate_id, version, data, place)
  ORDER BY place
  ON CONFLICT (dedup_key) DO NOTHING`;
