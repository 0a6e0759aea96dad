import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ConnectorsEngine } from '../../src/connectors/connectors-engine.js';
import { Connector, oidc } from '../../src/connectors/index.js';
import { silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type ConnectorApp, REDIRECT, startConnectorApp } from './connector-app.js';

/** It brings no types. */
const LIBRARY: string = 'oidc-provider';
const EXPIRIES = Number(process.env.OIDC_EXPIRIES ?? 25);
const PROCESSES = 3;
const CALLERS = 20;

/** What is used of oidc-provider. Its types are of another version of Koa's. */
interface Op {
  callback(): Parameters<typeof createServer>[1];
  on(event: string, told: (...given: unknown[]) => void): void;
  Client: { find(id: string): Promise<object> };
  Grant: new (of: object) => { addOIDCScope(scope: string): void; save(): Promise<string> };
  AuthorizationCode: new (of: object) => { save(): Promise<string> };
}

let database: TestDatabase;
let server: Server;
let issuer: string;
let op: Op;
let apps: ConnectorApp[] = [];
const counted = { refreshes: 0, revoked: 0 };

beforeAll(async () => {
  // The provider says at length that it is set up for a test.
  for (const method of ['warn', 'info'] as const)
    jest.spyOn(console, method).mockImplementation(() => undefined);
  database = await createTestDatabase();
  server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { default: Provider } = (await import(LIBRARY)) as unknown as {
    default: new (issuer: string, configuration: object) => Op;
  };
  op = new Provider(issuer, {
    clients: [
      {
        client_id: 'client',
        client_secret: 'secret',
        redirect_uris: [REDIRECT],
        grant_types: ['authorization_code', 'refresh_token'],
      },
    ],
    findAccount: (_: unknown, id: string) => ({
      accountId: id,
      claims: () => ({ sub: id, email: `${id}@hris.example` }),
    }),
    claims: { openid: ['sub'], email: ['email'] },
    conformIdTokenClaims: false,
    rotateRefreshToken: true,
    issueRefreshToken: () => true,
  });
  server.on('request', op.callback() as never);
  op.on('grant.success', (ctx) => {
    if ((ctx as { oidc: { params: { grant_type: string } } }).oidc.params.grant_type === 'refresh_token')
      counted.refreshes++;
  });
  op.on('grant.revoked', () => counted.revoked++);
});
afterAll(async () => {
  jest.restoreAllMocks();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
  await database.drop();
});
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
  silenceLog();
});

function start(): Promise<ConnectorApp> {
  @Connector({
    key: 'hris',
    name: 'HRIS',
    category: 'hr',
    auth: oidc({
      issuer,
      authorizationEndpoint: `${issuer}/auth`,
      tokenEndpoint: `${issuer}/token`,
      clientId: 'client',
      clientSecret: 'secret',
      scopes: ['email', 'offline_access'],
    }),
    http: { baseUrl: issuer },
  })
  class Hris {}
  return startConnectorApp(database, [Hris]);
}

/** A person agrees. Returns the URL to which the provider sends the person. */
async function agreed(authorizationUrl: string): Promise<string> {
  const asked = Object.fromEntries(new URL(authorizationUrl).searchParams);
  const grant = new op.Grant({ accountId: 'ann', clientId: 'client' });
  grant.addOIDCScope(asked.scope ?? '');
  const code = new op.AuthorizationCode({
    client: await op.Client.find('client'),
    accountId: 'ann',
    grantId: await grant.save(),
    redirectUri: asked.redirect_uri,
    scope: asked.scope,
    nonce: asked.nonce,
    codeChallenge: asked.code_challenge,
    codeChallengeMethod: asked.code_challenge_method,
    gty: 'authorization_code',
  });
  const url = new URL(asked.redirect_uri ?? '');
  url.searchParams.set('code', await code.save());
  url.searchParams.set('state', asked.state ?? '');
  url.searchParams.set('iss', issuer);
  return url.href;
}

async function connected(app: ConnectorApp): Promise<string> {
  const tenant = app.connections.forTenant('acme');
  const { id } = await tenant.create({ connector: 'hris', name: 'HR' });
  const { url } = await tenant.authorize(id, { redirectUrl: REDIRECT });
  await app.connections.completeAuthorization(await agreed(url), { tenantId: 'acme' });
  await tenant.enable(id);
  return id;
}

describe('a provider that rotates, and revokes the grant of a refresh token that comes twice', () => {
  it('says whose account it is, by an ID token that was checked', async () => {
    apps = [await start()];
    const id = await connected(apps[0] as ConnectorApp);
    const tenant = (apps[0] as ConnectorApp).connections.forTenant('acme');
    expect(await tenant.get(id)).toMatchObject({
      account: expect.stringMatching(/^ann/),
      scopes: ['openid', 'email', 'offline_access'],
      health: 'healthy',
    });
    const { http } = await tenant.client(id);
    expect(await http.get('/me')).toMatchObject({ sub: 'ann', email: 'ann@hris.example' });
  });

  it('an ID token for somebody else is refused', async () => {
    apps = [await start()];
    const [app] = apps as [ConnectorApp];
    const tenant = app.connections.forTenant('acme');
    const { id } = await tenant.create({ connector: 'hris', name: 'HR' });
    const { url } = await tenant.authorize(id, { redirectUrl: REDIRECT });
    const other = new URL(url);
    other.searchParams.set('nonce', 'of-another-authorization');
    await expect(
      app.connections.completeAuthorization(await agreed(other.href), { tenantId: 'acme' }),
    ).rejects.toMatchObject({ code: 'INTEGRATION_AUTHORIZATION_FAILED' });
  });

  it(`is asked once for each of ${EXPIRIES} expiries by ${PROCESSES} applications with ${CALLERS} callers each`, async () => {
    apps = await Promise.all(Array.from({ length: PROCESSES }, start));
    const id = await connected(apps[0] as ConnectorApp);
    counted.refreshes = 0;
    const clients = await Promise.all(apps.map((app) => app.connections.forTenant('acme').client(id)));
    for (let round = 0; round < EXPIRIES; round++) {
      await database.pool.query(
        `UPDATE integration.connection_token SET expires_at = clock_timestamp() - interval '1 s', refreshed_at = clock_timestamp() - interval '1 h' WHERE connection_id = $1`,
        [id],
      );
      for (const { context } of apps) context.get(ConnectorsEngine).refresher.forget(id);
      const calls = clients.flatMap((client) =>
        Array.from({ length: CALLERS }, () => client.http.get<{ sub: string }>('/me')),
      );
      expect(new Set((await Promise.all(calls)).map(({ sub }) => sub))).toEqual(new Set(['ann']));
    }
    expect(counted).toEqual({ refreshes: EXPIRIES, revoked: 0 });
  });
});
