import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { z } from 'zod';
import {
  apiKey,
  basic,
  bearer,
  Connector,
  type ConnectorAuth,
  clientCredentials,
  custom,
  fromSecret,
  mtls,
  type OAuth2Options,
  oauth2,
} from '../../src/connectors/index.js';
import {
  FakeProvider,
  type FakeProviderOptions,
  type FakeProviderRequest,
} from '../../src/testing/fake-provider.js';
import { makeCertificates } from '../support/certificates.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type ConnectorApp, REDIRECT, startConnectorApp } from './connector-app.js';

let database: TestDatabase;
let provider: FakeProvider;
let app: ConnectorApp | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
afterEach(async () => {
  await app?.close();
  app = undefined;
  await provider.close();
});

/** A client of a connection with this mode. The connection is authorized if it has to be. */
async function clientOf(
  auth: (of: FakeProvider) => ConnectorAuth,
  secrets: Record<string, string> = {},
  options: FakeProviderOptions = {},
) {
  provider = await FakeProvider.start(options);
  @Connector({
    key: 'modes',
    name: 'Modes',
    category: 'test',
    auth: auth(provider),
    secrets: z.record(z.string(), z.string()),
    http: { baseUrl: provider.url },
  })
  class Modes {}
  app = await startConnectorApp(database, [Modes as Type]);
  const tenant = app.connections.forTenant('acme');
  const { id } = await tenant.create({ connector: 'modes', name: 'Modes', secrets });
  const { mode } = auth(provider);
  if (mode === 'oauth2') {
    const { url } = await tenant.authorize(id, { redirectUrl: REDIRECT });
    await app.connections.completeAuthorization(provider.approve(url), { tenantId: 'acme' });
  }
  await tenant.enable(id);
  return { ...(await tenant.client(id)), id, tenant };
}

const came = (path: string) =>
  provider.requests.filter((each) => each.path === path).at(-1) as FakeProviderRequest;

