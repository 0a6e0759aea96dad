import { CALLS, fillCalls, REPORTS } from './call-tour.js';
import { CONNECTIONS, fillConnections } from './connection-tour.js';
import { DELIVERIES, DESTINATIONS, fillOutgoing, MESSAGES } from './outgoing-tour.js';
import { fillSagas, SAGAS, STEPS, WAITING } from './saga-tour.js';
import { fillSchedules, SCHEDULES } from './schedule-tour.js';
import { STREAMS } from './sync-tour.js';
import type { TestDatabase } from './test-database.js';

const LOG = 'integration.outbox_event';
const INBOX = 'integration.inbox_event';

/** Rows of the log, and where the backlog of each consumer begins. */
export const EVENTS = 60_000;
export const HISTORY_ENDS = 35_000;
export const BACKLOG_FROM = 59_001;
/** Names of the consumers that have a cursor and rows of every kind. */
export const CONSUMERS = ['plain', 'unordered', 'transactional', 'batch'] as const;

/** How many rows there are of what operating and using the package writes down beside the log and the inbox. */
export const RECORDS = 20_000;
/** The tables that are filled, and the least number of rows in each. */
export const FILLED: Readonly<Record<string, number>> = {
  outbox_event: EVENTS,
  inbox_event: EVENTS,
  connection: CONNECTIONS,
  connection_token: CONNECTIONS,
  connection_webhook: CONNECTIONS,
  oauth_authorization: CONNECTIONS,
  sync_stream: STREAMS,
  sync_run: STREAMS,
  sync_record: STREAMS,
  sync_problem: STREAMS,
  external_call: CALLS,
  external_call_report: REPORTS,
  integration_audit: RECORDS,
  integration_failure_group: RECORDS,
  integration_idempotency_key: RECORDS,
  integration_link: RECORDS,
  integration_operation: RECORDS,
  integration_rehearsal: RECORDS,
  integration_sample: RECORDS,
  integration_schedule: SCHEDULES,
  integration_setting_change: RECORDS,
  integration_work: RECORDS,
  outgoing_target: DESTINATIONS,
  saga_instance: SAGAS,
  saga_step: STEPS,
  saga_waiting: WAITING,
  webhook_attempt: DELIVERIES,
  webhook_body: RECORDS,
  webhook_delivery: DELIVERIES,
  webhook_destination: DESTINATIONS,
  webhook_message: MESSAGES,
  webhook_subscription: DESTINATIONS,
  webhook_receipt: RECORDS,
};

/**
 * A database in which it matters by which plan a statement runs, with its statistics:
 *
 * - a log of which a sixth is old, an hour's delay on some of its latest events, and payloads that do not fit a page's share
 * - cursors with a backlog at the end and positions without an event before it; the first had two unclean ends
 * - in the inbox of each consumer thousands of rows of every status: history, dead letters, failed for good, delayed, thousands
 *   that are due, half of them since the same time, and thousands that wait behind a failed one of their aggregate
 * - records of admins and of processes, links, and what webhooks left behind, a part of it older than it is kept
 * - destinations of webhooks with deliveries of every status
 */
export async function fillDatabase({ pool }: TestDatabase): Promise<void> {
  await pool.query(`
    INSERT INTO ${LOG} (event_name, source_module, aggregate_type, aggregate_id, payload, available_at, created_at, dedup_key)
    SELECT CASE WHEN n % 10 = 0 THEN 'order.cancelled' ELSE 'order.placed' END, 'shop', 'order',
      CASE WHEN n % 20 = 7 AND n > ${HISTORY_ENDS} THEN 'hot' WHEN n > ${BACKLOG_FROM} THEN 'a' || n % 300 ELSE n::text END,
      jsonb_build_object('n', n, 'text', repeat('x', CASE WHEN n % 500 = 9 THEN 20000 ELSE 100 END)),
      CASE WHEN n > ${EVENTS - 500} AND n % 10 = 3 THEN now() + interval '1 hour' END,
      now() - (${EVENTS} - n) * interval '1 second' - CASE WHEN n <= 10000 THEN interval '30 days' ELSE interval '0' END,
      CASE WHEN n % 7 = 0 THEN 'key-' || n END
    FROM generate_series(1, ${EVENTS}) AS n`);
  await pool.query(
    `DELETE FROM ${LOG} WHERE position BETWEEN ${BACKLOG_FROM - 3_000} AND ${BACKLOG_FROM} AND position % 60 = 0`,
  );
  await pool.query(
    `
    INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, read_upto, unclean_takeovers, lease_owner, lease_token, lease_expires_at)
    SELECT name, CASE WHEN name IN ('plain', 'unordered') THEN '{*}'::text[] ELSE '{order.placed}' END,
      (SELECT range_agg(int8range(p, p, '[]')) FROM generate_series(${BACKLOG_FROM - 3_000}, ${BACKLOG_FROM}) AS p WHERE p % 60 = 0)
        + int8multirange(int8range(${BACKLOG_FROM}, NULL)),
      ${BACKLOG_FROM + 10}, CASE WHEN name = 'plain' THEN 1 ELSE 0 END, gen_random_uuid(), gen_random_uuid(), now() - interval '1 minute'
    FROM unnest($1::text[]) AS name`,
    [CONSUMERS],
  );
  await pool.query(
    `
    INSERT INTO ${INBOX} (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, attempt_count, last_error,
      error_fingerprint, available_at, processed_at, created_at)
    SELECT e.id, e.position, c.name, e.aggregate_type, e.aggregate_id, kind.status, 1, kind.error, kind.error, kind.available_at,
      CASE WHEN kind.status IN ('processed', 'skipped') THEN e.created_at END, e.created_at
    FROM ${LOG} e CROSS JOIN unnest($1::text[]) AS c (name)
    CROSS JOIN LATERAL (SELECT
      CASE WHEN e.aggregate_id = 'hot' THEN 'received' WHEN k < 5 THEN 'processed' WHEN k < 8 THEN 'skipped' WHEN k < 11 THEN 'dead_letter'
        WHEN k < 15 THEN 'failed' ELSE 'received' END AS status,
      CASE WHEN k BETWEEN 8 AND 14 THEN 'error-' || k END AS error,
      CASE WHEN e.aggregate_id = 'hot' THEN 'infinity' WHEN k = 12 THEN now() + interval '1 hour' WHEN k = 13 THEN now() - interval '1 minute'
        WHEN k = 14 THEN now() - e.position * interval '1 ms' WHEN k IN (15, 16) THEN '-infinity'
        WHEN k > 16 THEN now() + interval '1 hour' END AS available_at
      FROM (SELECT e.position % 20 AS k) AS of_position) AS kind
    WHERE e.position BETWEEN ${HISTORY_ENDS + 1} AND ${BACKLOG_FROM - 3_001}`,
    [CONSUMERS],
  );
  // The first of the hot aggregate has failed, and its retry is far; of every consumer some were running when its process ended.
  await pool.query(`
    UPDATE ${INBOX} SET status = 'failed', available_at = now() + interval '1 hour'
    WHERE position = (SELECT min(position) FROM ${INBOX} WHERE aggregate_id = 'hot')`);
  await pool.query(`
    UPDATE ${INBOX} SET status = 'processing' WHERE status = 'received' AND available_at < now() AND position < ${HISTORY_ENDS + 30}`);
  await fillRecords(pool);
  await fillOutgoing(pool);
  await fillSagas(pool);
  await fillCalls(pool);
  await fillSchedules(pool);
  await fillConnections(pool);
  await pool.query('VACUUM ANALYZE');
}

