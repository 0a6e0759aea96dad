import { randomUUID } from 'node:crypto';
import { ConnectionStore } from '../../src/connectors/connections/connection.store.js';
import { ConnectionWebhookStore } from '../../src/connectors/connections/connection-webhook.store.js';
import { ConnectionWorkStore } from '../../src/connectors/connections/connection-work.store.js';
import { idleTokens } from '../../src/connectors/credentials/idle-token.store.js';
import { TokenStore } from '../../src/connectors/credentials/token.store.js';
import { ConnectorDefinitionStore } from '../../src/connectors/definition/connector-definition.store.js';
import { AuthorizationStore } from '../../src/connectors/oauth/authorization.store.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { IncomingEndpointStore } from '../../src/webhooks/incoming/endpoints/incoming-endpoint.store.js';
import type { TestApp } from './app.js';
import { fillSyncs, tourOfSyncs } from './sync-tour.js';
import type { TestDatabase } from './test-database.js';

export const CONNECTIONS = 20_000;

const idOf = (n: string) => `('00000000-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;

/** Connections of fifty tenants, each with a token, of which a hundredth was not used for days. */
export async function fillConnections(pool: TestDatabase['pool']): Promise<void> {
  await pool.query(`
    INSERT INTO integration.connection (id, tenant_id, connector, name, state, health, config, key_id, health_due_at)
      SELECT ${idOf('n')}, 'tenant-' || n % 50, (ARRAY['hris', 'crm'])[1 + n % 2], 'name', 'enabled', 'healthy', '{}', 'k',
        CASE WHEN n % 100 > 0 THEN now() + n * interval '1 second' END FROM generate_series(1, ${CONNECTIONS}) AS n;
    INSERT INTO integration.connection_token (connection_id, tenant_id, generation, is_renewable, refreshed_at, expires_at)
      SELECT ${idOf('n')}, 'tenant-' || n % 50, 1, true, now() - CASE WHEN n % 100 = 0 THEN interval '3 days' ELSE interval '1 hour' END, now()
      FROM generate_series(1, ${CONNECTIONS}) AS n;
    INSERT INTO integration.webhook_inbound (id, tenant_id, source, connection_id)
      SELECT ${idOf('n')}, 'tenant-' || n % 50, 'crm', ${idOf('n')} FROM generate_series(1, ${CONNECTIONS}) AS n;
    INSERT INTO integration.connection_webhook (endpoint_id, tenant_id, connection_id, source, wanted, wanted_no, done_no, status)
      SELECT ${idOf('n')}, 'tenant-' || n % 50, ${idOf('n')}, 'crm', true, 1, 1, 'subscribed' FROM generate_series(1, ${CONNECTIONS}) AS n;
    INSERT INTO integration.oauth_authorization (state_hash, tenant_id, connection_id, redirect_uri, scopes, expires_at)
      SELECT 'hash-' || n, 'tenant-' || n % 50, ${idOf('n')}, 'https://app.example', '{}', now() + interval '10 minutes'
      FROM generate_series(1, ${CONNECTIONS}) AS n;
    ANALYZE integration.connection, integration.connection_token, integration.connection_webhook, integration.webhook_inbound, integration.oauth_authorization`);
  await fillSyncs(pool);
}

/** Sends the statements of connections. */
export async function tourOfConnections(app: TestApp): Promise<void> {
  const { context } = app;
  const db = context.get(EngineDatabase, { strict: false });
  const store = new ConnectionStore(db);
  const tokens = new TokenStore(db);
  const authorizations = new AuthorizationStore(db);
  const of = { tenantId: 'tenant-1', id: '00000000-0000-7000-8000-000000000001' };
  await store.find(of.tenantId, of.id);
  await store.page(of.tenantId, {}, undefined, 10);
  await store.page(of.tenantId, { connector: 'crm', health: 'healthy' }, of.id, 10);
  await store.used(of);
  await tokens.read(of);
  const claim = { lease: randomUUID(), generation: 1 };
  await tokens.claim(of, claim, 1_000);
  await tokens.failed(of, claim, { firstMs: 0, mostMs: 0, leastMs: 0 });
  await idleTokens(db, 24, 100);
  const webhooks = new ConnectionWebhookStore(db);
  const work = new ConnectionWorkStore(db);
  await webhooks.list(of);
  await db.transaction((session) => webhooks.want(session, of, false));
  const claimed = await webhooks.claim({ ...of, endpointId: of.id }, randomUUID(), 1_000);
  if (claimed === undefined) throw new Error('the webhook is to be asked for');
  await webhooks.failed(claimed, 'reason', 1_000);
  await webhooks.done(claimed, {});
  await work.due(new Map([[of.id, 2]]));
  await work.claimHealth(of, 1_000);
  await work.healthLooked(of);
  await work.noHealthTime(of);
  const view = { key: 'hris', version: '1.0.0' } as never;
  await new ConnectorDefinitionStore(db).save([{ view, definition: {} }], 'test');
  await db.transaction(async (session) => {
    const row = await store.lock(session, of.tenantId, of.id);
    if (row === undefined) throw new Error('the connection is there');
    const added = await store.add(session, { ...row, id: randomUUID() });
    await tokens.prepare(session, added);
    await work.nextDue(session, [of.id]);
    await work.setHealthTime(session, of, 1_000);
    await work.giveHealthTimes(session, ['crm'], 1_000, 100);
    await authorizations.removeOver(session, 100);
    const endpoints = new IncomingEndpointStore(db);
    const endpoint = { id: randomUUID(), tenantId: added.tenantId, source: 'crm', externalId: null };
    await endpoints.add(session, { ...endpoint, connectionId: added.id, status: 'paused' });
    await webhooks.add(session, added, endpoint.id, 'crm');
    await endpoints.ofConnection(session, added.tenantId, added.id);
    await endpoints.setStatusOf(session, added.tenantId, added.id, 'active');
    await webhooks.removeOf(session, added);
    await endpoints.removeOf(session, added.tenantId, added.id);
    await store.change(session, row);
    await store.setState(session, row, 'enabled');
    await store.setHealth(session, row, 'healthy', null);
    await store.setGrant(session, row, [], undefined);
    await store.setKey(session, row, 'k');
    await tokens.claim(of, claim, 1_000);
    const token = { expiresInMs: 1_000, isRenewable: true };
    await tokens.giveUp(session, of, claim);
    await tokens.save(session, of, claim, token);
    await tokens.begin(session, of, token);
    await tokens.forgetFailures(session, of);
    await tokens.end(session, of);
    const stateHash = 'hash-new';
    const authorization = {
      stateHash,
      tenantId: of.tenantId,
      connectionId: of.id,
      redirectUri: '',
      scopes: [],
    };
    await authorizations.add(session, authorization, 1_000);
    await authorizations.use(session, of.tenantId, stateHash);
    await authorizations.removeOf(session, of.tenantId, of.id);
    await store.remove(session, added);
  });
  await tourOfSyncs(app);
}
