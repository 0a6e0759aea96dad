/** The host's tables of the proof, and what it asks the database about the engine's. */

/** `thing`: what events are about; its row serializes the writers. `effect`: what transactional handlers did. */
export const HOST_TABLES = `
  CREATE TABLE thing (id text PRIMARY KEY, sequence int NOT NULL DEFAULT 0) WITH (fillfactor = 50);
  CREATE TABLE effect (id bigserial PRIMARY KEY, consumer text NOT NULL, event_id uuid NOT NULL);
  CREATE INDEX effect_event ON effect (event_id)`;

/** The events that the database has, in the order of their positions. */
export const EVENTS = `SELECT id, position::float8 AS position, event_name AS name, aggregate_type || '/' || aggregate_id AS aggregate
  FROM integration.outbox_event ORDER BY position`;

/** Effects in the order in which their handlers ran. */
export const EFFECTS = `SELECT event_id AS "eventId" FROM effect WHERE consumer = $1 ORDER BY id`;

/** How much of what a cursor wants is not settled, the inbox's waiting rows included. */
export const UNSETTLED = `
  SELECT ((SELECT count(*) FROM integration.inbox_cursor c CROSS JOIN unnest(c.unread) r
           JOIN integration.outbox_event e ON e.position >= lower(r) AND e.position < coalesce(upper(r), 9223372036854775807)
            AND (c.partitions = 1 OR c.partition = integration.integration_partition(e.aggregate_type, e.aggregate_id, c.partitions)))
        + (SELECT count(*) FROM integration.inbox_event
           WHERE status IN ('received', 'processing') OR status = 'failed' AND available_at IS NOT NULL))::int AS unsettled`;

/** How many leases there are, and how many of them nobody holds. */
export const LEASES = `SELECT count(*)::int AS cursors, count(lease_token) FILTER (WHERE lease_expires_at > clock_timestamp())::int AS held
  FROM integration.inbox_cursor`;

/** Of these positions, those that will be run again: unread, or a row of the inbox that is still `processing`. */
export const UNREAD_OF = `SELECT p.position::float8 AS position FROM unnest($2::bigint[]) AS p (position)
  WHERE EXISTS (SELECT 1 FROM integration.inbox_event i WHERE i.position = p.position AND i.consumer_name = $1 AND i.status = 'processing')
    OR EXISTS (SELECT 1 FROM integration.outbox_event e JOIN integration.inbox_cursor c
    ON c.partitions = 1 OR c.partition = integration.integration_partition(e.aggregate_type, e.aggregate_id, c.partitions)
    WHERE e.position = p.position AND c.consumer_name = $1 AND c.unread @> p.position)`;

/** Rows of the inbox by consumer and status, and the highest attempt among them. */
export const INBOX = `SELECT consumer_name AS consumer, status, count(*)::int AS rows, max(attempt_count)::int AS attempts
  FROM integration.inbox_event GROUP BY 1, 2`;

export const DEAD_LETTERS = `SELECT i.consumer_name AS consumer, o.payload->>'number' AS number, i.attempt_count AS attempts
  FROM integration.inbox_event i JOIN integration.outbox_event o ON o.position = i.position WHERE i.status = 'dead_letter'`;

/** Ends every session of the database but this one. */
export const TERMINATE_BACKENDS = `SELECT count(pg_terminate_backend(pid))::int AS ended FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;

/** Under which the host's clients are connected. */
export const HOST_APPLICATION = 'proof host';

/** Ends the sessions of the host's clients alone: the engine's own go on. */
export const TERMINATE_HOST = `SELECT count(pg_terminate_backend(pid))::int AS ended FROM pg_stat_activity
  WHERE datname = current_database() AND application_name = '${HOST_APPLICATION}'`;

/** The cursors' size in bytes and pieces. */
export const CURSOR_SIZE = `SELECT coalesce(max(pg_column_size(unread)), 0)::int AS bytes,
    coalesce(max((SELECT count(*) FROM unnest(unread))), 0)::int AS pieces FROM integration.inbox_cursor`;

export const TOKENS = `SELECT consumer_name AS consumer, partition, lease_token::text AS token, lease_owner::text AS owner
  FROM integration.inbox_cursor ORDER BY 1, 2`;

/** Rows, dead rows and bytes of the engine's tables, and its connections. */
export const TABLES = `SELECT relname AS name, n_live_tup::int AS live, n_dead_tup::int AS dead,
    pg_table_size(relid)::float8 AS "tableBytes", pg_indexes_size(relid)::float8 AS "indexBytes"
  FROM pg_stat_user_tables WHERE schemaname = 'integration'`;

export const CONNECTIONS = `SELECT count(*)::int AS connections FROM pg_stat_activity
  WHERE datname = current_database() AND backend_type = 'client backend' AND application_name LIKE 'nestjs-integration%'`;

export const HEAD = `SELECT coalesce(max(position), 0)::float8 AS head FROM integration.outbox_event`;

export const WAL_WRITER = `SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'`;
