import { readdirSync, readFileSync } from 'node:fs';
import { createServer, request as sendOn } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  SetMetadata,
  VersioningType,
} from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { PATH, PLATFORMS, startAdminApp, TOKEN } from './admin-app.js';

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
const BUILT = join(import.meta.dirname, '../../dist/admin/ui');

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

async function withApp(
  setup: Parameters<typeof startAdminApp>[1],
  run: (url: string) => Promise<void>,
): Promise<void> {
  const app = await startAdminApp(database, setup);
  try {
    await run(app.url);
  } finally {
    await app.close();
  }
}

const get = (url: string, headers: Record<string, string> = { authorization: TOKEN }) =>
  fetch(url, { headers, redirect: 'manual' });

/** What a browser does: follows the redirect, opens the page, loads what the page names. */
async function open(url: string): Promise<{ page: string; assets: string[] }> {
  const led = await get(url);
  expect(led.status).toBe(302);
  const page = new URL(led.headers.get('location') ?? '', url).href;
  const answer = await get(page);
  expect(answer.status).toBe(200);
  const html = await answer.text();
  const named = [...html.matchAll(/(?:src|href)="(\.\/[^"]+)"/g)].map(([, name = '']) => name);
  expect(named.some((name) => name.endsWith('.js'))).toBe(true);
  expect(named.some((name) => name.endsWith('.css'))).toBe(true);
  const assets = named.map((name) => new URL(name, page).href);
  for (const asset of assets) {
    const loaded = await get(asset);
    expect(loaded.status).toBe(200);
    await loaded.arrayBuffer();
  }
  // The API stands beside the page, as the page expects it.
  expect((await get(new URL('./session', page).href)).status).toBe(200);
  return { page, assets };
}

const PLACES: readonly {
  readonly name: string;
  readonly path: string;
  readonly at: string;
  readonly prepare?: (app: INestApplication) => void;
}[] = [
  { name: 'the root', path: '/', at: '/' },
  { name: 'a path', path: 'ops', at: '/ops' },
  {
    name: 'a global prefix and versions in URLs',
    path: PATH,
    at: `/api/v1/${PATH}`,
    prepare: (app) =>
      app.setGlobalPrefix('api/v1').enableVersioning({ type: VersioningType.URI, defaultVersion: '7' }),
  },
];

