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
import { ModuleRef, NestFactory, RouterModule } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { isParameter, MountedRoutes } from '../../src/module/mounted-routes.js';

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
        const routes = new MountedRoutes(app.get(ModuleRef), HooksModule);
        const segments = routes.segmentsOf('hooks/:source', RequestMethod.POST);
        const path = segments.map((segment) => (isParameter(segment) ? 'any' : segment)).join('/');
        const { status } = await fetch(`${await app.getUrl()}/${path}`, { method: 'POST' });
        expect([segments.join('/'), status]).toEqual([at, 201]);
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
    placed.push(...new MountedRoutes(app.get(ModuleRef), HooksModule).segmentsOf('', RequestMethod.POST));
    await app.close();
  }
  expect(placed).toEqual(['one', 'two']);
});
