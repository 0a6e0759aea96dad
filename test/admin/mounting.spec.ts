import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer, type Server, request as sendOn } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type ArgumentsHost,
  BadRequestException,
  type CanActivate,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  type INestApplication,
  Inject,
  Injectable,
  Module,
  type ModuleMetadata,
  type NestInterceptor,
  type PipeTransform,
  SetMetadata,
  ValidationPipe,
  VersioningType,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR, APP_PIPE, Reflector, RouterModule } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IntegrationAdminModule, type IntegrationAdminOptions } from 'nestjs-integration/admin';
import { map } from 'rxjs';
import { HANDLERS } from '../../src/admin/handlers/handlers.js';
import { type Route } from '../../src/admin/routes/route.js';
import { isWrite } from '../../src/rest/route.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import {
  type AdminApp,
  type Answered,
  type AskInit,
  ask,
  JSON_HEADERS,
  makeAdminApp,
  PATH,
  PLATFORMS,
  registerConsumer,
  startAdminApp,
  TokenGuard,
} from './admin-app.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function withApp(
  setup: Parameters<typeof startAdminApp>[1],
  run: (app: AdminApp) => Promise<void>,
): Promise<void> {
  const app = await startAdminApp(database, setup);
  try {
    await run(app);
  } finally {
    await app.close();
  }
}

/** Where applications put the admin API, and what they do for it. */
const PLACES: readonly {
  readonly name: string;
  readonly path: string;
  readonly base: string;
  readonly imports?: ModuleMetadata['imports'];
  readonly prepare?: (app: INestApplication) => void;
}[] = [
  { name: 'the root', path: '/', base: '' },
  { name: 'a path', path: '/ops/', base: '/ops' },
  {
    name: 'a global prefix and versions in URLs',
    path: PATH,
    base: `/api/v1/${PATH}`,
    prepare: (app) =>
      app.setGlobalPrefix('api/v1').enableVersioning({ type: VersioningType.URI, defaultVersion: '7' }),
  },
  {
    name: 'paths of RouterModule, excluded from the global prefix',
    path: PATH,
    base: `/inner/v9/${PATH}`,
    imports: [
      RouterModule.register([{ path: 'inner', children: [{ path: 'v9', module: IntegrationAdminModule }] }]),
    ],
    prepare: (app) => app.setGlobalPrefix('api', { exclude: ['inner/*path'] }),
  },
  {
    name: 'a path that is excluded from the global prefix',
    path: PATH,
    base: `/${PATH}`,
    prepare: (app) => app.setGlobalPrefix('api', { exclude: [`${PATH}/{*rest}`] }),
  },
];

const setupOf = ({
  path,
  imports,
  prepare,
}: (typeof PLACES)[number]): Parameters<typeof startAdminApp>[1] => ({
  admin: { path },
  ...(imports === undefined ? {} : { module: { imports } }),
  ...(prepare === undefined ? {} : { prepare }),
});

