// Receives webhooks, and refuses broken bodies of the admin API and of the portal, in each way in which an application may be
// made: on both platforms, with and without raw bodies, with prefixes and versions. It runs on whatever Nest stands beside it, and prints its version and
// each case as one line of JSON.
import 'reflect-metadata';
import { createHmac, randomBytes, randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { Controller, Module, Post, Req, VersioningType } from '@nestjs/common';
import { NestFactory, RouterModule } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IntegrationModule } from 'nestjs-integration';
import { IntegrationAdminModule } from 'nestjs-integration/admin';
import { ContractsModule } from 'nestjs-integration/contracts';
import { SecretsModule, staticKeys } from 'nestjs-integration/secrets';
import { githubSource, WebhookPortalModule, WebhooksModule } from 'nestjs-integration/webhooks';

const SECRET = 'a secret of the sender';
const MEGABYTE = 1_048_576;
const LIMIT = 25 * MEGABYTE;
/** More than body parsers allow. */
const LONG = Buffer.from(JSON.stringify({ text: 'x'.repeat(200_000) }));
const LARGEST = Buffer.from(JSON.stringify({ text: 'x'.repeat(LIMIT - 11) }));

const PLATFORMS = { express: () => new ExpressAdapter(), fastify: () => new FastifyAdapter() };
const ROUTES = {
  'at its own path': { at: '/webhooks/github' },
  'with a prefix and versions in URLs': {
    at: '/api/v2/webhooks/github',
    shop: '/api/v2/v7/shop',
    admin: '/api/v2/ops/integration',
    portal: '/api/v2/my/hooks',
    isLargest: true,
    prepare: (app) =>
      app.setGlobalPrefix('api/v2').enableVersioning({ type: VersioningType.URI, defaultVersion: '7' }),
  },
  'with a prefix': {
    at: '/api/webhooks/github',
    shop: '/api/shop',
    admin: '/api/ops/integration',
    portal: '/api/my/hooks',
    prepare: (app) => app.setGlobalPrefix('api'),
  },
  'excluded from the prefix': {
    at: '/webhooks/github',
    shop: '/api/shop',
    prepare: (app) =>
      app.setGlobalPrefix('api', {
        exclude: ['webhooks/*path', 'ops/integration/{*rest}', 'my/hooks/{*rest}'],
      }),
  },
  'with versions in a header': {
    at: '/webhooks/github',
    prepare: (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'v', defaultVersion: '7' }),
    headers: { v: '7' },
  },
  'below a path of the module': { at: '/in/hooks/github', path: 'in/hooks' },
  'below paths of RouterModule, with a prefix': {
    at: '/api/inner/v9/webhooks/github',
    shop: '/api/shop',
    admin: '/api/inner/v9/ops/integration',
    portal: '/api/inner/v9/my/hooks',
    isLargest: true,
    routes: [
      {
        path: 'inner',
        children: [{ path: 'v9', children: [WebhooksModule, WebhookPortalModule, IntegrationAdminModule] }],
      },
    ],
    prepare: (app) => app.setGlobalPrefix('api'),
  },
};

/** A route of the application itself. */
class ShopController {
  echo(request) {
    return { body: request.body, rawBytes: request.rawBody?.length ?? null };
  }
}
Req()(ShopController.prototype, 'echo', 0);
Post()(ShopController.prototype, 'echo', Object.getOwnPropertyDescriptor(ShopController.prototype, 'echo'));
Controller('shop')(ShopController);

/** Whoever asks acts for one tenant. */
const PORTAL = { path: 'my/hooks', guards: [{ canActivate: () => true }], tenant: () => 'acme' };

