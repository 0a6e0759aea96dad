import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { z } from 'zod';
import {
  bearer,
  type ConnectionContext,
  Connector,
  ConnectorHealthCheck,
  ConnectorValidator,
  type TenantConnections,
} from '../../src/connectors/index.js';
import { FakeProvider } from '../../src/testing/fake-provider.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { authorized, type ConnectorApp, hrisOf, REDIRECT, startConnectorApp } from './connector-app.js';

const TOKEN = 'token-of-somebody-1234';

let database: TestDatabase;
let provider: FakeProvider;
let app: ConnectorApp;
let tenant: TenantConnections;
let health: (context: ConnectionContext) => unknown;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

beforeEach(async () => {
  health = ({ http }) => http.get('/me');
  provider = await FakeProvider.start({
    accepts: ({ headers }) => headers.authorization?.endsWith(TOKEN) === true,
  });
  app = await startConnectorApp(database, [vcsOf(provider), hrisOf(provider)]);
  tenant = app.connections.forTenant('acme');
});
afterEach(async () => {
  await app.close();
  await provider.close();
});

function vcsOf({ url }: FakeProvider): Type {
  @Connector({
    key: 'vcs',
    name: 'VCS',
    category: 'vcs',
    auth: bearer({ secret: 'token' }),
    config: z.object({ repo: z.string().min(1), depth: z.number().default(1) }),
    secrets: z.object({ token: z.string().min(10) }),
    http: { baseUrl: url },
  })
  class VcsConnector {
    @ConnectorValidator()
    validate({ repo }: { repo: string }) {
      return repo === 'forbidden' ? [{ path: 'config.repo', message: 'is forbidden' }] : [];
    }

    @ConnectorHealthCheck()
    health(context: ConnectionContext) {
      return health(context);
    }
  }
  return VcsConnector;
}

const GOOD = { connector: 'vcs', name: 'Code', config: { repo: 'a/b' }, secrets: { token: TOKEN } };

/** What of a connection is in the audit and in the log, in the order in which it came. */
async function traces(id: string): Promise<{ audit: string[]; events: string[] }> {
  const audit = await database.pool.query(
    `SELECT action, outcome FROM integration.integration_audit WHERE target = $1 ORDER BY id`,
    [`connection/${id}`],
  );
  const events = await database.pool.query(
    `SELECT event_name FROM integration.outbox_event WHERE aggregate_type = 'connection' AND aggregate_id = $1 ORDER BY position`,
    [id],
  );
  return {
    audit: audit.rows.map(({ action }) => action.replace('connections.', '')),
    events: events.rows.map(({ event_name }) => event_name.replace('integration.connection.', '')),
  };
}

