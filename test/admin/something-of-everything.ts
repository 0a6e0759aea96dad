import { EngineDatabase } from '../../src/database/engine-database.js';
import { IntegrationLinkService } from '../../src/index.js';
import { SecretService } from '../../src/secrets/index.js';
import { SecretParts } from '../../src/secrets/secret-parts.js';
import { withCall } from '../support/call-rows.js';
import { emptyTablesAnew } from '../support/empty-tables.js';
import { SAGA, withDeadLetterOfSaga, withSaga } from '../support/saga-rows.js';
import { SCHEDULE, withSchedule } from '../support/schedule-rows.js';
import { nameHandlingProcess, STORED_RESULT } from '../support/stub-rehearsals.js';
import type { TestDatabase } from '../support/test-database.js';
import { type AdminApp, registerConsumer } from './admin-app.js';
import { EARLIER_KEYS } from './every-section.js';

/** The id of the event that there is, and of the operation. */
export const EVENT_ID = '00000000-0000-7000-8000-000000000001';

/** What reads need in their query, by the path as the OpenAPI document has it. */
const QUERIES: Readonly<Record<string, string>> = {
  '/entities/{type}/{id}/graph': '?module=shop',
  '/events/{id}/history': '?consumer=billing',
  '/sagas/transitions': '?saga=order',
  '/events/{id}/lines': '?consumer=billing',
  '/events/{id}/rehearsal': '?consumer=billing',
  '/events/{id}/compared': '?consumer=billing&first=1&second=1',
  '/dead-letters/groups/{fingerprint}': '?consumer=billing',
};

/** Where an operation of the OpenAPI document finds what `fillWithSomething` has put into the database. */
export function targetOf(path: string): string {
  const filled = path
    .slice(1)
    .replace('entities/{type}/{id}', 'entities/thing/e1')
    .replace('{id}', EVENT_ID)
    .replace('{rehearsal}', EVENT_ID)
    .replace('{position}', '1')
    .replace('{schedule}', SCHEDULE)
    .replace('{saga}', SAGA.name)
    .replace('{key}', SAGA.key)
    .replace('{name}', 'billing')
    .replace('{source}', 'github')
    .replace('{fingerprint}', 'none');
  return `${filled}${QUERIES[path] ?? ''}`;
}

/** A body with which an operation of the OpenAPI document changes what is in the database. */
export async function bodyFor(path: string, database: TestDatabase): Promise<Record<string, unknown>> {
  if (path.endsWith('/repartition')) return { partitions: 2 };
  if (path === '/settings' || path.endsWith('/preview')) return { values: { batchSize: 7, maxAttempts: 9 } };
  if (path === '/operations' || path === '/operations/count') return { kind: 'redrive', consumer: 'billing' };
  // A process that is alive has handlers of it.
  if (path === '/consumers/{name}') return { force: true };
  if (path.endsWith('/rehearsals')) return { consumer: 'billing' };
  if (path.endsWith('/correct')) return { consumer: 'billing', payload: { right: true }, reason: 'typo' };
  if (path === '/sagas/{saga}/{key}/end') return { outcome: 'undone' };
  if (path.endsWith('/reseal')) return { tenant: 'acme' };
  if (path === '/webhooks/destinations')
    return { tenant: 'acme', url: 'https://receiver.example/new', eventTypes: ['*'], signing: 'v1a' };
  // Of the application's own events, none is public here.
  if (path.endsWith('/test')) return { type: 'integration.webhook.destination_failing' };
  if (path.includes('/replay')) return { since: '2026-01-01T00:00:00.000Z' };
  if (path.endsWith('/{fingerprint}')) return { note: 'known' };
  if (!path.endsWith('/restore')) return {};
  const { rows } = await database.pool.query(
    'SELECT min(id)::int AS "changeId" FROM integration.integration_setting_change',
  );
  return rows[0];
}

/**
 * Operations in an order in which each finds what it is of. A rehearsal is of a dead letter, which other changes
 * take away, and what was removed is gone.
 */
export function inTurn<T extends { readonly method: string; readonly path: string }>(
  operations: readonly T[],
): T[] {
  const turn = ({ method, path }: T) =>
    path.endsWith('/rehearsals') ? 0 : method === 'DELETE' || path.endsWith('/remove') ? 2 : 1;
  return [...operations].sort((one, two) => turn(one) - turn(two));
}

/** What a process says of its relays and sources. */
const RELAYS = {
  relays: [
    {
      name: 'orders',
      broker: 'kafka',
      addresses: ['orders'],
      eventNames: ['order.*'],
      seconds: 60,
      counts: { accepted: 7, refused: 1, duplicates: 0, unaccepted: 0 },
      latency: [7],
      lastRefusal: {
        msAgo: 7,
        reason: 'too large',
        eventId: EVENT_ID,
        eventName: 'order.placed',
        position: 1,
      },
    },
  ],
  sources: [
    {
      name: 'shop',
      broker: 'nats',
      addresses: [],
      seconds: 60,
      counts: { stored: 7, repeated: 0, rejected: 1 },
      lastRejection: { msAgo: 7, reason: 'no JSON' },
      failing: null,
    },
  ],
};

