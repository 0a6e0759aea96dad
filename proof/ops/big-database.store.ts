/*
 * A database as a busy application has it after weeks. $1 is always the number that scales a statement.
 *
 * - the log: twenty event names, entities of fifty events, one entity that has a hundredth of all events
 * - consumers near the end of the log, some of them behind, a tenth of them far
 * - dead letters, half of them of one consumer; each position has two of them, so that positions tie; thirty kinds for each consumer, or as many as asked
 * - retries to come, events that wait behind them, delayed events
 * - operations, an audit, changes of settings, samples, what was done by minutes and by hours, links
 */
export const EVENTS_AT_ONCE = 500_000;

/** Events `$1` to `$2`. */
export const INSERT_EVENTS = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata,
    dedup_key, created_at)
  SELECT id, name, 'module-' || n % 5, 'thing',
    CASE WHEN n % 100 = 7 THEN 'hot' ELSE 't' || n % entities END,
    jsonb_build_object('n', n, 'note', repeat(md5(n::text), 4)), 160, jsonb_build_object('correlationId', id),
    CASE WHEN n % 50 = 0 THEN 'key-' || n END, now() - ($3::bigint - n) * interval '0.5 seconds'
  FROM (
    SELECT n, uuidv7() AS id, greatest($3::bigint / 50, 1) AS entities,
      CASE WHEN n % 100000 = 99 THEN 'thing.rare' ELSE 'thing.event' || n % 20 END AS name
    FROM generate_series($1::bigint, $2::bigint) AS n
  ) AS made`;

/** `$1` consumers; `$2` is the number of events. */
export const INSERT_CONSUMERS = `
  INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, read_upto, last_progress_at)
  SELECT 'consumer-' || lpad(n::text, 3, '0'), CASE WHEN n % 10 = 0 THEN '{thing.*}'::text[] ELSE ARRAY['thing.event' || n % 20, 'thing.event' || (n + 7) % 20] END,
    int8multirange(int8range(greatest(1, $2::bigint - behind), NULL)) + (
      SELECT coalesce(range_agg(int8range(p, p, '[]')), '{}') FROM generate_series(greatest(1, $2::bigint - 5000), $2::bigint - 1000, 997) AS p
    ), $2::bigint, now()
  FROM (
    SELECT n, CASE WHEN n % 10 = 3 THEN $2::bigint / 5 WHEN n % 10 = 6 THEN 1500 ELSE n % 7 * 9 END AS behind FROM generate_series(1, $1::int) AS n
  ) AS made`;

const INTO_INBOX = `
  INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, attempt_count,
    last_error, error_fingerprint, available_at, attempts, created_at)`;
const ATTEMPTS = `jsonb_build_array(jsonb_build_object('attempt', 1, 'at', e.created_at, 'ms', 12, 'error', 'the other side answered 500',
    'stack', repeat('    at handler (file:///app/dist/things/things.service.js:12:34)' || chr(10), 12)))`;

/** `$1` dead letters of `$2` consumers among `$3` events, of `$4` kinds. */
export const INSERT_DEAD = `${INTO_INBOX}
  SELECT e.id, e.position, 'consumer-' || lpad((CASE WHEN n % 2 = 0 THEN 1 ELSE 2 + n / 2 % greatest($2::int - 1, 1) END)::text, 3, '0'),
    e.aggregate_type, e.aggregate_id, 'dead_letter', 3, 'the other side answered 500 for ' || e.position,
    CASE WHEN n % 211 > 0 THEN md5((CASE WHEN $4::int > 30 THEN n / 2 ELSE n / 2 / greatest($2::int - 1, 1) END % $4::int)::text) END, NULL, ${ATTEMPTS}, e.created_at
  FROM generate_series(0, $1::int - 1) AS n
  JOIN integration.outbox_event e ON e.position = 1 + n / 2 * greatest(1, ($3::bigint - 10000) * 2 / $1::int)`;

/** `$1` rows with a retry to come, with two that wait behind each, and as many that are delayed, of `$2` consumers; `$3` events. */
export const INSERT_EXCEPTIONS = `${INTO_INBOX}
  SELECT e.id, e.position, 'consumer-' || lpad((1 + n % $2::int)::text, 3, '0'), 'thing', 'held-' || n, kind.status, 1,
    CASE WHEN kind.status = 'failed' THEN 'the other side answered 503' END, CASE WHEN kind.status = 'failed' THEN md5('503') END,
    kind.available_at, CASE WHEN kind.status = 'failed' THEN ${ATTEMPTS} END, e.created_at
  FROM generate_series(0, $1::int - 1) AS n
  CROSS JOIN (VALUES (1, 'failed', now() + interval '1 hour'), (2, 'received', 'infinity'), (3, 'received', 'infinity'), (4, 'received', now() + interval '2 hours'))
    AS kind (place, status, available_at)
  JOIN integration.outbox_event e ON e.position = $3::bigint - 9000 + n * 5 + kind.place`;

export const INSERT_OPERATIONS = `
  INSERT INTO integration.integration_operation (kind, state, filter, planned_events, changed, requested_by, via, created_at, started_at, finished_at)
  SELECT 'redrive', CASE WHEN n % 9 = 0 THEN 'cancelled' ELSE 'done' END, '{"consumerName": "consumer-001"}', n, n, 'proof', 'rest',
    date_trunc('minute', now()) - n / 2 * interval '1 minute', now(), now() FROM generate_series(1, $1::int) AS n`;

export const INSERT_AUDIT = `
  INSERT INTO integration.integration_audit (at, actor, via, action, target, outcome, affected)
  SELECT date_trunc('minute', now()) - ($1::int - n) / 3 * interval '1 minute', 'person-' || n % 30, 'rest', CASE WHEN n % 4 = 0 THEN 'consumers.pause' ELSE 'inbox.redrive' END,
    'consumer/consumer-' || lpad((1 + n % 100)::text, 3, '0'), CASE WHEN n % 20 = 0 THEN 'denied' ELSE 'done' END, n % 5
  FROM generate_series(1, $1::int) AS n`;

export const INSERT_CHANGES = `
  INSERT INTO integration.integration_setting_change (key, old_value, new_value, changed_by)
  SELECT 'core.integration.outbox.maxAttempts', to_jsonb(n), to_jsonb(n + 1), 'person-' || n % 30 FROM generate_series(1, $1::int) AS n`;

/** Samples of `$1` minutes, for every partition. */
export const INSERT_SAMPLES = `
  INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, lag_s, dead)
  SELECT date_trunc('minute', now()) - n * interval '1 minute', consumer_name, partition, 1000000 - n * 10, n % 50, n % 7, 5
  FROM integration.inbox_cursor CROSS JOIN generate_series(1, $1::int) AS n`;

/** What each consumer has done within `$1` minutes. */
export const INSERT_WORK = `
  INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
  SELECT DISTINCT ON (consumer_name, n) consumer_name, at, gen_random_uuid(), at + interval '1 minute', 600, n % 3, array_fill(40, ARRAY[16])
  FROM integration.inbox_cursor CROSS JOIN generate_series(1, $1::int) AS n
  CROSS JOIN LATERAL (SELECT date_trunc('minute', now()) - n * interval '1 minute' AS at) AS minute`;

/** What each consumer, and all of them together, have done within `$1` hours. */
export const INSERT_HOURS = `
  INSERT INTO integration.integration_hour (consumer_name, at, handled, failed, latency, published, settled, backlog, lag_s, dead)
  SELECT DISTINCT ON (consumer_name, n) consumer_name, date_trunc('hour', now()) - n * interval '1 hour', 36000, n % 7, array_fill(2400, ARRAY[16]), 10, 10, n % 50, n % 7, 5
  FROM (SELECT consumer_name FROM integration.inbox_cursor UNION SELECT '') AS consumers CROSS JOIN generate_series(1, $1::int) AS n`;

export const INSERT_LINKS = `
  INSERT INTO integration.integration_link (source_module, source_entity_type, source_entity_id, target_module, target_entity_type, target_entity_id, link_type)
  SELECT 'module-1', 'thing', CASE WHEN n % 10 = 0 THEN 'hot' ELSE 't' || n END, 'module-2', 'part', 'p' || n, 'reference'
  FROM generate_series(1, $1::int) AS n`;

export const VACUUM = 'VACUUM ANALYZE';

/** Ids and names that requests about single things need. */
export const SAMPLES_OF_THINGS = `
  SELECT (SELECT id FROM integration.outbox_event ORDER BY position DESC LIMIT 1) AS event,
    (SELECT outbox_event_id FROM integration.inbox_event WHERE status = 'dead_letter' AND consumer_name = 'consumer-001' ORDER BY position LIMIT 1) AS dead,
    (SELECT error_fingerprint FROM integration.inbox_event WHERE status = 'dead_letter' AND consumer_name = 'consumer-001' ORDER BY position LIMIT 1) AS fingerprint,
    (SELECT id FROM integration.integration_operation ORDER BY created_at LIMIT 1) AS operation`;

/** Sequential scans of the tables that grow, and how many rows they read. */
export const SCANS = `
  SELECT relname AS name, seq_scan::float8 AS scans, seq_tup_read::float8 AS rows FROM pg_stat_user_tables
  WHERE schemaname = 'integration' AND relname IN ('outbox_event', 'inbox_event', 'integration_audit',
    'integration_sample', 'integration_operation', 'integration_setting_change', 'integration_link')`;

/** What the statistics collected so far say is sent at once, also by sessions that are idle. */
export const FLUSH_STATISTICS = 'SELECT pg_stat_force_next_flush()';

/** How many dead letters there are, as the lists of the API must show them. */
export const DEAD_LETTERS_COUNTED = `SELECT count(*)::int AS rows FROM integration.inbox_event WHERE status = 'dead_letter'`;
