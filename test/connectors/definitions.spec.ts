import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, Scope, type Type } from '@nestjs/common';
import { z } from 'zod';
import {
  apiKey,
  basic,
  bearer,
  Connector,
  ConnectorAction,
  ConnectorHealthCheck,
  type ConnectorOptions,
  ConnectorValidator,
  ConnectorWebhook,
  type ConnectorWebhookOptions,
  clientCredentials,
  custom,
  fromConfig,
  fromSecret,
  mtls,
  oauth2,
  oidc,
  rate,
} from '../../src/connectors/index.js';
import { githubSource } from '../../src/webhooks/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type ConnectorApp, startConnectorApp } from './connector-app.js';

let database: TestDatabase;
let app: ConnectorApp | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
afterEach(async () => {
  await app?.close();
  app = undefined;
});

const GOOD = {
  key: 'good',
  name: 'Good',
  category: 'test',
  auth: bearer({ secret: 'token' }),
  secrets: z.object({ token: z.string() }),
  http: { baseUrl: 'https://api.example' },
};
const OAUTH = {
  authorizationEndpoint: 'https://provider.example/authorize',
  tokenEndpoint: 'https://provider.example/token',
  clientId: 'id',
  clientSecret: 'secret',
  scopes: ['read'],
};

const { authorizationEndpoint: _, ...OF_CLIENT } = OAUTH;

function connector(options: object): Type {
  @Connector({ ...GOOD, ...options } as ConnectorOptions)
  class Wrong {}
  return Wrong;
}

async function problemsOf(...providers: Type[]): Promise<string[]> {
  try {
    app = await startConnectorApp(database, providers);
  } catch (error) {
    const { code, details } = error as { code: string; details: { problems: string[] } };
    expect(code).toBe('INTEGRATION_CONNECTOR_INVALID');
    return details.problems;
  }
  return [];
}

