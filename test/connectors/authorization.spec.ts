import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { TenantConnections } from '../../src/connectors/index.js';
import { FakeProvider } from '../../src/testing/fake-provider.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { authorized, type ConnectorApp, hrisOf, REDIRECT, startConnectorApp } from './connector-app.js';

const ISSUER = 'https://provider.example';

let database: TestDatabase;
let provider: FakeProvider;
let app: ConnectorApp;
let tenant: TenantConnections;
let id: string;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

beforeEach(async () => {
  provider = await FakeProvider.start({ oauth: { issuer: ISSUER } });
  app = await startConnectorApp(database, [hrisOf(provider, { issuer: ISSUER })]);
  tenant = app.connections.forTenant('acme');
  ({ id } = await tenant.create({ connector: 'hris', name: 'HR', config: { region: 'eu' } }));
});
afterEach(async () => {
  await app.close();
  await provider.close();
});

const begin = async () => (await tenant.authorize(id, { redirectUrl: REDIRECT })).url;
const complete = (url: string, tenantId = 'acme') => app.connections.completeAuthorization(url, { tenantId });
/** What is sealed of the authorization of a callback. */
async function secretsOf(callback: string): Promise<unknown[]> {
  const state = new URL(callback).searchParams.get('state') ?? '';
  const hash = createHash('sha256').update(state).digest('hex');
  const left = await database.pool.query(
    `SELECT owner_id FROM integration.integration_secret WHERE owner_type = 'oauth_authorization' AND owner_id = $1`,
    [hash],
  );
  return left.rows;
}
const STATE = { code: 'INTEGRATION_AUTHORIZATION_STATE' };
const FAILED = { code: 'INTEGRATION_AUTHORIZATION_FAILED' };

describe('an authorization', () => {
  it('sends a person to the provider with a state, PKCE and the scopes', async () => {
    const url = new URL(await begin());
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: 'code',
      client_id: 'client',
      redirect_uri: REDIRECT,
      scope: 'employees.read',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      state: expect.stringMatching(/^[\w-]{43}$/),
    });
    expect(url.href).not.toContain('client-secret');
  });

  it('brings a token, and says what was granted', async () => {
    const connection = await complete(provider.approve(await begin()));
    expect(connection).toMatchObject({ id, state: 'draft', health: 'healthy', scopes: ['employees.read'] });
    expect((await tenant.enable(id)).state).toBe('enabled');
  });

  it('stores neither the state nor the verifier in a form that can be read', async () => {
    const asked = new URL(await begin()).searchParams;
    const { rows } = await database.pool.query('SELECT * FROM integration.oauth_authorization');
    expect(JSON.stringify(rows)).not.toContain(asked.get('state'));
  });

  it('again keeps the connection, and the old grant until then', async () => {
    await complete(provider.approve(await begin()));
    await tenant.enable(id);
    const { fetch } = await tenant.client(id);
    const url = await begin();
    expect((await fetch('/me')).status).toBe(200);
    provider.revokeGrants();
    await complete(provider.approve(url));
    expect((await fetch('/me')).status).toBe(200);
    expect(await tenant.get(id)).toMatchObject({ state: 'enabled', token: { generation: 2 } });
  });

  it('again heals a connection that needed it', async () => {
    await authorized(app, provider, 'other');
    await complete(provider.approve(await begin()));
    await tenant.enable(id);
    provider.revokeGrants();
    await database.pool.query(
      `UPDATE integration.connection_token SET expires_at = clock_timestamp() - interval '1 s', refreshed_at = clock_timestamp() - interval '1 h'`,
    );
    const fresh = await startConnectorApp(database, [hrisOf(provider, { issuer: ISSUER })]);
    const { fetch } = await fresh.connections.forTenant('acme').client(id);
    await expect(fetch('/me')).rejects.toMatchObject({ code: 'INTEGRATION_REAUTHORIZATION_REQUIRED' });
    await fresh.close();
    expect((await tenant.get(id)).health).toBe('needs_reauthorization');
    // A test does not heal it, because only a grant does.
    expect((await tenant.test(id)).health).toBe('needs_reauthorization');
    expect((await complete(provider.approve(await begin()))).health).toBe('healthy');
    expect((await (await tenant.client(id)).fetch('/me')).status).toBe(200);
  });
});