describe('each mode shows its credentials', () => {
  const any = { accepts: () => true };

  it('bearer, without the end of the line that a file gave the secret', async () => {
    const { fetch } = await clientOf(() => bearer({ secret: 'pat' }), { pat: 'abc-123\n' }, any);
    await fetch('/me');
    expect(came('/me').headers.authorization).toBe('Bearer abc-123');
  });

  it('basic', async () => {
    const { fetch } = await clientOf(() => basic(), { username: 'ann', password: 'pä:ss' }, any);
    await fetch('/me');
    const [, text = ''] = came('/me').headers.authorization?.split(' ') ?? [];
    expect(Buffer.from(text, 'base64').toString()).toBe('ann:pä:ss');
  });

  it('apiKey in a header', async () => {
    const auth = () => apiKey({ header: 'X-Api-Key', prefix: 'Key ' });
    const { fetch } = await clientOf(auth, { apiKey: 'abc\r\n' }, any);
    await fetch('/me');
    expect(came('/me').headers['x-api-key']).toBe('Key abc');
  });

  it('apiKey in the query', async () => {
    const { fetch } = await clientOf(() => apiKey({ query: 'key' }), { apiKey: 'a b&c' }, any);
    await fetch('/me?page=2');
    expect(Object.fromEntries(came('/me').query)).toEqual({ page: '2', key: 'a b&c' });
  });

  it('oauth2', async () => {
    const { fetch } = await clientOf(({ endpoints }) => oauth2(endpoints));
    expect((await fetch('/me')).status).toBe(200);
  });

  it.each<[string, Partial<OAuth2Options>, string | null]>([
    ['userinfo', {}, 'ann@example.com'],
    [
      'account, which has userinfo',
      { account: ({ userinfo }) => (userinfo as { sub: string }).sub },
      'person-1',
    ],
    ['nobody, where userinfo fails', { userinfoEndpoint: 'http://127.0.0.1:1/userinfo' }, null],
  ])('oauth2, with an account that is said by %s', async (_, more, account) => {
    const routes = { '/userinfo': { sub: 'person-1', email: 'ann@example.com' } };
    const auth = ({ endpoints, url }: FakeProvider) =>
      oauth2({ ...endpoints, userinfoEndpoint: `${url}/userinfo`, ...more });
    const { tenant, id, fetch } = await clientOf(auth, {}, { routes });
    expect((await tenant.get(id)).account).toBe(account);
    expect((await fetch('/me')).status).toBe(200);
  });

  it('clientCredentials, with a client of each tenant', async () => {
    const auth = ({ endpoints: { tokenEndpoint } }: FakeProvider) =>
      clientCredentials({
        tokenEndpoint,
        clientId: fromSecret('id'),
        clientSecret: fromSecret('secret'),
        scopes: ['a', 'b'],
        tokenParameters: { audience: 'api' },
      });
    const { fetch } = await clientOf(auth, { id: 'client', secret: 'client-secret' });
    expect((await fetch('/me')).status).toBe(200);
    expect((await fetch('/me')).status).toBe(200);
    const asked = provider.requests.filter(({ path }) => path === '/oauth/token');
    expect(asked.map(({ body }) => Object.fromEntries(new URLSearchParams(body)))).toEqual([
      expect.objectContaining({ grant_type: 'client_credentials', scope: 'a b', audience: 'api' }),
    ]);
  });

  it('custom, with tokens that the connector gets', async () => {
    let logins = 0;
    const auth = () =>
      custom({
        apply: ({ headers }, { token, secrets }) => {
          headers.set('x-session', `${secrets.user}:${token?.accessToken}`);
        },
        refresh: async () => ({ accessToken: `session-${++logins}`, expiresInSeconds: 3_600 }),
      });
    const { fetch } = await clientOf(auth, { user: 'ann' }, any);
    await fetch('/me');
    await fetch('/me');
    expect([came('/me').headers['x-session'], logins]).toEqual(['ann:session-1', 1]);
  });

  it('oauth2 with a client that signs', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    provider = await FakeProvider.start();
    await provider.close();
    const auth = ({ endpoints }: FakeProvider) =>
      clientCredentials({
        tokenEndpoint: endpoints.tokenEndpoint,
        clientId: 'client',
        clientAuthentication: 'private_key_jwt',
        privateKey: fromSecret('key'),
        algorithm: 'ES256',
        keyId: 'k1',
      });
    const { fetch } = await clientOf(auth, { key: pem }, any).then((client) => {
      provider.next('/oauth/token').answers(200, { access_token: 'signed', token_type: 'bearer' });
      return client;
    });
    await fetch('/me');
    const form = new URLSearchParams(came('/oauth/token').body);
    const [head = '', claims = '', signature = ''] = (form.get('client_assertion') ?? '').split('.');
    const key = await crypto.subtle.importKey(
      'spki',
      Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })),
      { name: 'ECDSA', namedCurve: 'P-256' },
      false,
      ['verify'],
    );
    const isSigned = await crypto.subtle.verify(
      { name: 'ECDSA', hash: 'SHA-256' },
      key,
      Buffer.from(signature, 'base64url'),
      Buffer.from(`${head}.${claims}`),
    );
    expect(isSigned).toBe(true);
    expect(JSON.parse(Buffer.from(head, 'base64url').toString())).toMatchObject({ alg: 'ES256', kid: 'k1' });
    expect(came('/me').headers.authorization).toBe('Bearer signed');
  });
});