describe.each(PLATFORMS)('on %s, the admin API', (platform) => {
  it.each(PLACES)('is at $name', async (place) => {
    await withApp({ platform, ...setupOf(place) }, async (app) => {
      const answer = await app.ask('settings', { base: place.base });
      expect(answer).toMatchObject({ status: 200, json: { items: expect.any(Array) } });
      expect(answer.headers.get('cache-control')).toBe('no-store');
    });
  });

  it.each(PLACES)('takes writes at $name, and refuses bodies that no parser takes', async (place) => {
    await withApp({ platform, ...setupOf(place) }, (app) => takesWrites(app.url, place.base));
  });

  it('refuses a broken body with a problem also where the server does not look at the case of paths', async () => {
    const servers = {
      express: () => new ExpressAdapter(),
      fastify: () => new FastifyAdapter({ routerOptions: { caseSensitive: false } }),
    };
    await withApp({ platform, adapter: servers[platform]() }, async ({ url }) => {
      for (const base of [`/${PATH}`, '/OPS/integration', '/Ops/INTEGRATION']) {
        const broken = await sendBroken(url, base);
        expect(broken).toMatchObject({ status: 400, json: { code: 'INTEGRATION_ADMIN_INVALID' } });
        expect(broken.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      }
    });
  });

  it('leaves the bodies of other paths to the application, also such as differ in their case', async () => {
    const sensitive = createRequire(import.meta.url)('express')().set('case sensitive routing', true);
    const servers = { express: () => new ExpressAdapter(sensitive), fastify: () => new FastifyAdapter() };
    await withApp({ platform, adapter: servers[platform]() }, async ({ url }) => {
      expect(await sendBroken(url, `/${PATH}`)).toMatchObject({
        json: { code: 'INTEGRATION_ADMIN_INVALID' },
      });
      for (const base of ['/OPS/integration', '/shop', `/${PATH}/none`]) {
        const { headers, json } = await sendBroken(url, base);
        expect(headers.get('content-type')).toMatch(/^application\/json/);
        expect(json).toMatchObject({ statusCode: 400 });
      }
    });
  });

  it('is behind a proxy that strips a prefix', async () => {
    await withApp({ platform }, async (app) => {
      const proxy = await startStrippingProxy('/tools', app.url);
      try {
        expect(await app.ask('session', { base: `/${PATH}` })).toMatchObject({ status: 200 });
        expect(await ask(proxy.url, 'session', { base: `/tools/${PATH}` })).toMatchObject({
          status: 200,
          json: { actor: 'unknown' },
        });
        await takesWrites(proxy.url, `/tools/${PATH}`);
      } finally {
        proxy.close();
      }
    });
  });

  it('answers the same whatever interceptors, pipes and filters the application has', async () => {
    const streams = { most: 2, lifetimeMs: 50 };
    const plain: Shape[] = [];
    await withApp({ platform, streams }, async (app) => {
      for (const request of EVERY_REQUEST) plain.push(await shapeOf(app, request));
    });
    const hostile = (app: INestApplication) => {
      app.useGlobalInterceptors(WRAPPING);
      app.useGlobalPipes(
        new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }),
        REFUSING,
      );
      app.useGlobalFilters(new HostileFilter());
    };
    const providers = [
      { provide: APP_INTERCEPTOR, useValue: WRAPPING },
      { provide: APP_PIPE, useValue: REFUSING },
      { provide: APP_FILTER, useClass: HostileFilter },
    ];
    await withApp({ platform, streams, prepare: hostile, module: { providers } }, async (app) => {
      for (const [index, request] of EVERY_REQUEST.entries())
        expect(await shapeOf(app, request)).toEqual(plain[index]);
      // The application's own routes are wrapped twice, so what was switched on works.
      expect(await ask(app.url, 'shop', { base: '' })).toMatchObject({
        json: { wrapped: { wrapped: { hello: 'shop' } } },
      });
      expect(await ask(app.url, 'shop/refused?by=pipe', { base: '' })).toMatchObject({ status: 418 });
    });
    const statuses = new Set(plain.map(({ status }) => status));
    expect([...statuses].sort()).toEqual([200, 400, 401, 404]);
  });

  it('reads bodies itself if the application has no body parser', async () => {
    const platforms = { express: { bodyParser: false }, fastify: {} };
    await withApp({ platform, create: platforms[platform] }, async (app) => {
      const send = (json: object) => app.ask('consumers/nobody/pause', { method: 'POST', json });
      expect(await send({})).toMatchObject({ status: 404, json: { code: 'INTEGRATION_CONSUMER_UNKNOWN' } });
      expect(await send({ why: 1 })).toMatchObject({ status: 400 });
      expect(await send({ reason: 'x'.repeat(70_000) })).toMatchObject({ status: 413 });
    });
  });

  it('gives the guards of each place the decorators of that place only', async () => {
    const Place = (name: string) => SetMetadata('place', name);
    const seen: string[] = [];
    @Injectable()
    class Noting implements CanActivate {
      constructor(@Inject(Reflector) private readonly reflector: Reflector) {}
      canActivate(context: ExecutionContext): boolean {
        seen.push(
          String(this.reflector.getAllAndOverride('place', [context.getHandler(), context.getClass()])),
        );
        return true;
      }
    }
    const options = (path: string, name: string): IntegrationAdminOptions => ({
      path,
      guards: [Noting],
      decorate: { read: [Place(`${name} reads`)], write: [Place(`${name} writes`)] },
    });
    @Module({ imports: [IntegrationAdminModule.forRoot(options('second', 'second'))] })
    class Second {}
    await withApp(
      { platform, admin: options('first', 'first'), module: { imports: [Second] } },
      async (app) => {
        for (const base of ['/first', '/second']) {
          await app.ask('session', { base });
          await app.ask('consumers/x/resume', { method: 'POST', json: {}, base });
        }
        expect(seen).toEqual(['first reads', 'first writes', 'second reads', 'second writes']);
      },
    );
  });
});

