import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type INestApplication, VersioningType } from '@nestjs/common';
import type { Response } from 'playwright-core';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type Browser, startBrowser, visit } from './stage/browser.js';
import { startWebProxy } from './stage/proxies.js';
import { openShop, type Platform } from './stage/shop.js';

interface Mount {
  readonly name: string;
  /** The option `path`. */
  readonly path: string;
  readonly prepare?: (app: INestApplication) => void;
  /** The prefix that a proxy strips. */
  readonly stripped?: string;
  /** Where the browser finds it. */
  readonly base: string;
}

const MOUNTS: readonly Mount[] = [
  { name: 'at /', path: '', base: '' },
  { name: 'at /ops', path: 'ops', base: '/ops' },
  {
    name: 'below a global prefix, in an application with versions',
    path: 'ops/integration',
    prepare: (app) =>
      app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
    base: '/api/ops/integration',
  },
  { name: 'behind a proxy that strips a prefix', path: 'ops', stripped: '/team/a', base: '/team/a/ops' },
];
const PLATFORMS: readonly Platform[] = ['express', 'fastify'];

let database: TestDatabase;
let browser: Browser;
beforeAll(async () => {
  database = await createTestDatabase();
  browser = await startBrowser();
});
afterAll(async () => {
  await browser.close();
  await database.drop();
});

describe.each(PLATFORMS)('with %s', (platform) => {
  test.each(MOUNTS)('the dashboard works $name', async ({ path, prepare, stripped, base }) => {
    const shop = await openShop(database, { platform, path, ...(prepare && { prepare }) });
    const proxy = stripped === undefined ? undefined : await startWebProxy(shop.url, stripped);
    const origin = proxy?.url ?? shop.url;
    const { context, complaints } = await visit(browser, origin);
    try {
      await shop.sessions.signIn(context, origin);
      const page = await context.newPage();
      const failed: string[] = [];
      page.on('response', (response) => {
        if (response.status() >= 400) failed.push(`${response.status()} ${response.url()}`);
      });
      // The path of the API leads to the page. For Fastify a path with a slash at its end is another path.
      const root = base === '' ? '/' : base;
      for (const start of platform === 'express' ? [root, `${base}/`, `${base}/ui/`] : [root]) {
        await page.goto(origin + start);
        expect(page.url()).toBe(`${origin}${base}/ui`);
      }
      await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
      await page.getByRole('button', { name: /^Live\b/ }).waitFor();
      await page.getByRole('link', { name: 'Consumers', exact: true }).first().click();
      await page.getByRole('heading', { level: 1, name: 'Consumers' }).waitFor();
      await page.reload();
      await page.getByRole('heading', { level: 1, name: 'Consumers' }).waitFor();
      expect(failed).toEqual([]);
      expect(complaints).toEqual({ csp: [], uncaught: [], dialogs: [], foreign: [] });
    } finally {
      await context.close();
      await proxy?.close();
      await shop.close();
    }
  });
});

const KB = 1024;
const zipped = (folder: string, name: string) => gzipSync(readFileSync(join(folder, name))).length;

// test/admin/page.spec.ts holds what every page loads first to 30 KB. The overview adds a part of its own.
test('the overview loads at most 40 KB, and each part that comes later has at most 40 KB', async () => {
  const shop = await openShop(database);
  const { context } = await visit(browser, shop.url);
  try {
    await shop.sessions.signIn(context, shop.url);
    const page = await context.newPage();
    const sizes = new Map<string, number>();
    const weighed: Promise<void>[] = [];
    const weigh = async (response: Response) => {
      const { pathname } = new URL(response.url());
      if (!/\/ui(?:\/|$)/.test(pathname)) return;
      const body = await response.body().catch(() => undefined);
      if (body !== undefined && body.length > 0) sizes.set(pathname, gzipSync(body).length);
    };
    page.on('response', (response) => weighed.push(weigh(response)));
    await page.goto(`${shop.url}/ops/integration/ui`);
    await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
    await page.waitForLoadState('load');
    await Promise.all(weighed);
    const first = [...sizes.values()].reduce((sum, size) => sum + size, 0);
    expect(sizes.size).toBeGreaterThan(1);
    expect(first).toBeLessThanOrEqual(40 * KB);
    // Whatever else the build has written can only come later.
    const built = join(import.meta.dirname, '../../dist/admin/ui/assets');
    const tooLarge = readdirSync(built).filter(
      (name) => !sizes.has(`/ops/integration/ui/assets/${name}`) && zipped(built, name) > 40 * KB,
    );
    expect(tooLarge).toEqual([]);
  } finally {
    await context.close();
    await shop.close();
  }
});
