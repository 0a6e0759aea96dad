/**
 * Events as `benchEvent` makes them, with all that publishing adds, by the server itself: `$1` and `$2` are the first and last of them, `$3`
 * what their notes are cut from. No two are alike: texts that come again and again are parsed in less time.
 */
const EVENTS = `
  SELECT n, id, (head || substr($3::text, (n * 37 % 1024)::int + 1, 400 - length(head) - 2) || '"}')::jsonb AS payload, 400 AS payload_bytes,
         jsonb_build_object('correlationId', id) AS metadata
  FROM (
    SELECT n, uuidv7() AS id, format(
      '{"n":%s,"invoiceId":"inv-%s","customer":{"id":"cus-%s","name":"Northwind Traders","country":"DE"},"currency":"EUR","total":%s.5,"lines":[{"sku":"sku-%s","quantity":%s,"price":19.9},{"sku":"sku-%s","quantity":2,"price":4.25}],"note":"',
      n, n % 5000, n % 977, n % 10000, n % 313, 1 + n % 5, n % 89) AS head
    FROM generate_series($1::bigint, $2::bigint) AS n
  ) made`;

const COLUMNS =
  'id, event_name, source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata';

/** Events that wait for everybody. */
export const INSERT_BACKLOG = `
  INSERT INTO integration.outbox_event (${COLUMNS})
  SELECT id, 'invoice.created', 'finance', 'invoice', 'inv-' || (n % 5000), payload, payload_bytes, metadata FROM (${EVENTS}) event`;

/** Events that nobody may see before tomorrow. */
export const INSERT_DELAYED = `
  INSERT INTO integration.outbox_event (${COLUMNS}, available_at)
  SELECT id, 'invoice.created', 'finance', 'invoice', 'later-' || (n % 5000), payload, payload_bytes, metadata, now() + interval '1 day'
  FROM (${EVENTS}) event`;

/** Events of one aggregate (`$4`), the first of which will fail and hold back the others. */
export const INSERT_HOT_KEY = `
  INSERT INTO integration.outbox_event (${COLUMNS})
  SELECT id, 'invoice.created', 'finance', 'invoice', $4, payload, payload_bytes, metadata FROM (${EVENTS}) event`;
