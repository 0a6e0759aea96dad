/** $1: how many events, $2: the payload. They have as many aggregates as the messages of a client. */
export const FILL_LOG = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
  SELECT gen_random_uuid(), 'invoice.created', 'bench', 'invoice', 'i' || n % 5000, $2::jsonb, '{}'::jsonb
  FROM generate_series(1, $1::int) AS n`;

export const COUNT_LOG = 'SELECT count(*) AS count FROM integration.outbox_event';

/** The table of somebody who takes in messages by hand. */
export const CREATE_TAKEN = `
  CREATE TABLE taken_message (id text PRIMARY KEY, name text NOT NULL, payload jsonb NOT NULL, taken_at timestamptz NOT NULL DEFAULT now())`;

/** $1: ids, $2: names, $3: payloads. */
export const INSERT_TAKEN = `
  INSERT INTO taken_message (id, name, payload)
  SELECT id, name, payload::jsonb FROM unnest($1::text[], $2::text[], $3::text[]) AS t (id, name, payload)
  ON CONFLICT (id) DO NOTHING`;
