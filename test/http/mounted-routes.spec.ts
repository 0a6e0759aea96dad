import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import {
  Controller,
  type INestApplication,
  Module,
  type ModuleMetadata,
  Post,
  RequestMethod,
  VERSION_NEUTRAL,
  VersioningType,
} from '@nestjs/common';
import { HttpAdapterHost, ModuleRef, NestFactory, RouterModule } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { isParameter, MountedRoutes, type RouteAt } from '../../src/http/mounted-routes.js';

const express = createRequire(import.meta.url)('express');

@Controller({ path: 'hooks', version: VERSION_NEUTRAL })
class HooksController {
  @Post(':source')
  take(): string {
    return 'taken';
  }
}

@Module({ controllers: [HooksController] })
class HooksModule {}

@Module({})
class OtherModule {}

interface Place {
  readonly at: string;
  readonly imports?: ModuleMetadata['imports'];
  readonly prepare?: (app: INestApplication) => void;
}

const GET_ONLY = [{ path: 'hooks/:source', method: RequestMethod.GET }];
const INNER = RouterModule.register([
  { path: '/inner/', module: OtherModule, children: [{ path: 'v9', module: HooksModule }] },
]);

const PLACES: Readonly<Record<string, Place>> = {
  'its own path': { at: 'hooks/:source' },
  'a path of RouterModule': {
    at: 'v9/hooks/:source',
    imports: [RouterModule.register([{ path: 'v9', module: HooksModule }])],
  },
  'nested paths of RouterModule': { at: 'inner/v9/hooks/:source', imports: [INNER] },
  'nested paths of RouterModule, which name the module alone': {
    at: 'inner/hooks/:source',
    imports: [RouterModule.register([{ path: 'inner', children: [HooksModule] }])],
  },
  'a prefix before paths of RouterModule': {
    at: 'api/inner/v9/hooks/:source',
    imports: [INNER],
    prepare: (app) => app.setGlobalPrefix('api'),
  },
  'paths of RouterModule that are excluded from the prefix': {
    at: 'inner/v9/hooks/:source',
    imports: [INNER],
    prepare: (app) => app.setGlobalPrefix('api', { exclude: ['inner/v9/hooks/:source'] }),
  },
  'a prefix from which only the path without RouterModule is excluded': {
    at: 'api/inner/v9/hooks/:source',
    imports: [INNER],
    prepare: (app) => app.setGlobalPrefix('api', { exclude: ['hooks/:source'] }),
  },
  'a prefix from which only a GET is excluded': {
    at: 'api/hooks/:source',
    prepare: (app) => app.setGlobalPrefix('api', { exclude: GET_ONLY }),
  },
  'a prefix and versions in URLs': {
    at: 'api/v9/hooks/:source',
    imports: [RouterModule.register([{ path: 'v9', module: HooksModule }])],
    prepare: (app) =>
      app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
  },
  'a prefix with a parameter': {
    at: 'api/:tenant/hooks/:source',
    prepare: (app) => app.setGlobalPrefix('api/:tenant'),
  },
};

const PLATFORMS = { express: () => new ExpressAdapter(), fastify: () => new FastifyAdapter() };

const ROUTE: RouteAt = { method: 'POST', path: ':source' };
const routesOf = (app: INestApplication) =>
  new MountedRoutes(app.get(ModuleRef), app.get(HttpAdapterHost), {
    module: HooksModule,
    path: 'hooks',
    routes: () => [ROUTE],
  });
const requestOf = (path: string) => ({ method: 'POST', url: path, path, headers: {} });

describe.each(['express', 'fastify'] as const)('on %s', (platform) => {
  it.each(Object.entries(PLACES))(
    'the routes of a module are known at %s',
    async (_, { at, imports = [], prepare }) => {
      @Module({ imports: [HooksModule, OtherModule, ...imports] })
      class AppModule {}
      const options = { logger: false, abortOnError: false } as const;
      const app = await NestFactory.create(AppModule, PLATFORMS[platform](), options);
      prepare?.(app);
      await app.listen(0, '127.0.0.1');
      try {
        const routes = routesOf(app);
        const segments = routes.segmentsOf(ROUTE);
        const path = segments.map((segment) => (isParameter(segment) ? 'any' : segment)).join('/');
        const { status } = await fetch(`${await app.getUrl()}/${path}`, { method: 'POST' });
        expect([segments.join('/'), status]).toEqual([at, 201]);
        expect(routes.parametersOf(requestOf(`/${path}`))).toMatchObject({ source: 'any' });
        expect(routes.parametersOf(requestOf(`/${path}/more`))).toBeUndefined();
        expect(routes.parametersOf({ ...requestOf(`/${path}`), method: 'GET' })).toBeUndefined();
      } finally {
        await app.close();
      }
    },
  );
});

it('the routes of one module are at two places in two applications of one process', async () => {
  const placed: string[] = [];
  for (const path of ['one', 'two']) {
    @Module({ imports: [HooksModule, RouterModule.register([{ path, module: HooksModule }])] })
    class AppModule {}
    const app = await NestFactory.create(AppModule, new ExpressAdapter(), { logger: false });
    placed.push(routesOf(app).pathOf(ROUTE));
    await app.close();
  }
  expect(placed).toEqual(['/one/hooks/:source', '/two/hooks/:source']);
});

describe('on Express, a path is looked for', () => {
  const settings = [
    ['as the router is made', {}, ['/hooks/a', '/HOOKS/a', '/hooks/a/']],
    ['with its case', { 'case sensitive routing': true }, ['/hooks/a', '/hooks/a/']],
    ['with its last slash', { 'strict routing': true }, ['/hooks/a', '/HOOKS/a']],
  ] as const;

  it.each(settings)('%s', async (_, given, expected) => {
    // The router takes the settings when it is made, which the adapter of Nest does at once.
    const server = express();
    for (const [name, value] of Object.entries(given)) server.set(name, value);
    const app = await NestFactory.create(HooksModule, new ExpressAdapter(server), { logger: false });
    await app.listen(0, '127.0.0.1');
    try {
      const routes = routesOf(app);
      const url = await app.getUrl();
      const paths = ['/hooks/a', '/HOOKS/a', '/hooks/a/', '//hooks/a', '/hooks', '/hooks/a/b'];
      const known = paths.filter((path) => routes.parametersOf(requestOf(path)) !== undefined);
      const answered: string[] = [];
      for (const path of paths)
        if ((await fetch(url + path, { method: 'POST' })).status === 201) answered.push(path);
      expect([known, answered]).toEqual([expected, expected]);
    } finally {
      await app.close();
    }
  });
});
