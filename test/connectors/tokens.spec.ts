import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ConnectorsEngine } from '../../src/connectors/connectors-engine.js';
import { FakeProvider } from '../../src/testing/fake-provider.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { authorized, type ConnectorApp, hrisOf, startConnectorApp } from './connector-app.js';

let database: TestDatabase;
let provider: FakeProvider;
let app: ConnectorApp;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

beforeEach(async () => {
  provider = await FakeProvider.start();
  app = await startConnectorApp(database, [hrisOf(provider)]);
});
afterEach(async () => {
  await app.close();
  await provider.close();
});

describe('the token of a connection', () => {
  it('is got by an authorization, and goes with each request', async () => {
    const id = await authorized(app, provider);
    const { fetch } = await app.connections.forTenant('acme').client(id);
    const answer = await fetch('/v1/me');
    expect(answer.status).toBe(200);
    expect(provider.requests.map(({ path }) => path)).toEqual(['/oauth/token', '/v1/me']);
  });

  it('that came just now is not replaced for a 401', async () => {
    const id = await authorized(app, provider);
    const { fetch } = await app.connections.forTenant('acme').client(id);
    provider.expireAccessTokens();
    expect((await fetch('/v1/me')).status).toBe(401);
    expect(provider.rotations).toBe(0);
  });

  it('is lost with its grant only where the answer of the provider was lost', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) ids.push(await authorized(app, provider));
    const { refresher } = app.context.get(ConnectorsEngine);
    const use = async () => {
      await database.pool.query(
        `UPDATE integration.connection_token SET next_refresh_at = NULL, expires_at = clock_timestamp() - interval '1 s',
           refreshed_at = clock_timestamp() - interval '1 h'`,
      );
      refresher.forget();
      const codes: string[] = [];
      for (const id of ids) {
        const { fetch } = await app.connections.forTenant('acme').client(id);
        codes.push(
          await fetch('/v1/me').then(
            ({ status }) => String(status),
            ({ code }) => code,
          ),
        );
      }
      return codes;
    };
    // The first answer comes, the second is reset, the third is a failure, and the others come.
    provider.next('/oauth/token').changes((body) => body);
    provider.next('/oauth/token').resets();
    provider.next('/oauth/token').answers(500);
    const lost = 'INTEGRATION_TOKEN_REFRESH_FAILED';
    expect(await use()).toEqual(['200', lost, lost, '200', '200', '200']);
    const dead = 'INTEGRATION_REAUTHORIZATION_REQUIRED';
    expect(await use()).toEqual(['200', dead, '200', '200', '200', '200']);
    expect([provider.lostRotations, provider.reuses, provider.revokedGrants]).toEqual([1, 1, 1]);
  });
});