describe('a connection', () => {
  it('goes through its states, each with its entry in the audit and its event', async () => {
    const { id, state } = await tenant.create({ ...GOOD, by: 'ann' });
    expect(state).toBe('draft');
    await tenant.enable(id);
    await tenant.disable(id);
    await tenant.enable(id);
    await tenant.update(id, { name: 'Source' });
    await tenant.rotateSecret(id, { name: 'token', value: `new-${TOKEN}` });
    await tenant.rotateKey(id);
    const { connection, notTold } = await tenant.revoke(id);
    expect([connection.state, notTold]).toEqual(['revoked', null]);
    await tenant.update(id, { secrets: { token: TOKEN } });
    expect((await tenant.get(id)).state).toBe('disabled');
    await tenant.remove(id);
    const verbs = [
      'create',
      'enable',
      'disable',
      'enable',
      'update',
      'rotate-secret',
      'rotate-key',
      'revoke',
      'update',
      'remove',
    ];
    const names = [
      'created',
      'enabled',
      'disabled',
      'enabled',
      'updated',
      'secret_rotated',
      'key_rotated',
      'revoked',
      'updated',
      'removed',
    ];
    expect(await traces(id)).toEqual({ audit: verbs, events: names });
    await expect(tenant.get(id)).rejects.toMatchObject({ code: 'INTEGRATION_CONNECTION_UNKNOWN' });
    const left = await database.pool.query('SELECT FROM integration.integration_secret WHERE owner_id = $1', [
      id,
    ]);
    expect(left.rowCount).toBe(0);
  });

  it('changes nothing, and says nothing, where it is so already', async () => {
    const { id } = await tenant.create(GOOD);
    await tenant.enable(id);
    await tenant.enable(id);
    await tenant.disable(id);
    await tenant.disable(id);
    await tenant.revoke(id);
    await tenant.revoke(id);
    expect((await traces(id)).events).toEqual(['created', 'enabled', 'disabled', 'revoked']);
  });

  it.each([
    ['a draft cannot be disabled', [], 'disable'],
    ['a revoked one cannot be disabled', ['revoke'], 'disable'],
    ['a revoked one cannot be enabled', ['revoke'], 'enable'],
    ['a draft is not used', [], 'client'],
    ['a disabled one is not used', ['enable', 'disable'], 'client'],
    ['a revoked one is not used', ['revoke'], 'client'],
  ] as const)('%s', async (_, before, refused) => {
    const { id } = await tenant.create(GOOD);
    for (const each of before) await tenant[each](id);
    const events = await traces(id);
    await expect(tenant[refused](id)).rejects.toMatchObject({ code: 'INTEGRATION_CONNECTION_STATE' });
    expect(await traces(id)).toEqual(events);
  });

  it('may be an invalid draft, and cannot be enabled then', async () => {
    const { id } = await tenant.create({ connector: 'vcs', name: 'Code', config: { repo: '' } });
    const problems = await tenant.validate(id);
    expect(problems.map(({ path }) => path)).toEqual(['config.repo', 'secrets.token', 'secrets.token']);
    await expect(tenant.enable(id)).rejects.toMatchObject({
      code: 'INTEGRATION_CONNECTION_INVALID',
      details: { problems },
    });
    await tenant.update(id, GOOD_UPDATE);
    expect(await tenant.validate(id)).toEqual([]);
    expect((await tenant.enable(id)).state).toBe('enabled');
  });

  it('is judged by the validator of its connector as well', async () => {
    const { id } = await tenant.create({ ...GOOD, config: { repo: 'forbidden' } });
    await expect(tenant.enable(id)).rejects.toMatchObject({
      details: { problems: [{ path: 'config.repo', message: 'is forbidden' }] },
    });
  });

  it('that is enabled cannot be changed to something that is wrong', async () => {
    const { id } = await tenant.create(GOOD);
    await tenant.enable(id);
    for (const wrong of [{ config: { repo: '' } }, { secrets: { token: 'short' } }])
      await expect(tenant.update(id, wrong)).rejects.toMatchObject({
        code: 'INTEGRATION_CONNECTION_INVALID',
      });
    await expect(tenant.rotateSecret(id, { name: 'token', value: 'short' })).rejects.toMatchObject({
      code: 'INTEGRATION_CONNECTION_INVALID',
    });
    expect((await traces(id)).events).toEqual(['created', 'enabled']);
    expect((await (await tenant.client(id)).fetch('/me')).status).toBe(200);
  });

  it('that nobody has authorized cannot be enabled', async () => {
    const { id } = await tenant.create({ connector: 'hris', name: 'HR', config: { region: 'eu' } });
    await expect(tenant.enable(id)).rejects.toThrow('nobody has authorized it yet');
  });

  it('is used with the values that its schema makes, and with its new secret at once', async () => {
    const { id } = await tenant.create({ ...GOOD, secrets: { token: 'wrong-token-0000' } });
    await tenant.enable(id);
    const client = await tenant.client<{ repo: string; depth: number }>(id);
    expect(client.config).toEqual({ repo: 'a/b', depth: 1 });
    expect((await client.fetch('/me')).status).toBe(401);
    await tenant.rotateSecret(id, { name: 'token', value: TOKEN });
    expect((await client.fetch('/me')).status).toBe(200);
    await tenant.disable(id);
    await expect(client.fetch('/me')).rejects.toMatchObject({ code: 'INTEGRATION_CONNECTION_STATE' });
  });

  it('hears of a change by another process', async () => {
    const { id } = await tenant.create(GOOD);
    await tenant.enable(id);
    const client = await tenant.client(id);
    await client.fetch('/me');
    const other = await startConnectorApp(database, [vcsOf(provider), hrisOf(provider)]);
    await other.connections.forTenant('acme').disable(id);
    await other.close();
    await until('the first one has heard it', () =>
      client.fetch('/me').then(
        () => false,
        ({ code }) => code === 'INTEGRATION_CONNECTION_STATE',
      ),
    );
  });

  it('is noted as used within a minute', async () => {
    const { id } = await tenant.create(GOOD);
    await tenant.enable(id);
    expect((await tenant.get(id)).lastUsedAt).toBeNull();
    await tenant.client(id);
    const used = await until('it is noted', async () => (await tenant.get(id)).lastUsedAt ?? undefined);
    expect(Math.abs(used.getTime() - Date.now())).toBeLessThan(60_000);
  });

  it('shows of its secrets nothing but the last characters', async () => {
    const { id } = await tenant.create(GOOD);
    const details = await tenant.get(id);
    expect(details.secrets).toEqual([expect.objectContaining({ name: 'token', last4: '1234', version: 1 })]);
    expect(JSON.stringify(details)).not.toContain(TOKEN);
  });

  it('is listed page by page, by connector, state and health', async () => {
    const all = [];
    for (const name of ['one', 'two', 'three']) all.push(await tenant.create({ ...GOOD, name }));
    const list = app.connections.forTenant('acme');
    const pages = [await list.list({ connector: 'vcs', state: 'draft' }, { limit: 1_000 })];
    expect(pages[0]?.connections.map(({ id }) => id)).toEqual(
      expect.arrayContaining(all.map(({ id }) => id)),
    );
    const first = await list.list({}, { limit: 2 });
    const second = await list.list({}, { limit: 1_000, after: first.next ?? '' });
    expect(new Set([...first.connections, ...second.connections].map(({ id }) => id)).size).toBe(
      first.connections.length + second.connections.length,
    );
    expect((await list.list({ health: 'failing' })).connections).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    ['no name', { name: '' }, /name must not be empty/],
    ['another field', { stat: 'enabled' }, /stat is not a field/],
    ['a secret that is no text', { secrets: { token: 7 } }, /The value of a secret/],
    ['an action that its connector lacks', { actions: ['find'] }, /has no action "find"/],
    ['a config that JSON cannot hold', { config: { n: 1n } }, /config must be what JSON can hold/],
  ])('with %s is refused', async (_, wrong, said) => {
    await expect(tenant.create({ ...GOOD, ...wrong } as never)).rejects.toThrow(said);
  });

  it('of a connector that nobody has is refused, with the nearest one', async () => {
    await expect(tenant.create({ ...GOOD, connector: 'vsc' })).rejects.toMatchObject({
      code: 'INTEGRATION_CONNECTOR_UNKNOWN',
      message: expect.stringContaining('did you mean vcs?'),
    });
  });

  it('is changed by several people at once without a change being lost', async () => {
    const { id } = await tenant.create(GOOD);
    await tenant.enable(id);
    await Promise.all(['one', 'two', 'three'].map((repo) => tenant.update(id, { config: { repo } })));
    expect((await traces(id)).events).toEqual(['created', 'enabled', 'updated', 'updated', 'updated']);
  });
});