describe('mtls', () => {
  it('shows the certificate of the connection, and trusts its authority', async () => {
    const { authority, signed } = await makeCertificates();
    const shown: string[] = [];
    const server = createServer(
      { ...signed, ca: authority.cert, requestCert: true, rejectUnauthorized: true },
      (request, response) => {
        shown.push(String((request.socket as TLSSocket).getPeerCertificate().subject.CN));
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      },
    );
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const { port } = server.address() as AddressInfo;
    provider = await FakeProvider.start();
    @Connector({
      key: 'modes',
      name: 'Modes',
      category: 'test',
      auth: mtls({ ca: 'authority' }),
      secrets: z.record(z.string(), z.string()),
      http: { baseUrl: `https://127.0.0.1:${port}` },
    })
    class Modes {}
    app = await startConnectorApp(database, [Modes]);
    const tenant = app.connections.forTenant('acme');
    const secrets = { certificate: signed.cert, key: signed.key, authority: authority.cert };
    const { id } = await tenant.create({ connector: 'modes', name: 'M', secrets });
    await tenant.enable(id);
    const { fetch } = await tenant.client(id);
    expect((await fetch('/me')).status).toBe(200);
    expect(shown).toHaveLength(1);
    await tenant.rotateSecret(id, { name: 'key', value: 'no key at all' });
    await expect(fetch('/me')).rejects.toMatchObject({ code: 'INTEGRATION_HTTP_FAILED' });
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
});

describe('a token that the provider refuses', () => {
  async function old(options: FakeProviderOptions = {}) {
    const made = await clientOf(({ endpoints }) => oauth2(endpoints), {}, options);
    // It did not come just now.
    await database.pool.query(
      `UPDATE integration.connection_token SET refreshed_at = refreshed_at - interval '1 hour'`,
    );
    return made;
  }

  it('is renewed once, and the request is sent once more', async () => {
    const { fetch } = await old();
    provider.expireAccessTokens();
    expect((await fetch('/me')).status).toBe(200);
    expect(provider.requests.map(({ path }) => path)).toEqual(['/oauth/token', '/me', '/oauth/token', '/me']);
  });

  it('costs two requests a call, if the next one is refused as well', async () => {
    const { fetch } = await old({ accepts: () => false });
    expect((await fetch('/me')).status).toBe(401);
    expect(provider.requests.filter(({ path }) => path === '/me')).toHaveLength(2);
    // The token came just now, so it is not renewed for each further call.
    expect((await fetch('/me')).status).toBe(401);
    expect(provider.requests.filter(({ path }) => path === '/me')).toHaveLength(3);
    expect(provider.rotations).toBe(1);
  });

  it('is renewed once for many calls at once', async () => {
    const { fetch } = await old();
    provider.expireAccessTokens();
    const answers = await Promise.all(Array.from({ length: 20 }, () => fetch('/me')));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(provider.rotations).toBe(1);
  });
});

describe('quirks of providers', () => {
  let changed: FakeProvider | undefined;
  const quirky = (quirks: OAuth2Options['quirks'], change: (body: Record<string, unknown>) => unknown) =>
    clientOf((of) => {
      if (changed !== of) of.next('/oauth/token').changes(change);
      changed = of;
      return oauth2({ ...of.endpoints, scopes: ['a', 'b'], quirks });
    }, {});

  it.each<[string, OAuth2Options['quirks'], (body: Record<string, unknown>) => unknown]>([
    ['no type', { tokenType: 'bearer' }, ({ token_type: _, ...body }) => body],
    ['no lifetime', {}, ({ expires_in: _, ...body }) => body],
    ['a lifetime of 0', {}, (body) => ({ ...body, expires_in: 0 })],
    ['a lifetime that is text', {}, (body) => ({ ...body, expires_in: '3600' })],
    ['scopes with commas', { scopeSeparator: ',' }, (body) => ({ ...body, scope: 'a,b' })],
    ['an ID token that nobody asked for', {}, (body) => ({ ...body, id_token: 'x.y.z' })],
    ['fields that are null', {}, (body) => ({ ...body, scope: null })],
    ['a form', { form: true }, (body) => new URLSearchParams(body as Record<string, string>).toString()],
  ])('%s', async (_, quirks, change) => {
    const { fetch } = await quirky(quirks, change);
    expect((await fetch('/me')).status).toBe(200);
  });

  it('an answer without a type is refused where nothing says that it is one', async () => {
    await expect(quirky({}, ({ token_type: _, ...body }) => body)).rejects.toMatchObject({
      code: 'INTEGRATION_AUTHORIZATION_FAILED',
    });
  });

  it('an error in a 200, by a name of its own', async () => {
    const quirks = { errorIn200: true, errors: { bad_refresh_token: 'invalid_grant' } };
    const { fetch, tenant, id } = await quirky(quirks, (body) => ({ ...body, expires_in: 3_600 }));
    await database.pool.query(
      `UPDATE integration.connection_token SET expires_at = clock_timestamp() - interval '1 s', refreshed_at = clock_timestamp() - interval '1 h'`,
    );
    provider.next('/oauth/token').answers(200, { ok: false, error: 'bad_refresh_token' });
    await expect(fetch('/me')).rejects.toMatchObject({ code: 'INTEGRATION_REAUTHORIZATION_REQUIRED' });
    expect((await tenant.get(id)).health).toBe('needs_reauthorization');
  });

  it.each([
    ['500 with invalid_grant', 500, { error: 'invalid_grant' }],
    ['429', 429, {}],
    ['a page of HTML', 200, '<html>'],
    ['JSON that is no object', 200, [1]],
    ['no access token', 200, { token_type: 'bearer' }],
    ['another error', 400, { error: 'invalid_client' }],
  ])('%s does not end a grant', async (_, status, body) => {
    const { fetch, tenant, id } = await clientOf(({ endpoints }) => oauth2(endpoints));
    await database.pool.query(
      `UPDATE integration.connection_token SET expires_at = clock_timestamp() - interval '1 s', refreshed_at = clock_timestamp() - interval '1 h'`,
    );
    provider.next('/oauth/token').answers(status, body);
    await expect(fetch('/me')).rejects.toMatchObject({ code: 'INTEGRATION_TOKEN_REFRESH_FAILED' });
    expect((await tenant.get(id)).health).toBe('failing');
    expect((await tenant.get(id)).token).not.toBeNull();
  });
});
