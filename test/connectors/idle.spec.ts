import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ConnectorsEngine } from '../../src/connectors/connectors-engine.js';
import { renewIdleTokens } from '../../src/connectors/credentials/idle-renewal.js';
import { idleTokens } from '../../src/connectors/credentials/idle-token.store.js';
import { FakeProvider } from '../../src/testing/fake-provider.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { authorized, type ConnectorApp, hrisOf, startConnectorApp } from './connector-app.js';

let database: TestDatabase;
let provider: FakeProvider;
let app: ConnectorApp;

beforeAll(async () => {
  database = await createTestDatabase();
  provider = await FakeProvider.start();
  app = await startConnectorApp(database, [hrisOf(provider)]);
});
afterAll(async () => {
  await app.close();
  await provider.close();
  await database.drop();
});

it('refresh tokens that nobody has used for a day are renewed, though their tokens are valid', async () => {
  const [used, idle, disabled] = [
    await authorized(app, provider),
    await authorized(app, provider),
    await authorized(app, provider, 'other'),
  ];
  await app.connections.forTenant('other').disable(disabled);
  await database.pool.query(
    `UPDATE integration.connection_token SET refreshed_at = clock_timestamp() - interval '25 hours', expires_at = clock_timestamp() + interval '1 hour'
     WHERE connection_id <> $1`,
    [used],
  );
  const { database: db, parts } = app.context.get(ConnectorsEngine);
  const found = await idleTokens(db, 24, 10);
  expect(found).toEqual([{ id: idle, tenantId: 'acme', connector: 'hris' }]);
  // The provider fails first, which costs the connection nothing.
  provider.next('/oauth/token').answers(503);
  await renewIdleTokens(found, parts.credentials, new AbortController().signal);
  expect(await app.connections.forTenant('acme').get(idle)).toMatchObject({
    health: 'healthy',
    token: { generation: 1 },
  });
  expect(await idleTokens(db, 24, 10)).toEqual([]);
  await database.pool.query('UPDATE integration.connection_token SET next_refresh_at = NULL');
  await renewIdleTokens(await idleTokens(db, 24, 10), parts.credentials, new AbortController().signal);
  expect((await app.connections.forTenant('acme').get(idle)).token?.generation).toBe(2);
  expect(provider.rotations).toBe(1);
});
