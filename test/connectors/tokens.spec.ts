import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
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

  it('is renewed after a 401, and the request is sent once more', async () => {
    const id = await authorized(app, provider);
    const { fetch } = await app.connections.forTenant('acme').client(id);
    await fetch('/v1/me');
    provider.expireAccessTokens();
    // The token came just now, so it is believed.
    expect((await fetch('/v1/me')).status).toBe(401);
  });
});
