import { describe, expect, it } from '@jest/globals';
import { oneLine, storeStatements, TABLES } from '../support/store-statements.js';

/** The tables of outgoing webhooks and of connections that belong to tenants. */
const OF_TENANTS = [
  'connection',
  'connectionToken',
  'connectionWebhook',
  'oauthAuthorization',
  'syncStream',
  'syncRun',
  'syncRecord',
  'syncProblem',
  'webhookDestination',
  'webhookSubscription',
  'webhookMessage',
  'webhookDelivery',
  'webhookAttempt',
];
const OTHERS = TABLES.filter((table) => !OF_TENANTS.includes(table));

/** The beginning of each statement that names no tenant, and why it does not have to. */
const WITHOUT_TENANT: Readonly<Record<string, string>> = {
  'connectors/credentials/token.store.ts (extract(epoch FROM': 'a part of statements that name the tenant',
  'connectors/connections/connection-work.store.ts SELECT i.key':
    'the owner of a lane asks for targets of its lanes, and gets the tenant of each',
  'connectors/connections/connection-work.store.ts SELECT t.id':
    'it returns a time of each target of the lane, and nothing of the tenant',
  'connectors/connections/connection-work.store.ts WITH without AS':
    'a task gives a time to connections of all tenants',
  'connectors/oauth/authorization.store.ts DELETE FROM "integration".oauth_authorization a WHERE a.ctid':
    'retention deletes what is over, of every tenant, and returns the tenants',
  'connectors/syncs/stream.store.ts SELECT DISTINCT c.id':
    'the boot looks at the connections of all tenants, and returns the tenant of each',
  'connectors/syncs/stream.store.ts SELECT s.id::text AS key':
    'the owner of a lane asks for what is due, of every tenant; it returns the tenants',
  'connectors/syncs/stream.store.ts SELECT t.target::text':
    'it returns a time of each target of the lane, and nothing of the tenant',
  'connectors/syncs/sync-retention.store.ts DELETE FROM "integration".sync_run':
    'retention deletes old runs, of every tenant',
  'connectors/syncs/sync-retention.store.ts DELETE FROM "integration".sync_record':
    'retention deletes old marks of deleted records, of every tenant',
  'connectors/syncs/sync-trouble.store.ts SELECT …, coalesce': 'doctor looks at all tenants',
  'connectors/syncs/sync-trouble.store.ts SELECT s.id': 'the same',
  'connectors/syncs/sync-trouble.store.ts SELECT status': 'metrics count the streams of all tenants',
  'webhooks/outgoing/destinations/delivery-retention.store.ts page AS MATERIALIZED':
    'a part of statements of retention, which go on with the tenant of each message',
  'webhooks/outgoing/destinations/delivery-retention.store.ts WITH …, held AS MATERIALIZED':
    'the part about what is needed compares the tenant',
  'webhooks/outgoing/destinations/delivery-retention.store.ts DELETE FROM "integration".webhook_message m':
    'the same',
  'webhooks/outgoing/destinations/delivery-retention.store.ts WITH RECURSIVE owner (id)':
    'retention deletes what is left of destinations that are gone, of every tenant',
  'webhooks/outgoing/destinations/delivery-retention.store.ts DELETE FROM "integration".webhook_delivery WHERE ctid':
    'retention deletes dead deliveries without a body, of every tenant',
  'webhooks/outgoing/destinations/destination-checks.store.ts SELECT v.destination_id':
    'a part of the next statement',
  'webhooks/outgoing/destinations/destination-checks.store.ts WITH RECURSIVE waiting (id)':
    'doctor looks at all tenants',
  'webhooks/outgoing/destinations/destination-look.store.ts (SELECT count(*)::int':
    'a part of a statement that has chosen the destination',
  'webhooks/outgoing/destinations/destination-look.store.ts SELECT d.id':
    'admins see the destinations of all tenants',
  'webhooks/outgoing/destinations/destination.store.ts SELECT … FROM "integration".webhook_destination d WHERE d.status = \'disabled\'':
    'doctor looks at all tenants',
  'webhooks/outgoing/destinations/destination.store.ts SELECT …, l.first': 'the same',
  'webhooks/outgoing/routing/catch-up.store.ts SELECT d.id, d.tenant_id':
    'the owner of a lane looks for what is behind, and gets the tenant of each',
  'webhooks/outgoing/routing/routing.store.ts SELECT position FROM':
    'it holds messages that the caller writes, and returns positions that the caller has given',
  'webhooks/outgoing/sender/sending.store.ts SELECT id, max_in_flight':
    'the owner of a lane asks for targets of its lanes, of every tenant',
  'webhooks/outgoing/sender/sending.store.ts SELECT id, tenant_id': 'the same; it returns the tenants',
  'webhooks/outgoing/sender/sending.store.ts WITH given AS (':
    'the save has the keys of deliveries that the look has read for the tenant',
  'webhooks/outgoing/sender/sending.store.ts UPDATE "integration".webhook_delivery v SET due_at': 'the same',
  'webhooks/outgoing/sender/sending.store.ts SELECT w.id, (SELECT due_at':
    'it returns a time of each target of the lane, and nothing of the tenant',
};

/** A comparison with a tenant, or a new row of one. What only shows the column does not count. */
const NAMES_TENANT =
  /\btenant_id = |= (\w+\.)?tenant_id\b|\btenant_id, (d\.)?id\) IN |INSERT INTO [^(]+\([^)]*\btenant_id\b/;

function withoutTenant(): string[] {
  return storeStatements(OTHERS)
    .filter(({ place }) => /^(?:webhooks\/outgoing|connectors)\//.test(place))
    .filter(({ text }) => !NAMES_TENANT.test(text))
    .map(({ place, text }) => `${place.replace(/:\d+$/, '')} ${oneLine(text)}`);
}

describe('statements over the tables of tenants', () => {
  it('name the tenant, or have a reason', () => {
    const found = withoutTenant();
    const reasons = Object.keys(WITHOUT_TENANT);
    expect(found.filter((each) => !reasons.some((beginning) => each.startsWith(beginning)))).toEqual([]);
    // A reason that is not needed any more would hide the next statement that begins so.
    expect(reasons.filter((beginning) => !found.some((each) => each.startsWith(beginning)))).toEqual([]);
  });

  it.each([
    ['SELECT data FROM webhook_message WHERE position = $1', false],
    ['SELECT d.tenant_id AS "tenantId", d.url FROM webhook_destination d WHERE d.id = $1', false],
    ['SELECT d.url FROM webhook_destination d WHERE d.id = $1 AND d.tenant_id = $2', true],
    ['INSERT INTO webhook_subscription (event_type, destination_id) VALUES ($1, $2)', false],
  ])('are told apart: %s', (sql, names) => {
    expect(NAMES_TENANT.test(sql)).toBe(names);
  });
});
