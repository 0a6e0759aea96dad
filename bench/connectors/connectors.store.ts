/** The way that takes a row for each request. Several processes create it at once. */
export const CREATE_ROW = `
  DO $$ BEGIN
    PERFORM pg_advisory_xact_lock(53);
    CREATE UNLOGGED TABLE IF NOT EXISTS one_row (id int PRIMARY KEY, next_slot timestamptz NOT NULL) WITH (fillfactor = 50);
  END $$`;
export const FILL_ROW = 'INSERT INTO one_row VALUES (1, now()) ON CONFLICT DO NOTHING';

/** $1: milliseconds between two requests, $2: for how many of them a rest counts. Milliseconds until it may be sent. */
export const TAKE_ROW = `
  UPDATE one_row SET next_slot = greatest(next_slot, clock_timestamp() - $1::float8 * $2::int * interval '1 millisecond')
    + $1::float8 * interval '1 millisecond'
  WHERE id = 1 RETURNING (extract(epoch FROM next_slot - clock_timestamp()) * 1000 - $1::float8)::float8 AS ms`;

export const EMPTY_GATE = 'TRUNCATE integration.connector_gate, one_row';
