import { createServer, type Server, request as sendOn } from 'node:http';
import type { AddressInfo } from 'node:net';
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
  SetMetadata,
  ValidationPipe,
  VersioningType,
} from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { IntegrationAdminModule, type IntegrationAdminOptions } from 'nestjs-integration/admin';
import { map } from 'rxjs';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import {
  type AdminApp,
  ask,
  JSON_HEADERS,
  makeAdminApp,
  PATH,
  PLATFORMS,
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
];

describe.each(PLATFORMS)('on %s, the admin API', (platform) => {
  it.each(PLACES)('is at $name', async ({ path, base, prepare }) => {
    await withApp(
      { platform, admin: { path }, ...(prepare === undefined ? {} : { prepare }) },
      async (app) => {
        const answer = await app.ask('settings', { base });
        expect(answer).toMatchObject({ status: 200, json: { items: expect.any(Array) } });
        expect(answer.headers.get('cache-control')).toBe('no-store');
      },
    );
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
      } finally {
        proxy.close();
      }
    });
  });

  it('answers the same whatever interceptors, pipes and filters the application has', async () => {
    const looks = async (app: AdminApp) => [
      await app.ask('settings'),
      await app.ask('consumers?limit=2&after=x'),
      await app.ask('consumers/nobody'),
      await app.ask('consumers/nobody/pause', { method: 'POST', json: { reason: 'test', unknown: 1 } }),
      await app.ask('consumers/nobody/pause', { method: 'POST', json: {} }),
      await app.ask('settings', { headers: { authorization: undefined } }),
      await app.ask('consumers/nobody/pause', { method: 'POST', headers: JSON_HEADERS, body: '{' }),
    ];
    const plain: unknown[] = [];
    await withApp({ platform }, async (app) => {
      for (const { status, text, headers } of await looks(app))
        plain.push({ status, text, type: headers.get('content-type') });
    });
    const hostile = (app: INestApplication) => {
      app.useGlobalInterceptors({
        intercept: (_, next) => next.handle().pipe(map((data) => ({ wrapped: data }))),
      });
      app.useGlobalPipes(
        new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true }),
      );
      app.useGlobalFilters(new HostileFilter());
    };
    await withApp({ platform, prepare: hostile }, async (app) => {
      const answers = (await looks(app)).map(({ status, text, headers }) => ({
        status,
        text,
        type: headers.get('content-type'),
      }));
      expect(answers).toEqual(plain);
      expect(answers.map(({ status }) => status)).toEqual([200, 400, 404, 400, 404, 401, 400]);
      // The application's own routes are wrapped, so what was switched on works.
      expect(await ask(app.url, 'shop', { base: '' })).toMatchObject({
        json: { wrapped: { hello: 'shop' } },
      });
    });
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
