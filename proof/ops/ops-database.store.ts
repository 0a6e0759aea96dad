/** Dead letters of a consumer: events of their own, one for each number from 1 to `$2`. */
export const INSERT_DEAD_LETTERS = `
  WITH events AS (
    INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload, created_at)
    SELECT $1::text || '.happened', 'proof', 'thing', $1::text || n, jsonb_build_object('n', n), now() - interval '1 hour' FROM generate_series(1, $2::int) AS n
    RETURNING id, position, aggregate_type, aggregate_id
  )
  INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, attempt_count, last_error, error_fingerprint)
  SELECT id, position, $1::text, aggregate_type, aggregate_id, 'dead_letter', 3, 'the other side was gone', 'gone' FROM events`;

/** A consumer that has settled all that there is. */
export const INSERT_CONSUMER = `
  INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
  SELECT $1::text, ARRAY[$1::text || '.happened'], int8multirange(int8range(coalesce(max(position), 0) + 1, NULL)) FROM integration.outbox_event`;

/** The process that works on an operation, and how far it has come. */
export const OPERATION = `
  SELECT o.state, o.changed::int AS changed, p.pid FROM integration.integration_operation o
  LEFT JOIN integration.integration_process p ON p.id = o.lease_owner AND o.lease_expires_at > clock_timestamp()
  WHERE o.id = $1::uuid`;

/** Effects of a consumer: how many, and of how many events. */
export const EFFECTS_COUNTED = `SELECT count(*)::int AS effects, count(DISTINCT event_id)::int AS events FROM effect WHERE consumer = $1`;

/** How many rows of the inbox of a consumer have each status. */
export const STATUSES = `SELECT status, count(*)::int AS rows FROM integration.inbox_event WHERE consumer_name = $1 GROUP BY 1`;

/** By the index of exceptions, so that it costs less the fewer there are. */
export const UNHANDLED = `SELECT count(*)::int AS rows FROM integration.inbox_event WHERE consumer_name = $1 AND status <> 'processed'`;

export const OPERATIONS_COUNTED = 'SELECT count(*)::int AS rows FROM integration.integration_operation';

/** `$1` events, as publishing writes them. */
export const INSERT_BACKLOG = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata)
  SELECT id, 'thing.changed', 'proof', 'thing', 't' || n % 5000, jsonb_build_object('n', n, 'note', repeat(md5(n::text), 9)), 310,
    jsonb_build_object('correlationId', id, 'traceparent', '00-' || md5(n::text) || '-' || left(md5('s' || n), 16) || '-00')
  FROM (SELECT n, uuidv7() AS id FROM generate_series(1, $1::int) AS n) AS made`;

/** The consumers are gone, so that the next process begins with the whole log again. */
export const FORGET_CONSUMERS = 'TRUNCATE integration.inbox_cursor, integration.inbox_event';

export const COUNT_STATEMENTS = 'CREATE EXTENSION IF NOT EXISTS pg_stat_statements';
export const FORGET_STATEMENTS =
  'SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)';

/** The statements of the database since they were forgotten, but those that count them. */
export const STATEMENTS = `
  SELECT coalesce(sum(calls), 0)::int AS statements, coalesce(sum(calls) FILTER (WHERE query LIKE '%"pendingPositions"%'), 0)::int AS looks
  FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%pg_stat_statements%'`;

export const CHECKPOINT = 'CHECKPOINT';

/** The sessions of admins that had a statement within the last `$1` seconds. */
export const ADMINS_WITHIN = `
  SELECT count(*)::int AS sessions FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'nestjs-integration admin'
    AND query_start > clock_timestamp() - $1::int * interval '1 second'`;

/** The reports of long attempts since statements were forgotten, apart from those that come with a beat. */
export const REPORTS = `
  SELECT coalesce(sum(calls), 0)::int AS reports FROM pg_stat_statements
  WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query ~ '^UPDATE \\S*integration_process\\S* SET working'`;

/** How many attempts all processes together say that they run for long. */
export const LONG_ATTEMPTS = `SELECT coalesce(sum(jsonb_array_length(working)), 0)::int AS attempts FROM integration.integration_process`;