async function start(platform, rawBody, { path, prepare, routes = [] }) {
  class AppModule {}
  const source = githubSource({ secrets: SECRET, maxBodyBytes: LIMIT });
  Module({
    imports: [
      IntegrationModule.forRoot({ connectionString: process.env.DATABASE_URL, role: 'publisher' }),
      ContractsModule.forRoot(),
      SecretsModule.forRoot({ keys: staticKeys({ k1: randomBytes(32) }) }),
      WebhooksModule.forRoot({ path, incoming: { sources: [source] }, outgoing: { portal: PORTAL } }),
      IntegrationAdminModule.forRoot({ path: 'ops/integration', access: 'open' }),
      RouterModule.register(routes),
    ],
    controllers: [ShopController],
  })(AppModule);
  const options = { logger: false, abortOnError: false, rawBody };
  const app = await NestFactory.create(AppModule, PLATFORMS[platform](), options);
  prepare?.(app);
  await app.listen(0, '127.0.0.1');
  return app;
}

async function post(url, body, headers) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body,
  });
  const text = await response.text();
  try {
    return { status: response.status, json: JSON.parse(text) };
  } catch {
    return { status: response.status, json: text };
  }
}

async function got(url) {
  const response = await fetch(url);
  return { status: response.status, json: await response.json() };
}

const signed = (body, id = randomUUID()) => ({
  'x-github-event': 'push',
  'x-github-delivery': id,
  'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(body).digest('hex')}`,
});

/** A write to the admin API whose body no parser takes. */
const broken = (url) => post(`${url}/operations`, '{', { 'x-integration-admin': 'test' });
/** A write to the portal whose body no parser takes. */
const brokenAtPortal = (url) => post(`${url}/destinations`, '{');
const isProblem = ({ code }) => code === 'INTEGRATION_ADMIN_INVALID';

/** What is wrong in this case. */
async function problemsOf(platform, url, rawBody, route) {
  const {
    at,
    shop = '/shop',
    admin = '/ops/integration',
    portal = '/my/hooks',
    isLargest = false,
    headers = {},
  } = route;
  const body = isLargest ? LARGEST : LONG;
  const delivery = signed(body);
  const sent = [
    ['a delivery', await post(url + at, body, delivery), 200, ({ status }) => status === 'accepted'],
    ['its repetition', await post(url + at, body, delivery), 200, ({ status }) => status === 'repeated'],
    ['another body', await post(url + at, `${LONG} `, signed(LONG)), 401, ({ step }) => step === 'signature'],
    ...(isLargest
      ? [
          [
            'too large a body',
            await post(url + at, Buffer.alloc(LIMIT + 1, 32), {}),
            413,
            ({ step }) => step === 'size',
          ],
        ]
      : []),
    ['a broken body', await broken(url + admin), 400, isProblem],
    ['a broken body at the portal', await brokenAtPortal(url + portal), 400, isProblem],
    ['types at the portal', await got(`${url}${portal}/event-types`), 200, ({ items }) => items.length > 0],
    // Express does not look at the case of paths.
    ...(platform === 'express'
      ? [['a broken body in capitals', await broken(url + admin.toUpperCase()), 400, isProblem]]
      : []),
    [
      'a request to the shop',
      await post(url + shop, '{"a":1}', headers),
      201,
      (json) => json.body?.a === 1 && json.rawBytes === (rawBody ? 7 : null),
    ],
  ];
  return sent
    .filter(([, { status, json }, expected, holds]) => status !== expected || !holds(json))
    .map(
      ([what, answer]) =>
        `${what} was answered ${answer.status} ${JSON.stringify(answer.json).slice(0, 200)}`,
    );
}

const cases = [];
for (const platform of Object.keys(PLATFORMS)) {
  for (const rawBody of [false, true]) {
    for (const [routed, route] of Object.entries(ROUTES)) {
      const name = `${platform}, ${rawBody ? 'with' : 'without'} raw bodies, ${routed}`;
      try {
        const app = await start(platform, rawBody, route);
        try {
          cases.push({ name, problems: await problemsOf(platform, await app.getUrl(), rawBody, route) });
        } finally {
          await app.close();
        }
      } catch (error) {
        cases.push({
          name,
          problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
        });
      }
    }
  }
}
const { version } = createRequire(import.meta.url)('@nestjs/core/package.json');
console.log(JSON.stringify({ nest: version, cases }));
process.exit(0);