/** Something of everything that is read and changed. */
export async function fillWithSomething(database: TestDatabase, admin: AdminApp): Promise<void> {
  await registerConsumer(database, 'billing');
  await database.pool.query(
    `INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
     VALUES ($1::uuid, 'order.placed', 'shop', 'thing', 'e1', '{"id": 12345678901234567890}', jsonb_build_object('correlationId', $2::text))`,
    [EVENT_ID, EVENT_ID],
  );
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error, attempts)
     SELECT id, position, 'billing', aggregate_type, aggregate_id, 'dead_letter', 'boom',
       '[{"attempt": 1, "at": "2026-11-25T20:00:00.000Z", "ms": 7, "process": null, "host": "a", "pid": 1, "error": "boom",
          "stack": null, "fingerprint": "f", "lines": [{"at": "2026-11-25T20:00:00.000Z", "level": "log", "text": "of 12345678901234567890"}],
          "linesLeftOut": 0}]'::jsonb FROM integration.outbox_event
     UNION ALL
     SELECT gen_random_uuid(), 0, 'billing', 'thing', 'e0', 'dead_letter', 'gone from the log', NULL`,
  );
  await database.pool.query(
    `INSERT INTO integration.integration_operation (id, kind, filter, planned_events, requested_by, via)
     VALUES ($1, 'redrive', '{"consumerName": "billing"}', 1, 'ann', 'rest')`,
    [EVENT_ID],
  );
  await nameHandlingProcess(database, 'billing');
  await database.pool.query(
    `UPDATE integration.integration_process SET parts = $1 WHERE host = 'elsewhere'`,
    [JSON.stringify({ relay: RELAYS })],
  );
  await database.pool.query(
    `INSERT INTO integration.integration_rehearsal (id, state, consumer_name, outbox_event_id, position, requested_by, result)
     SELECT id, 'ended', 'billing', id, position, 'ann', $1::jsonb FROM integration.outbox_event`,
    [JSON.stringify(STORED_RESULT)],
  );
  await admin.app.get(IntegrationLinkService).createLink({
    sourceModule: 'shop',
    sourceEntityType: 'thing',
    sourceEntityId: 'e1',
    targetModule: 'shop',
    targetEntityType: 'thing',
    targetEntityId: 'e2',
    linkType: 'reference',
  });
  await database.pool.query(
    `INSERT INTO integration.event_contract (event_name, version, schema, schema_hash, visibility)
     VALUES ('billing', 1, '{"type": "object"}', repeat('0', 64), 'public'), ('billing', 2, NULL, NULL, 'internal')`,
  );
  await database.pool.query(
    `WITH endpoint AS (
       INSERT INTO integration.webhook_inbound (id, tenant_id, source) VALUES ($1, 'acme', 'github')
     ), source AS (
       INSERT INTO integration.webhook_source (source, last_accepted_at, last_refused_at, refused_since, refused_in_row)
       VALUES ('github', now() - interval '1 hour', now(), now(), 1)
     ), counted AS (
       INSERT INTO integration.webhook_count VALUES ('github', current_date, 'signature', 1)
     )
     INSERT INTO integration.webhook_refusal (source, at, step, delivery_id, endpoint_id, bytes)
     VALUES ('github', now(), 'signature', 'd1', $1::text, 7)`,
    [EVENT_ID],
  );
  // Nothing can be sent to its address, which is an inner one.
  await database.pool.query(
    `WITH destination AS (
       INSERT INTO integration.webhook_destination (id, tenant_id, url, event_types) VALUES ($1, 'acme', 'https://10.0.0.1/', '{*}')
     ), target AS (
       INSERT INTO integration.outgoing_target (kind, id, tenant_id, lane) VALUES ('webhook', $1, 'acme', 1)
     ), message AS (
       INSERT INTO integration.webhook_message (position, tenant_id, outbox_event_id, event_name, type, data, event_at)
       VALUES (1, 'acme', $1, 'order.placed', 'order.placed', '{"id": 12345678901234567890}', now())
     ), delivery AS (
       INSERT INTO integration.webhook_delivery (destination_id, position, tenant_id, entity, status, attempts)
       VALUES ($1, 1, 'acme', 0, 'dead', 1)
     )
     INSERT INTO integration.webhook_attempt (destination_id, position, attempt, duration_ms, status_code, answer)
     VALUES ($1, 1, 1, 7, 500, 'no 12345678901234567890')`,
    [EVENT_ID],
  );
  await withCall(database, { id: EVENT_ID, status: 'requested' });
  await withSaga(database);
  await withSchedule(database);
  await withDeadLetterOfSaga(database);
  const engine = admin.app.get(EngineDatabase, { strict: false });
  const earlier = new SecretParts(
    () => engine,
    () => EARLIER_KEYS,
  );
  const secret = { tenantId: 'acme', ownerType: 'shop', ownerId: 'main', name: 'api-key' };
  await new SecretService(earlier).store(secret, 'something');
}

/** The same, after everything that was changed or added is gone. */
export async function fillAgain(database: TestDatabase, admin: AdminApp): Promise<void> {
  const { rows } = await database.pool.query<{ name: string }>(
    `SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
     WHERE schemaname = 'integration' AND tablename NOT LIKE '%migration%' AND tablename <> 'integration_process'`,
  );
  await emptyTablesAnew(database.pool, ...rows.map(({ name }) => name));
  await fillWithSomething(database, admin);
}
