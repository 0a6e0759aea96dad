/** A publisher that is plain SQL: what any other language would do. */
export const PUBLISH_AND_STAY = `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
  VALUES ('thing.changed', 'proof', 'thing', 'the long writer''s') RETURNING id`;

/** The first statement of a repeatable-read transaction fixes its snapshot. */
export const OLD_SNAPSHOT = 'SELECT count(*) FROM thing';

/** How far the log of the server is, in bytes. */
export const WAL_BYTES = `SELECT (pg_current_wal_lsn() - '0/0')::float8 AS bytes`;
