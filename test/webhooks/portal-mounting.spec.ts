import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Module, SetMetadata } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import {
  githubSource,
  type WebhookPortalOptions,
  WebhooksModule,
  type WebhooksModuleAsyncOptions,
} from 'nestjs-integration/webhooks';
import { IntegrationModule } from '../../src/index.js';
import { silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { emptyOutgoing } from './outgoing-app.js';
import { PORTAL, type PortalApp, type PortalSetup, startPortalApp, Tokens } from './portal-app.js';
import { PLATFORMS, SECRET } from './webhook-app.js';

let database: TestDatabase;
let running: PortalApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await Promise.all(running.map((app) => app.close()));
  running = [];
  silenceLog();
  await emptyOutgoing(database);
});
afterAll(() => database.drop());

async function start(setup?: PortalSetup): Promise<PortalApp> {
  const app = await startPortalApp(database, setup);
  running.push(app);
  return app;
}

/** Options without one of them, or with something else in its place. */
const withOptions = (given: object) => ({ ...PORTAL, ...given }) as WebhookPortalOptions;

describe.each(PLATFORMS)('on %s, the portal', (platform) => {
  it('lets nobody in whom its guards refuse, in the form of a problem', async () => {
    const { ask } = await start({ platform });
    expect(await ask(undefined, 'hooks/destinations')).toMatchObject({
      status: 401,
      json: { code: 'INTEGRATION_ADMIN_UNAUTHENTICATED', detail: 'Log in first' },
    });
    expect(await ask('nobody', 'hooks/destinations')).toMatchObject({
      status: 403,
      json: { code: 'INTEGRATION_ADMIN_DENIED' },
    });
    expect(await ask('ann', 'hooks/destinations')).toMatchObject({ status: 200, json: { items: [] } });
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['a number', 7],
    ['an object', { toString: () => 'acme' }],
    ['a list', ['acme']],
    ['a text that is too long', 'x'.repeat(128)],
    ['a text with the character 0', 'ac\0me'],
    ['a promise of nothing', Promise.resolve(undefined)],
  ])('answers 403 where the tenant is %s, and asks for no destination', async (_, tenant) => {
    const { ask } = await start({ platform, portal: { tenant: () => tenant as string } });
    for (const path of ['destinations', 'event-types', 'destinations/7'])
      expect(await ask('ann', `hooks/${path}`)).toMatchObject({
        status: 403,
        json: { code: 'INTEGRATION_ADMIN_DENIED', detail: 'Nobody knows for which tenant this request is' },
      });
    expect(await ask('ann', 'hooks/destinations', { method: 'POST', json: {} })).toMatchObject({
      status: 403,
    });
  });

  it.each<[string, () => never | Promise<never>]>([
    [
      'throws',
      () => {
        throw new Error('no session of 10.1.2.3');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no session of 10.1.2.3'))],
  ])('answers 403 where the function for the tenant %s, and says nothing of it', async (_, tenant) => {
    const { ask } = await start({ platform, portal: { tenant } });
    const refused = await ask('ann', 'hooks/destinations');
    expect(refused).toMatchObject({ status: 403 });
    expect(refused.text).not.toContain('session');
  });

  it('may find the tenant and the person later, and stands below paths, prefixes and beside versions', async () => {
    const app = await start({
      platform,
      portal: {
        path: 'my/webhooks',
        tenant: async (request) => PORTAL.tenant(request),
        by: async () => 7n,
      },
      prepare: (nest) => nest.setGlobalPrefix('api'),
    });
    const added = await app.ask('ann', 'api/my/webhooks/destinations', {
      method: 'POST',
      json: { url: 'https://receiver.example', eventTypes: ['*'] },
    });
    expect(added.status).toBe(200);
    const { rows } = await database.pool.query<{ actor: string }>(
      'SELECT actor FROM integration.integration_audit ORDER BY id DESC LIMIT 1',
    );
    expect(rows).toEqual([{ actor: 'tenant:acme/7' }]);
  });

  it.each<[string, unknown, string]>([
    ['nobody', undefined, 'tenant:acme'],
    ['an admin', 'grace\0 ', 'tenant:acme/grace'],
    ['an object', {}, 'tenant:acme'],
    ['a long name', 'x'.repeat(300), `tenant:acme/${'x'.repeat(120)}`],
  ])('names the tenant in the audit where the person is %s', async (_, by, actor) => {
    const app = await start({ platform, portal: { by: () => by as string } });
    const json = { url: 'https://receiver.example', eventTypes: ['*'] };
    expect(await app.ask('ann', 'hooks/destinations', { method: 'POST', json })).toMatchObject({
      status: 200,
    });
    const { rows } = await database.pool.query(
      'SELECT actor FROM integration.integration_audit ORDER BY id DESC LIMIT 1',
    );
    expect(rows).toEqual([{ actor }]);
  });

  it('takes its functions from forRootAsync, and its place beside it', async () => {
    const { tenant, by, ...mount } = PORTAL;
    @Injectable()
    class Owner {
      readonly tenant = tenant;
    }
    @Module({ providers: [Owner], exports: [Owner] })
    class OwnerModule {}
    const webhooks = WebhooksModule.forRootAsync({
      imports: [OwnerModule],
      inject: [Owner],
      useFactory: async (owner: Owner) => ({ outgoing: { portal: { tenant: owner.tenant, by } } }),
      portal: mount,
    });
    const { ask, app } = await start({ platform, webhooks });
    app.get(Tokens, { strict: false }).users.set('iris', { tenant: 'isle', name: 'iris' });
    const json = { url: 'https://receiver.example', eventTypes: ['*'] };
    expect(await ask('iris', 'hooks/destinations', { method: 'POST', json })).toMatchObject({ status: 200 });
    expect((await ask('iris', 'hooks/destinations')).json.items).toHaveLength(1);
    expect(await ask(undefined, 'hooks/destinations')).toMatchObject({ status: 401 });
  });

  it('shows no count of a log whose events the application tells apart by itself', async () => {
    const { ask } = await start({ platform, outgoing: { tenantOf: ({ aggregateId }) => aggregateId } });
    const json = { url: 'https://receiver.example', eventTypes: ['*'] };
    const { destination } = (await ask('ann', 'hooks/destinations', { method: 'POST', json })).json;
    const planned = await ask('ann', `hooks/destinations/${destination.id}/plan-replay`, {
      method: 'POST',
      json: { since: '2020-01-01T00:00:00Z' },
    });
    expect(planned).toMatchObject({ status: 200, json: { plannedEvents: null, plannedAtLeast: false } });
  });

  it('is of the engine without a name, where an application has several', async () => {
    const other = await createTestDatabase();
    try {
      const app = await start({
        platform,
        module: {
          imports: [
            IntegrationModule.forRoot({ name: 'orders', connectionString: other.url, role: 'publisher' }),
          ],
        },
      });
      const json = { url: 'https://receiver.example/named', eventTypes: ['*'] };
      expect(await app.ask('ann', 'hooks/destinations', { method: 'POST', json })).toMatchObject({
        status: 200,
      });
      const count = `SELECT count(*)::int AS count FROM integration.webhook_destination WHERE url LIKE '%/named'`;
      expect((await database.pool.query(count)).rows).toEqual([{ count: 1 }]);
      expect((await other.pool.query(count)).rows).toEqual([{ count: 0 }]);
      await app.close();
      running = [];
    } finally {
      await other.drop();
    }
  });
});

it('has the decorators of the application on its controller', async () => {
  const { app } = await start({ portal: { decorate: [SetMetadata('isPublic', true)] } });
  const controllers = [...app.get(ModulesContainer).values()].flatMap((each) => [...each.controllers.keys()]);
  const found = controllers.find((each) => (each as { name: string }).name === 'WebhookPortalController');
  expect(Reflect.getMetadata('isPublic', found as object)).toBe(true);
});

describe('the boot refuses a portal', () => {
  const refusalOf = (make: () => unknown) => {
    try {
      make();
    } catch (error) {
      return error;
    }
    throw new Error('it was not refused');
  };
  const unguarded = 'nobody guards the portal: give outgoing.portal.guards';

  it.each<[string, object, string]>([
    ['without guards', { guards: undefined }, unguarded],
    ['with an empty list of guards', { guards: [] }, unguarded],
    ['with what is no guard', { guards: ['admin'] }, unguarded],
    ['without a function for the tenant', { tenant: undefined }, 'outgoing.portal.tenant must be a function'],
    ['with a tenant that is a text', { tenant: 'acme' }, 'outgoing.portal.tenant must be a function'],
    ['with a name that is a text', { by: 'ann' }, 'outgoing.portal.by must be a function'],
    ['without a path', { path: undefined }, 'outgoing.portal.path must be a path'],
    ['with a parameter in its path', { path: ':tenant' }, 'outgoing.portal.path must be a path'],
    ['with decorators that are none', { decorate: ['x'] }, 'outgoing.portal.decorate must be a list'],
    ['with an option that nobody knows', { guard: [] }, 'outgoing.portal.guard'],
    [
      'below the path of incoming webhooks',
      { path: 'Webhooks/portal' },
      'must not lie below the path of incoming',
    ],
  ])('%s', (_, given, problem) => {
    const incoming = { sources: [githubSource({ secrets: SECRET })] };
    expect(
      refusalOf(() => WebhooksModule.forRoot({ incoming, outgoing: { portal: withOptions(given) } })),
    ).toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
      details: { problems: [expect.stringContaining(problem)] },
    });
  });

  it('that is no object', () => {
    const outgoing = { portal: 'hooks' as unknown as WebhookPortalOptions };
    expect(refusalOf(() => WebhooksModule.forRoot({ outgoing }))).toMatchObject({
      details: { problems: ['outgoing.portal must be an object, such as { path, guards, tenant }'] },
    });
  });

  const { tenant, ...mount } = PORTAL;
  const useFactory = () => ({ outgoing: { portal: { tenant } } });

  it.each<[string, object, string]>([
    ['of forRootAsync without guards', { ...mount, by: undefined, guards: [] }, 'give portal.guards'],
    [
      'of forRootAsync with the function for the tenant',
      { path: 'hooks', guards: mount.guards, tenant },
      'portal.tenant is for what makes the options',
    ],
    [
      'of forRootAsync below incoming webhooks',
      { path: 'webhooks', guards: mount.guards },
      'must not lie below',
    ],
  ])('%s', (_, portal, problem) => {
    const options = { useFactory, portal } as unknown as WebhooksModuleAsyncOptions;
    expect(refusalOf(() => WebhooksModule.forRootAsync(options))).toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
      details: { problems: expect.arrayContaining([expect.stringContaining(problem)]) },
    });
  });

  it.each<[string, object, string]>([
    [
      'that has a place and no function',
      { useFactory: () => ({ outgoing: {} }), portal: { path: 'hooks', guards: mount.guards } },
      'the portal needs outgoing.portal: { tenant }',
    ],
    ['that has a function and no place', { useFactory }, 'outgoing.portal needs a place'],
    [
      'whose guards come from a factory',
      {
        useFactory: () => ({ outgoing: { portal: { tenant, guards: [] } } }),
        portal: { path: 'hooks', guards: mount.guards, imports: mount.imports },
      },
      'outgoing.portal.guards',
    ],
  ])('%s', async (_, options, problem) => {
    const webhooks = WebhooksModule.forRootAsync(options as WebhooksModuleAsyncOptions);
    await expect(startPortalApp(database, { webhooks })).rejects.toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
      details: { problems: [expect.stringContaining(problem)] },
    });
  });
});