/** The rows are of times from now back to a little before that from which they are kept. */
async function fillRecords(pool: TestDatabase['pool']): Promise<void> {
  const times = (days: number) => `now() - n * interval '${days} days' / ${RECORDS}`;
  const numbers = `generate_series(1, ${RECORDS}) AS n`;
  await pool.query(`
    INSERT INTO integration.integration_audit (at, actor, via, action, target, outcome)
      SELECT ${times(410)}, 'admin-' || n % 100, 'service', 'action-' || n % 20, 'target/' || n % 500,
        CASE WHEN n % 50 = 0 THEN 'denied' ELSE 'done' END FROM ${numbers};
    INSERT INTO integration.integration_failure_group (consumer_name, fingerprint, note)
      SELECT 'consumer-' || n % 100, 'error-' || n, 'known' FROM ${numbers};
    INSERT INTO integration.integration_idempotency_key (actor, key, action, body_hash, at)
      SELECT 'admin-' || n % 100, 'key-' || n, 'action-' || n % 20, 'hash', ${times(2)} FROM ${numbers};
    INSERT INTO integration.integration_link (source_module, source_entity_type, source_entity_id, target_module, target_entity_type,
        target_entity_id, link_type, created_at)
      SELECT 'shop', 'order', n::text, 'billing', 'invoice', (n / 3)::text, CASE WHEN n % 100 = 0 THEN 'cascade' ELSE 'reference' END,
        ${times(400)} FROM ${numbers};
    INSERT INTO integration.integration_operation (kind, state, filter, planned_events, requested_by, via, created_at, finished_at)
      SELECT 'redrive', CASE WHEN n % 50 = 0 THEN 'cancelled' ELSE 'done' END, '{}', 1, 'admin', 'service', at, at
      FROM ${numbers} CROSS JOIN LATERAL (SELECT ${times(100)} AS at) AS t;
    INSERT INTO integration.integration_rehearsal (state, consumer_name, outbox_event_id, position, requested_by, asked_at, result)
      SELECT 'ended', 'consumer-' || n % 4, gen_random_uuid(), n, 'admin', ${times(2)}, '{}' FROM ${numbers};
    INSERT INTO integration.integration_sample (at, consumer_name, partition, head, backlog, lag_s, dead)
      SELECT date_trunc('second', ${times(8)}), 'consumer-' || n % 4, 0, ${EVENTS}, 0, 0, 0 FROM ${numbers};
    INSERT INTO integration.integration_setting_change (key, old_value, new_value, changed_by, changed_at)
      SELECT CASE WHEN n % 10 = 0 THEN 'core.integration.outbox.batchSize' ELSE 'host.key-' || n % 50 END, '200', '300',
        'admin-' || n % 100, ${times(400)} FROM ${numbers} ORDER BY n DESC;
    INSERT INTO integration.integration_work (consumer_name, at, process_id, upto, handled, failed, latency)
      SELECT 'consumer-' || n % 4, ${times(8)}, gen_random_uuid(), ${times(8)}, 1, 0, '{}' FROM ${numbers};
    INSERT INTO integration.webhook_receipt (source, key_hash, body_hash, outbox_event_id, received_at)
      SELECT 'shop', sha256(n::text::bytea), sha256(('body ' || n)::bytea), gen_random_uuid(), ${times(40)} FROM ${numbers};
    INSERT INTO integration.webhook_body (outbox_event_id, bytes)
      SELECT id, 'bytes' FROM ${LOG} ORDER BY position LIMIT ${RECORDS}`);
}