describe.each(PLATFORMS)('on %s, the page', (platform) => {
  it.each(PLACES)('opens at $name, with all that it names', async ({ path, at, prepare }) => {
    await withApp(
      { platform, admin: { path }, ...(prepare === undefined ? {} : { prepare }) },
      async (url) => {
        const { page } = await open(`${url}${at}`);
        expect(page).toBe(`${url}${at === '/' ? '' : at}/ui`);
      },
    );
  });

  it.each(PLACES)('opens at $name with a slash at the end of the address', async (place) => {
    const { path, at, prepare } = place;
    await withApp(
      { platform, admin: { path }, ...(prepare === undefined ? {} : { prepare }) },
      async (url) => {
        const base = at === '/' ? '' : at;
        expect((await open(`${url}${base}/`)).page).toBe(`${url}${base}/ui`);
        expect((await open(`${url}${base}/ui/`)).page).toBe(`${url}${base}/ui`);
        for (const each of [`${base}/`, `${base}/ui/`])
          expect((await get(`${url}${each}`, {})).status).toBe(401);
      },
    );
  });

  it('leaves addresses of the API with a slash at the end to the platform', async () => {
    await withApp({ platform }, async (url) => {
      const { status } = await get(`${url}/${PATH}/session/`);
      expect(status).toBe(platform === 'express' ? 200 : 404);
    });
  });

  it('opens with a slash at the end where the application ignores such slashes', async () => {
    const ignoring = new FastifyAdapter({ routerOptions: { ignoreTrailingSlash: true } });
    await withApp({ platform, ...(platform === 'fastify' ? { adapter: ignoring } : {}) }, async (url) => {
      expect((await open(`${url}/${PATH}/`)).page).toBe(`${url}/${PATH}/ui`);
    });
  });

  it('opens behind a proxy that strips a prefix', async () => {
    await withApp({ platform }, async (url) => {
      const proxy = createServer(({ url: path = '', method, headers }, response) => {
        sendOn(`${url}${path.replace(/^\/tools/, '')}`, { method, headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        }).end();
      });
      await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
      const own = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      try {
        const { page } = await open(`${own}/tools/${PATH}`);
        expect(page).toBe(`${own}/tools/${PATH}/ui`);
      } finally {
        proxy.close();
        proxy.closeAllConnections();
      }
    });
  });

  it('may run nothing but its own files, is read anew each time, and its assets are kept', async () => {
    await withApp({ platform }, async (url) => {
      const page = await get(`${url}/${PATH}/ui`);
      expect(page.headers.get('content-security-policy')).toBe(POLICY);
      expect(page.headers.get('cache-control')).toBe('no-store');
      expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(page.headers.get('x-content-type-options')).toBe('nosniff');
      const { assets } = await open(`${url}/${PATH}`);
      for (const asset of assets) {
        const { headers } = await get(asset);
        expect(headers.get('cache-control')).toBe('private, max-age=31536000, immutable');
        expect(headers.get('content-type')).toMatch(/^text\/(javascript|css); charset=utf-8$/);
      }
    });
  });

  it('is sent compressed to whoever takes it, and as it is to others', async () => {
    await withApp({ platform }, async (url) => {
      const { page, assets } = await open(`${url}/${PATH}`);
      for (const file of [page, ...assets]) {
        const plain = await get(file, { authorization: TOKEN, 'accept-encoding': 'identity' });
        expect(plain.headers.get('content-encoding')).toBe(null);
        expect(plain.headers.get('vary')).toMatch(/accept-encoding/i);
        const text = await plain.text();
        for (const [accepted, coding] of [
          ['gzip, deflate', 'gzip'],
          ['gzip, br;q=0', 'gzip'],
          ['gzip, deflate, br', 'br'],
        ]) {
          const packed = await get(file, { authorization: TOKEN, 'accept-encoding': accepted ?? '' });
          expect([packed.status, packed.headers.get('content-encoding')]).toEqual([200, coding]);
          expect(Number(packed.headers.get('content-length'))).toBeLessThan(text.length);
          // What is fetched is read as it was written.
          expect(await packed.text()).toBe(text);
        }
      }
    });
  });

  it('has only the files of the build', async () => {
    await withApp({ platform }, async (url) => {
      for (const name of ['index.html', '..%2f..%2findex.js', 'nothing.js', '__proto__']) {
        const answer = await get(`${url}/${PATH}/ui/assets/${name}`);
        expect([name, answer.status]).toEqual([name, 404]);
      }
    });
  });

  it('is guarded like the API, and its guards see the decorators for pages', async () => {
    await withApp({ platform }, async (url) => {
      for (const path of ['', '/ui', '/ui/assets/x.js']) {
        expect((await get(`${url}/${PATH}${path}`, {})).status).toBe(401);
      }
    });
    class Shell implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        return Reflect.getMetadata('shell', context.getHandler()) === true;
      }
    }
    const admin = { guards: [new Shell()], decorate: { page: [SetMetadata('shell', true)] } };
    await withApp({ platform, admin }, async (url) => {
      expect((await get(`${url}/${PATH}/ui`, {})).status).toBe(200);
      expect((await get(`${url}/${PATH}`, {})).status).toBe(302);
      expect((await get(`${url}/${PATH}/session`, {})).status).toBe(403);
    });
  });
});

describe('the built page', () => {
  const assets = readdirSync(join(BUILT, 'assets')).filter((name) => /\.(?:js|css)$/.test(name));
  const textOf = (name: string) => readFileSync(join(BUILT, 'assets', name), 'utf8');
  const weigh = (name: string) => gzipSync(textOf(name)).length;

  it('is small: at most 30 KB at first and 40 KB for each later part, compressed', () => {
    const html = readFileSync(join(BUILT, 'index.html'), 'utf8');
    const first = assets.filter((name) => html.includes(name));
    expect(first.length).toBeGreaterThan(1);
    // A static import of the first script is loaded with it.
    const also = assets.filter(
      (name) =>
        !first.includes(name) &&
        first.some((each) => new RegExp(`from"\\./${name.replaceAll('.', '\\.')}"`).test(textOf(each))),
    );
    expect([...first, ...also].map(weigh).reduce((sum, each) => sum + each)).toBeLessThanOrEqual(30_000);
    for (const name of assets) expect(weigh(name)).toBeLessThanOrEqual(40_000);
  });

  it('has no inline script, style or handler, and names nothing of another origin', () => {
    const html = readFileSync(join(BUILT, 'index.html'), 'utf8');
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
  });
});