describe('a wrong definition fails the boot, and says what is wrong and where', () => {
  it.each<[string, object, RegExp]>([
    ['no key', { key: undefined }, /key must have/],
    ['a key with capitals', { key: 'HRIS' }, /key must have/],
    ['a key that is too long', { key: 'a'.repeat(64) }, /key must have/],
    ['no name', { name: '' }, /name must not be empty/],
    ['a name that is no text', { name: 7 }, /name must be a string/],
    ['a version that is none', { version: 'one' }, /version must be/],
    ['a category with a space', { category: 'hr tools' }, /category must have/],
    ['another direction', { direction: 'up' }, /direction must be one of in, out, both/],
    ['tags that are no list', { tags: 'hr' }, /tags must be a list/],
    ['a logo without TLS', { branding: { logoUrl: 'http://a.example/x.png' } }, /branding.logoUrl/],
    ['a color that is none', { branding: { color: 'blue' } }, /branding.color/],
    ['an unknown option', { retries: 3 }, /retries is not an option of @Connector/],
    ['a config that is no schema', { config: { region: 'eu' } }, /config must be a schema/],
    ['secrets that are no schema', { secrets: ['token'] }, /secrets must be a schema/],
    ['no http', { http: undefined }, /http must be an object/],
    ['a base URL that is none', { http: { baseUrl: '/v1' } }, /http.baseUrl must be a URL/],
    ['a base URL with a query', { http: { baseUrl: 'https://a.example?k=1' } }, /http.baseUrl must be a URL/],
    ['a base URL with a user', { http: { baseUrl: 'https://u:p@a.example' } }, /http.baseUrl must be a URL/],
    [
      'an origin with a path',
      { http: { baseUrl: 'https://a.example', origins: ['https://b.example/x'] } },
      /http.origins/,
    ],
    [
      'a limit that is none',
      { http: { baseUrl: 'https://a.example', limits: [{ limit: 1 }] } },
      /http.limits\[0\]/,
    ],
    ['variables that are no list', { env: 'HRIS_KEY' }, /env must be a list/],
    ['a variable without a purpose', { env: [{ name: 'A', where: 'there' }] }, /env\[0\].purpose/],
    ['auth that is none', { auth: 'bearer' }, /auth must be what one of these returns/],
    [
      'an unknown option of a mode',
      { auth: bearer({ header: 'x' } as object) },
      /auth.header is not an option of bearer/,
    ],
    ['a secret that the schema lacks', { auth: bearer({ secret: 'tocken' }) }, /auth reads "tocken"/],
    ['secrets without a schema', { auth: basic(), secrets: undefined }, /there is no option secrets/],
    [
      'a key in two places',
      { auth: apiKey({ secret: 'token', header: 'x', query: 'y' }) },
      /either header or query/,
    ],
    ['a key in no place', { auth: apiKey({ secret: 'token' }) }, /either header or query/],
    [
      'a header that is none',
      { auth: apiKey({ secret: 'token', header: 'x y' }) },
      /auth.header must be the name/,
    ],
    [
      'a token endpoint that is none',
      { auth: oauth2({ ...OAUTH, tokenEndpoint: 'token' }) },
      /auth.tokenEndpoint/,
    ],
    ['no client id', { auth: oauth2({ ...OAUTH, clientId: '' }) }, /auth.clientId/],
    ['a scope with a space', { auth: oauth2({ ...OAUTH, scopes: ['a b'] }) }, /auth.scopes/],
    ['an ID token without an issuer', { auth: oidc({ ...OAUTH } as never) }, /auth.issuer/],
    [
      'a key for JWTs that is missing',
      { auth: oauth2({ ...OAUTH, clientAuthentication: 'private_key_jwt' }) },
      /there is no auth.privateKey/,
    ],
    [
      'an unknown quirk',
      { auth: oauth2({ ...OAUTH, quirks: { formular: true } as object }) },
      /auth.quirks.formular is not a quirk/,
    ],
    [
      'a secret of clients that the schema lacks',
      { auth: clientCredentials({ ...OF_CLIENT, clientSecret: fromSecret('other') }) },
      /auth reads "other"/,
    ],
    [
      'a certificate without a name',
      { auth: mtls({ certificate: '' }) },
      /auth.certificate must be the name/,
    ],
    ['a way of its own without apply', { auth: custom({} as never) }, /auth.apply must be a function/],
  ])('%s', async (_, options, said) => {
    const problems = await problemsOf(connector(options));
    expect(problems.join('; ')).toMatch(said);
    expect(problems.every((each) => each.startsWith('Wrong (TestModule): '))).toBe(true);
  });

  it('actions, validators and health checks included', async () => {
    @Connector({ ...GOOD, key: 'actions' })
    class Actions {
      @ConnectorAction({ name: 'a b', input: z.string() })
      spaced() {}
      @ConnectorAction({ name: 'twice', input: z.string() })
      one() {}
      @ConnectorAction({ name: 'twice', input: 'text' as never, timeoutMs: 0 })
      two() {}
      @ConnectorValidator()
      first() {}
      @ConnectorValidator()
      second() {}
    }
    const problems = (await problemsOf(Actions)).join('\n');
    expect(problems).toMatch(/spaced: name must have/);
    expect(problems).toMatch(/two: input must be a schema/);
    expect(problems).toMatch(/two: timeoutMs must be/);
    expect(problems).toMatch(/it has two actions "twice"/);
    expect(problems).toMatch(/@ConnectorValidator more than once: first, second/);
  });

  it.each<[string, object | undefined, RegExp]>([
    ['no options', undefined, /@ConnectorWebhook needs an object of options/],
    ['no source', { source: undefined }, /source must be a source of incoming webhooks/],
    ['the name of a source', { source: 'github' }, /source must be a source of incoming webhooks/],
    [
      'a source with secrets of its own',
      { source: githubSource({ secrets: 'long-enough-for-a-secret' }) },
      /source must have secrets: 'endpoint'/,
    ],
    [
      'keys that are too long together',
      { source: githubSource({ key: 'g'.repeat(60), secrets: 'endpoint' }), connector: 'k'.repeat(60) },
      /have 120 letters together, and 115 are allowed/,
    ],
    ['no types', { types: {} }, /types must be an object with the types/],
    ['a list of types', { types: ['issues'] }, /types must be an object with the types/],
    ['a type with a star', { types: { 'issues.*': {} } }, /types\["issues\.\*"\]: a type must have/],
    ['a type that is a text', { types: { issues: 'Issues' } }, /types\["issues"\] must be an object/],
    ['an empty label', { types: { issues: { label: '' } } }, /types\["issues"\]\.label must not be empty/],
    [
      'an unknown option of a type',
      { types: { issues: { lable: 'x' } } },
      /lable is not an option of a type/,
    ],
    ['an unknown option', { secret: 'x' }, /secret is not an option of @ConnectorWebhook/],
    ['subscribing that is no function', { subscribe: 'yes' }, /subscribe must be a function/],
    ['an end without a beginning', { unsubscribe: () => {} }, /unsubscribe without subscribe/],
  ])('webhooks with %s', async (_, given, said) => {
    const good = { source: githubSource({ secrets: 'endpoint' }), types: { issues: {} } };
    const { connector: key = 'webhooks', ...more } = (given ?? {}) as { connector?: string };
    @Connector({ ...GOOD, key })
    class Wrong {
      @ConnectorWebhook((given && { ...good, ...more }) as ConnectorWebhookOptions)
      onWebhook() {}
    }
    const problems = await problemsOf(Wrong);
    expect(problems.join('; ')).toMatch(said);
    expect(problems.every((each) => each.startsWith('Wrong (TestModule): onWebhook: '))).toBe(true);
  });

  it('two webhooks of one source are named with their places', async () => {
    const source = githubSource({ secrets: 'endpoint' });
    @Connector({ ...GOOD, key: 'one' })
    class One {
      @ConnectorWebhook({ source, types: { issues: {} } })
      onIssue() {}
    }
    @Connector({ ...GOOD, key: 'two' })
    class Two {
      @ConnectorWebhook({ source, types: { push: {} } })
      onPush() {}
    }
    expect(await problemsOf(One, Two)).toEqual([
      'the source "github" belongs to 2 webhooks, and its key must be that of one: One.onIssue (TestModule) and Two.onPush (TestModule). Give each source a key of its own',
      'One.onIssue (TestModule): the application takes no webhooks in: import WebhooksModule.forRoot({ incoming: { sources: [] } }) of nestjs-integration/webhooks beside ConnectorsModule',
    ]);
  });

  it('of two connectors with one key, both are named', async () => {
    const problems = await problemsOf(connector({}), connector({}));
    expect(problems).toEqual(['there are two connectors "good": Wrong (TestModule) and Wrong (TestModule)']);
  });

  it('a class with a method of a connector and without @Connector is named', async () => {
    @Injectable()
    class Forgotten {
      @ConnectorHealthCheck()
      health() {}
    }
    expect(await problemsOf(Forgotten)).toEqual([
      'Forgotten (TestModule): health is a method of a connector, and the class has no @Connector',
    ]);
  });

  it('a connector that is made for each request is refused', async () => {
    @Injectable({ scope: Scope.REQUEST })
    @Connector(GOOD)
    class Scoped {}
    expect((await problemsOf(Scoped)).join()).toMatch(/take its scope away/);
  });

  it('a variable without a value is named with its purpose, and where to get it', async () => {
    const auth = oauth2({
      ...OAUTH,
      clientId: fromConfig('HRIS_ID'),
      clientSecret: fromConfig('HRIS_SECRET'),
    });
    const env = [{ name: 'HRIS_ID', purpose: 'who we are to HRIS', where: 'https://hris.example/apps' }];
    expect(await problemsOf(connector({ auth, secrets: undefined, env }))).toEqual([
      'Wrong (TestModule): the variable HRIS_ID has no value. It is for: who we are to HRIS. Where to get it: https://hris.example/apps',
      'Wrong (TestModule): the variable HRIS_SECRET has no value. Describe it in env of the connector, so that this says where to get it',
    ]);
  });

  it('all problems of all connectors are in one list', async () => {
    const problems = await problemsOf(connector({ key: 'A' }), connector({ name: '', category: '' }));
    expect(problems).toHaveLength(3);
  });
});

