import { createServer, request as sendOn } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CanActivate,
  type DynamicModule,
  type ExecutionContext,
  type INestApplication,
  Module,
  VersioningType,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { IntegrationModule } from 'nestjs-integration';
import { IntegrationAdminModule } from 'nestjs-integration/admin';

class OpsGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest().headers.authorization === 'Bearer ops';
  }
}

@Module({})
class PlacedModule {
  static at(path: string): DynamicModule {
    return {
      module: PlacedModule,
      imports: [
        IntegrationModule.forRoot({ migrations: 'run', role: 'publisher' }),
        IntegrationAdminModule.forRoot({ path, guards: [OpsGuard] }),
      ],
    };
  }
}

interface Place {
  readonly name: string;
  readonly path: string;
  /** The path that a browser has. */
  readonly base: string;
  readonly prepare?: (app: INestApplication) => void;
  /** What a proxy takes away from the path of each request. */
  readonly stripped?: string;
}

const PLACES: readonly Place[] = [
  { name: 'the root', path: '/', base: '' },
  { name: 'a path', path: 'ops', base: '/ops' },
  {
    name: 'a global prefix and versions',
    path: 'ops',
    base: '/api/v1/ops',
    prepare: (app) =>
      app.setGlobalPrefix('api/v1').enableVersioning({ type: VersioningType.URI, defaultVersion: '7' }),
  },
  { name: 'behind a proxy that strips a prefix', path: 'ops', base: '/tools/ops', stripped: '/tools' },
];

/** The first boot migrates as well. */
const BOOT_MS = 60_000;
const OPS = { authorization: 'Bearer ops' };
const WRITE = { ...OPS, 'content-type': 'application/json', 'x-integration-admin': 'test' };

describe.each([
  ['express', () => new ExpressAdapter()],
  ['fastify', () => new FastifyAdapter()],
] as const)('on %s, the admin API', (_, adapterOf) => {
  it.each(PLACES)(
    'is at $name, with its page and all assets',
    async (place) => {
      const app = await NestFactory.create(PlacedModule.at(place.path), adapterOf(), { logger: ['error'] });
      place.prepare?.(app);
      await app.listen(0, '127.0.0.1');
      const served = await app.getUrl();
      const proxy = place.stripped === undefined ? undefined : await startProxy(served, place.stripped);
      try {
        await look(`${proxy?.url ?? served}${place.base}`);
      } finally {
        proxy?.close();
        await app.close();
      }
    },
    BOOT_MS,
  );
});

async function look(url: string): Promise<void> {
  expect((await fetch(`${url}/session`)).status).toBe(403);
  expect((await fetch(`${url}/session`, { headers: OPS })).status).toBe(200);
  const pause = async (body: string) => {
    const answer = await fetch(`${url}/consumers/nobody/pause`, { method: 'POST', headers: WRITE, body });
    return [answer.status, (await answer.json()).code];
  };
  expect(await pause('{}')).toEqual([404, 'INTEGRATION_CONSUMER_UNKNOWN']);
  expect(await pause('{')).toEqual([400, 'INTEGRATION_ADMIN_INVALID']);
  const page = await fetch(url, { headers: OPS });
  expect([page.status, page.url]).toEqual([200, `${url}/ui`]);
  const assets = [...(await page.text()).matchAll(/(?:src|href)="(\.[^"]+)"/g)].map(([, path = '']) => path);
  expect(assets.length).toBeGreaterThanOrEqual(2);
  for (const path of assets) {
    const asset = new URL(path, page.url);
    expect([path, (await fetch(asset)).status]).toEqual([path, 403]);
    expect([path, (await fetch(asset, { headers: OPS })).status]).toEqual([path, 200]);
  }
}

async function startProxy(target: string, prefix: string): Promise<{ url: string; close(): void }> {
  const server = createServer((request, response) => {
    const { method, headers, url = '' } = request;
    const forwarded = sendOn(`${target}${url.slice(prefix.length)}`, { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    request.pipe(forwarded);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, close };
}