describe('a way back is refused', () => {
  it('the second time', async () => {
    const callback = provider.approve(await begin());
    await complete(callback);
    await expect(complete(callback)).rejects.toMatchObject(STATE);
  });

  it('the second time, also if both come at once', async () => {
    const callback = provider.approve(await begin());
    const both = await Promise.allSettled([complete(callback), complete(callback)]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  it('with the session of another tenant, and changes nothing there', async () => {
    const callback = provider.approve(await begin());
    await expect(complete(callback, 'evil')).rejects.toMatchObject(STATE);
    expect((await app.connections.forTenant('evil').list()).connections).toEqual([]);
    // It is still good for the tenant that has begun it.
    expect((await complete(callback)).tenantId).toBe('acme');
  });

  it('after ten minutes', async () => {
    const callback = provider.approve(await begin());
    await database.pool.query(
      `UPDATE integration.oauth_authorization SET expires_at = expires_at - interval '10 minutes'`,
    );
    await expect(complete(callback)).rejects.toMatchObject(STATE);
  });

  it.each([
    ['without a state', (url: URL) => url.searchParams.delete('state')],
    ['with a state that nobody gave', (url: URL) => url.searchParams.set('state', 'made-up')],
    ['with two states', (url: URL) => url.searchParams.append('state', 'made-up')],
    ['at another path', (url: URL) => (url.pathname = '/other')],
    ['at another host', (url: URL) => (url.host = 'evil.example')],
  ])('%s', async (_, change) => {
    const callback = new URL(provider.approve(await begin()));
    change(callback);
    await expect(complete(callback.href)).rejects.toMatchObject(STATE);
    expect(provider.requests).toEqual([]);
  });

  it.each([
    [
      'with the issuer of another provider',
      (url: URL) => url.searchParams.set('iss', 'https://evil.example'),
    ],
    ['without an issuer', (url: URL) => url.searchParams.delete('iss')],
    ['with a code that is none', (url: URL) => url.searchParams.set('code', 'made-up')],
  ])('%s', async (_, change) => {
    const callback = new URL(provider.approve(await begin()));
    change(callback);
    await expect(complete(callback.href)).rejects.toMatchObject(FAILED);
    expect((await tenant.get(id)).token).toBeNull();
  });

  it('if the person has refused, with the error of the provider', async () => {
    await expect(complete(provider.deny(await begin()))).rejects.toMatchObject({
      ...FAILED,
      message: expect.stringContaining('access_denied'),
    });
    const callback = provider.deny(await begin(), '<script>alert(1)</script>');
    await expect(complete(callback)).rejects.toMatchObject({
      ...FAILED,
      message: expect.not.stringContaining('script'),
    });
  });

  it('if the connection was removed meanwhile', async () => {
    const callback = provider.approve(await begin());
    expect(await secretsOf(callback)).toHaveLength(1);
    await tenant.remove(id);
    await expect(complete(callback)).rejects.toMatchObject(STATE);
    expect(await secretsOf(callback)).toEqual([]);
  });
});

describe('authorize is refused', () => {
  it.each([
    'https://evil.example/callback',
    `${REDIRECT}/`,
    `${REDIRECT}?next=https://evil.example`,
    'https://app.example.evil.example/callback',
  ])('for a URL that the module does not name: %s', async (redirectUrl) => {
    await expect(tenant.authorize(id, { redirectUrl })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });

  it('for a connection of another tenant', async () => {
    await expect(
      app.connections.forTenant('evil').authorize(id, { redirectUrl: REDIRECT }),
    ).rejects.toMatchObject({ code: 'INTEGRATION_CONNECTION_UNKNOWN' });
  });
});
