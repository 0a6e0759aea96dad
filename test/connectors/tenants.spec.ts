import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { TenantConnections } from '../../src/connectors/index.js';
import { FakeProvider } from '../../src/testing/fake-provider.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { authorized, type ConnectorApp, hrisOf, REDIRECT, startConnectorApp } from './connector-app.js';

let database: TestDatabase;
let provider: FakeProvider;
let app: ConnectorApp;
let evil: TenantConnections;
let id: string;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

beforeEach(async () => {
  provider = await FakeProvider.start();
  app = await startConnectorApp(database, [hrisOf(provider)]);
  id = await authorized(app, provider);
  evil = app.connections.forTenant('evil');
});
afterEach(async () => {
  await app.close();
  await provider.close();
});

/** All that is stored, but for sealed bytes. */
async function everything(): Promise<unknown> {
  const tables = [
    'connection',
    'connection_token',
    'oauth_authorization',
    'integration_audit',
    'outbox_event',
  ];
  const contents = await Promise.all(
    tables.map((each) => database.pool.query(`SELECT * FROM integration.${each} ORDER BY 1`)),
  );
  const secrets = await database.pool.query(
    'SELECT id, version FROM integration.integration_secret ORDER BY 1',
  );
  return [...contents, secrets].map(({ rows }) => rows);
}

const REACHES: Readonly<Record<string, () => Promise<unknown>>> = {
  get: () => evil.get(id),
  update: () => evil.update(id, { name: 'Mine' }),
  validate: () => evil.validate(id),
  test: () => evil.test(id),
  enable: () => evil.enable(id),
  disable: () => evil.disable(id),
  revoke: () => evil.revoke(id),
  remove: () => evil.remove(id),
  authorize: () => evil.authorize(id, { redirectUrl: REDIRECT }),
  rotateSecret: () => evil.rotateSecret(id, { name: 'token', value: 'mine' }),
  rotateKey: () => evil.rotateKey(id),
  client: () => evil.client(id),
};

describe('a connection of another tenant', () => {
  it.each(Object.keys(REACHES))('is unknown to %s, and stays as it is', async (name) => {
    const before = await everything();
    await expect(REACHES[name]?.()).rejects.toMatchObject({
      code: 'INTEGRATION_CONNECTION_UNKNOWN',
      message: `This tenant has no connection "${id}"`,
    });
    expect(await everything()).toEqual(before);
  });

  it('is unknown also where this process has it in its memory', async () => {
    await (await app.connections.forTenant('acme').client(id)).fetch('/me');
    await expect(evil.client(id)).rejects.toMatchObject({ code: 'INTEGRATION_CONNECTION_UNKNOWN' });
  });

  it('is in no list', async () => {
    expect((await evil.list()).connections).toEqual([]);
    expect(
      (await evil.list({ connector: 'hris' }, { after: '00000000-0000-0000-0000-000000000000' })).connections,
    ).toEqual([]);
  });

  it('has every method of this test', () => {
    const methods = Object.getOwnPropertyNames(Object.getPrototypeOf(evil));
    const own = ['constructor', 'create', 'list'];
    const inner = [
      'updateSaid',
      'judged',
      'move',
      'removeAuthorizations',
      'changed',
      'found',
      'connectorOf',
      'connectorIfKnown',
      'endWebhooks',
    ];
    expect(methods.filter((each) => ![...own, ...inner].includes(each)).sort()).toEqual(
      Object.keys(REACHES).sort(),
    );
  });

  it.each([
    [
      'connection_token',
      `INSERT INTO integration.connection_token (connection_id, tenant_id, generation, is_renewable) VALUES ($1, 'evil', 1, false) ON CONFLICT (connection_id) DO UPDATE SET tenant_id = 'evil'`,
    ],
    [
      'oauth_authorization',
      `INSERT INTO integration.oauth_authorization (state_hash, tenant_id, connection_id, redirect_uri, scopes, expires_at) VALUES ('x', 'evil', $1, '', '{}', now())`,
    ],
  ])('cannot be named by a row of %s', async (_, sql) => {
    await expect(database.pool.query(sql, [id])).rejects.toMatchObject({ code: '23503' });
  });
});

describe('ids that are none', () => {
  it.each(['', 'x', "'; DROP TABLE integration.connection; --", '00000000-0000-0000-0000-000000000000'])(
    '%p is unknown',
    async (wrong) => {
      await expect(evil.get(wrong)).rejects.toMatchObject({ code: 'INTEGRATION_CONNECTION_UNKNOWN' });
    },
  );

  it.each([7, undefined, null, 'a'.repeat(128), 'a\0b'])('%p is no tenant', (wrong) => {
    expect(() => app.connections.forTenant(wrong as string)).toThrow('tenantId must be a text');
  });
});
