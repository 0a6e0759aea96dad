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

const insertEvents = (aggregateId: string, availableAt = 'NULL') => `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, payload_bytes, metadata, available_at)
  SELECT id, 'invoice.created', 'finance', 'invoice', ${aggregateId}, payload, payload_bytes, metadata, ${availableAt} FROM (${EVENTS}) event`;

/** Events that wait for everybody. */
export const INSERT_BACKLOG = insertEvents(`'inv-' || (n % 5000)`);

/** Events that nobody may see before tomorrow. */
export const INSERT_DELAYED = insertEvents(`'later-' || (n % 5000)`, `now() + interval '1 day'`);

/** Events of one aggregate (`$4`), the first of which will fail and hold back the others. */
export const INSERT_HOT_KEY = insertEvents('$4');