const GOOD_UPDATE = { config: GOOD.config, secrets: GOOD.secrets };

describe('the health of a connection', () => {
  it('follows from its test, and each change of it is said once', async () => {
    const { id } = await tenant.create(GOOD);
    await tenant.enable(id);
    expect(await tenant.test(id)).toMatchObject({ ok: true, health: 'healthy', reason: null });
    health = () => {
      throw new Error(`refused ${TOKEN}`);
    };
    const failed = await tenant.test(id);
    await tenant.test(id);
    expect(failed).toMatchObject({ ok: false, health: 'failing' });
    expect(JSON.stringify([failed, await tenant.get(id)])).not.toContain(TOKEN);
    health = () => ({ authValid: true, rateLimitStatus: 'exceeded', details: { left: 0 } });
    expect(await tenant.test(id)).toMatchObject({ health: 'degraded', details: { left: 0 } });
    health = () => ({ authValid: false });
    expect(await tenant.test(id)).toMatchObject({ health: 'failing' });
    health = () => undefined;
    expect(await tenant.test(id)).toMatchObject({ health: 'healthy' });
    expect((await traces(id)).events).toEqual([
      'created',
      'enabled',
      'failing',
      'degraded',
      'failing',
      'recovered',
    ]);
  });

  it('is degraded if its config does not fit a new version of its connector, with the paths', async () => {
    const { id } = await tenant.create(GOOD);
    await tenant.enable(id);
    await database.pool.query(`UPDATE integration.connection SET config = '{"depth":"deep"}' WHERE id = $1`, [
      id,
    ]);
    for (let i = 0; i < 2; i++)
      await expect(tenant.client(id)).rejects.toMatchObject({
        code: 'INTEGRATION_CONNECTION_INVALID',
        details: { problems: [{ path: 'config.repo' }, { path: 'config.depth' }] },
      });
    expect(await tenant.get(id)).toMatchObject({
      health: 'degraded',
      healthReason: expect.stringContaining('config.repo'),
    });
    expect((await traces(id)).events).toEqual(['created', 'enabled', 'degraded']);
    await tenant.update(id, { config: GOOD.config });
    expect((await tenant.test(id)).ok).toBe(true);
  });
});

describe('a revocation', () => {
  it('tells the provider, deletes what is sealed, and the connection can be authorized again', async () => {
    const id = await authorized(app, provider);
    const { notTold } = await tenant.revoke(id);
    expect(notTold).toBeNull();
    expect(provider.revokedGrants).toBe(1);
    const left = await database.pool.query('SELECT FROM integration.integration_secret WHERE owner_id = $1', [
      id,
    ]);
    expect(left.rowCount).toBe(0);
    const { url } = await tenant.authorize(id, { redirectUrl: REDIRECT });
    const again = await app.connections.completeAuthorization(provider.approve(url), { tenantId: 'acme' });
    expect(again).toMatchObject({ id, state: 'disabled', health: 'healthy' });
    expect((await tenant.enable(id)).state).toBe('enabled');
    expect((await tenant.get(id)).token).toMatchObject({ generation: 3 });
  });

  it('deletes the credentials also if the provider cannot be told, and says so', async () => {
    const id = await authorized(app, provider);
    provider.next('/oauth/revoke').answers(503);
    const { notTold, connection } = await tenant.revoke(id);
    expect([connection.state, notTold]).toEqual(['revoked', expect.stringContaining('503')]);
    const { rows } = await database.pool.query(
      `SELECT after FROM integration.integration_audit WHERE target = $1 AND action = 'connections.revoke'`,
      [`connection/${id}`],
    );
    expect(rows[0].after.notTold).toContain('503');
  });
});