describe('connectors', () => {
  it('are listed by category and by what they can do', async () => {
    @Connector({ ...GOOD, key: 'crm', category: 'crm', auth: oauth2(OAUTH), tags: ['sales'] })
    class Crm {
      @ConnectorAction({ name: 'find', input: z.string(), scopes: ['find'] })
      find() {}
      @ConnectorHealthCheck()
      health() {}
    }
    @Connector({
      ...GOOD,
      http: { baseUrl: 'https://a.example', limits: [rate({ limit: 10, perMs: 1_000 })] },
    })
    class Good {}
    app = await startConnectorApp(database, [Crm, Good]);
    const { registry } = app;
    expect(registry.list().map(({ key }) => key)).toEqual(['crm', 'good']);
    expect(registry.list({ category: 'crm' })).toEqual([
      expect.objectContaining({
        key: 'crm',
        auth: 'oauth2',
        capabilities: ['actions', 'health', 'authorization'],
        actions: ['find'],
        scopes: ['read', 'find'],
      }),
    ]);
    expect(registry.list({ capability: 'health' }).map(({ key }) => key)).toEqual(['crm']);
    expect(registry.list({ tag: 'sales' }).map(({ key }) => key)).toEqual(['crm']);
    expect(registry.get(Good).key).toBe('good');
    expect(() => registry.get('goood')).toThrow('did you mean good?');
  });

  it('are stored for people who look while no process runs, without values of variables', async () => {
    process.env.CONN_TEST_SECRET = 'planted-value';
    const auth = oauth2({ ...OAUTH, clientSecret: fromConfig('CONN_TEST_SECRET') });
    app = await startConnectorApp(database, [connector({ auth, config: z.object({ site: z.string() }) })]);
    const { rows } = await database.pool.query(
      "SELECT * FROM integration.connector_definition WHERE key = 'good'",
    );
    expect(rows).toEqual([expect.objectContaining({ key: 'good', version: '1.0.0' })]);
    expect(rows[0].definition.config.properties).toEqual({ site: { type: 'string' } });
    expect(JSON.stringify(rows)).not.toContain('planted-value');
    delete process.env.CONN_TEST_SECRET;
  });
});

describe('the boot', () => {
  it('refuses a time-out for tokens that is not below the lease', async () => {
    process.env.INTEGRATION_CONNECTORS_REFRESH_TIMEOUT_MS = '20000';
    process.env.INTEGRATION_CONNECTORS_REFRESH_LEASE_MS = '20000';
    try {
      await expect(startConnectorApp(database, [connector({})])).rejects.toMatchObject({
        code: 'INTEGRATION_OPTIONS_INVALID',
        message: expect.stringContaining('must be below connectors.refreshLeaseMs (20000)'),
      });
    } finally {
      delete process.env.INTEGRATION_CONNECTORS_REFRESH_TIMEOUT_MS;
      delete process.env.INTEGRATION_CONNECTORS_REFRESH_LEASE_MS;
    }
  });

  it('refuses options that nobody reads', async () => {
    await expect(
      startConnectorApp(database, [], { redirectUrls: ['/callback'], redirect: 1 } as never),
    ).rejects.toMatchObject({
      details: {
        problems: [
          expect.stringContaining('redirect is not an option of ConnectorsModule'),
          'redirectUrls must be a list of URLs of HTTP',
        ],
      },
    });
  });
});
