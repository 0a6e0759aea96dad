import type { TestDatabase } from '../../support/test-database.js';

/** How much there is. `npm run test:browser -- --large` has as much as the largest users. */
export const LARGE = process.env.BROWSER_LARGE === 'yes';
export const EVENTS = LARGE ? 5_000_000 : 200_000;
export const DEAD = 100_000;
export const CONSUMERS = 100;

/**
 * Fills a database before its application starts: a log that all consumers have read, and at `billing` the
 * last 100,000 events as dead letters of one kind.
 */
export async function fillWithDeadLetters({ pool }: TestDatabase): Promise<void> {
  await pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload, created_at)
     SELECT CASE WHEN n % 50 = 0 THEN 'order.cancelled' ELSE 'order.placed' END, 'shop', 'order', 'order-' || n % 50000,
       jsonb_build_object('n', n), now() - ($1 - n) * interval '20 milliseconds'
     FROM generate_series(1, $1::int) AS n`,
    [EVENTS],
  );
  await pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
     SELECT CASE WHEN n = 1 THEN 'billing' ELSE 'consumer-' || lpad(n::text, 3, '0') END, '{order.*}',
       int8multirange(int8range($1::bigint + 1, NULL))
     FROM generate_series(1, $2::int) AS n`,
    [EVENTS, CONSUMERS],
  );
  await pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status,
       attempt_count, last_error, error_fingerprint, processed_at, created_at)
     SELECT id, position, 'billing', aggregate_type, aggregate_id, 'dead_letter', 2, 'The receiver answered 503: out for lunch',
       'c0ffee00c0ffee00', created_at, created_at
     FROM integration.outbox_event WHERE position > $1::bigint - $2::bigint`,
    [EVENTS, DEAD],
  );
  await pool.query('VACUUM ANALYZE');
}