it('refuses a broken body with a problem where its application of Express is a part of another one', async () => {
  const inner = new ExpressAdapter();
  await withApp({ adapter: inner }, async () => {
    const outer = createServer(new ExpressAdapter().getInstance().use('/tools', inner.getInstance()));
    outer.listen(0, '127.0.0.1');
    await once(outer, 'listening');
    const url = `http://127.0.0.1:${(outer.address() as AddressInfo).port}`;
    try {
      await takesWrites(url, `/tools/${PATH}`);
    } finally {
      outer.close();
    }
  });
});

describe('an application', () => {
  it.each<[string, Partial<IntegrationAdminOptions>, RegExp]>([
    ['says nothing about guards', { guards: undefined }, /nobody guards the admin API/],
    ['has an empty list of guards', { guards: [] }, /nobody guards the admin API/],
    ['has guards and is open', { access: 'open' }, /exclude each other/],
    ['misspells an option', { gaurds: [] } as never, /did you mean guards/],
    ['has a path with parameters', { path: 'ops/:tenant' }, /path must be the path of the admin API/],
    ['has an origin with a path', { origins: ['https://ops.example.com/page'] }, /origins must be a list/],
  ])('does not start if it %s', async (_, admin, message) => {
    await expect(makeAdminApp(database, { admin })).rejects.toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('does not start if it relies on global guards and has none', async () => {
    const app = await makeAdminApp(database, { admin: { guards: undefined, access: 'global-guards' } });
    await expect(app.init()).rejects.toMatchObject({
      code: 'INTEGRATION_OPTIONS_INVALID',
      message: expect.stringContaining('the application has no global guard'),
    });
    await app.close();
  });

  it.each([
    ['APP_GUARD', { module: { providers: [{ provide: APP_GUARD, useClass: TokenGuard }] } }],
    [
      'useGlobalGuards',
      {
        prepare: (app: INestApplication) => {
          app.useGlobalGuards(new TokenGuard());
        },
      },
    ],
  ])('may rely on global guards from %s', async (_, setup) => {
    await withApp({ admin: { guards: undefined, access: 'global-guards' }, ...setup }, async (app) => {
      expect(await app.ask('session')).toMatchObject({ status: 200 });
      expect(await app.ask('session', { headers: { authorization: undefined } })).toMatchObject({
        status: 401,
        json: { type: 'urn:nestjs-integration:INTEGRATION_ADMIN_UNAUTHENTICATED', detail: 'Send the token' },
      });
    });
  });

  it('may let everybody in, if it says so', async () => {
    await withApp({ admin: { guards: undefined, access: 'open' } }, async (app) => {
      expect(await app.ask('session', { headers: { authorization: undefined } })).toMatchObject({
        status: 200,
      });
    });
  });

  it('may have a factory make what decides about requests', async () => {
    @Injectable()
    class Staff {
      readonly name = 'grace';
    }
    @Module({ providers: [Staff], exports: [Staff] })
    class StaffModule {}
    @Module({
      imports: [
        IntegrationAdminModule.forRootAsync({
          path: 'async',
          access: 'open',
          imports: [StaffModule],
          inject: [Staff],
          useFactory: async ({ name }: Staff) => ({ actor: () => name }),
        }),
      ],
    })
    class AsyncModule {}
    await withApp({ module: { imports: [AsyncModule] } }, async (app) => {
      expect(await app.ask('session', { base: '/async' })).toMatchObject({ json: { actor: 'grace' } });
    });
  });
});

const ROUTES: readonly Route[] = HANDLERS.flatMap(({ routes }) => Object.values(routes));
const [ASSET = ''] = readdirSync(join(import.meta.dirname, '../../dist/admin/ui/assets'));
const SOME_ID = '00000000-0000-7000-8000-000000000001';

interface SomeRequest {
  readonly path: string;
  readonly init?: Parameters<AdminApp['ask']>[1];
}

/** Every route and every file of the page; and what the platform, the guard or a check of the API refuses. */
const EVERY_REQUEST: readonly SomeRequest[] = [
  ...ROUTES.map((route) => ({
    path: route.path.replace(':id', SOME_ID).replace(/:\w+/g, 'nobody'),
    init: { method: route.method, ...(isWrite(route) ? { json: {} } : {}) },
  })),
  { path: 'integration', init: { base: '/ops' } },
  ...['ui', `ui/assets/${ASSET}`, 'ui/assets/none.js'].map((path) => ({ path })),
  { path: 'consumers?limit=2&after=x' },
  { path: 'consumers/nobody/pause', init: { method: 'POST', json: { reason: 'test', unknown: 1 } } },
  { path: 'consumers/nobody/pause', init: { method: 'POST', headers: JSON_HEADERS, body: '{' } },
  { path: 'settings', init: { headers: { authorization: undefined } } },
];

/** An answer without what differs from one moment to the next. */
interface Shape {
  readonly path: string;
  readonly status: number;
  readonly type: string | null;
  readonly body: unknown;
}

async function shapeOf(app: AdminApp, { path, init }: SomeRequest): Promise<Shape> {
  const { status, headers, text, json } = await app.ask(path, init);
  const type = headers.get('content-type');
  return { path, status, type, body: bodyShapeOf(type, text, json) };
}

function bodyShapeOf(type: string | null, text: string, json: Answered['json']): unknown {
  if (type?.startsWith('text/event-stream')) return 'a stream';
  return type?.startsWith('application/json') ? Object.keys(json).sort() : text;
}

/** A write does what it says, and a body that no parser takes is refused with a problem of the API. */
async function takesWrites(url: string, base: string): Promise<void> {
  const name = `at ${base}`;
  await registerConsumer(database, name);
  const pause = (init: AskInit) =>
    ask(url, `consumers/${encodeURIComponent(name)}/pause`, { method: 'POST', base, ...init });
  try {
    const broken = await pause({ headers: JSON_HEADERS, body: '{' });
    expect(broken).toMatchObject({ status: 400, json: { code: 'INTEGRATION_ADMIN_INVALID' } });
    expect(await pause({ json: {} })).toMatchObject({ status: 200, json: { paused: true } });
    // A browser sends the origin of the page, which is the proxy's where there is one.
    expect(await pause({ json: {}, headers: { origin: url } })).toMatchObject({ status: 200 });
  } finally {
    await database.pool.query('DELETE FROM integration.inbox_cursor WHERE consumer_name = $1', [name]);
  }
}

const sendBroken = (url: string, base: string) =>
  ask(url, 'operations', { method: 'POST', headers: JSON_HEADERS, body: '{', base });

const WRAPPING: NestInterceptor = {
  intercept: (_, next) => next.handle().pipe(map((data) => ({ wrapped: data }))),
};

/** Refuses every value that Nest shows to pipes. */
const REFUSING: PipeTransform = {
  transform: () => {
    throw new BadRequestException('refused by a pipe');
  },
};

/** Answers every error with 418. */
@Catch()
class HostileFilter implements ExceptionFilter {
  catch(_: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse();
    response.status(418).send(new BadRequestException('hostile').message);
  }
}

async function startStrippingProxy(
  prefix: string,
  target: string,
): Promise<{ url: string; close(): Server }> {
  const server = createServer((request, response) => {
    const { method, headers, url = '' } = request;
    const options = { method: method ?? 'GET', headers };
    const forwarded = sendOn(`${target}${url.slice(prefix.length)}`, options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => server.close() };
}
