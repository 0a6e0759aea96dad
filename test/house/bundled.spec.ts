import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { build } from 'esbuild';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const ROOT = join(import.meta.dirname, '../..');
const ENTRY = join(import.meta.dirname, '../support/processes/bundled-app.mjs');
/** What Nest looks for and this application does not have. */
const OPTIONAL = [
  '@nestjs/websockets/*',
  '@nestjs/microservices/*',
  '@nestjs/platform-express',
  '@nestjs/microservices',
  '@nestjs/websockets',
  '@nestjs/config',
  'class-validator',
  'class-transformer',
  'pg-native',
];

let host: string;
let database: TestDatabase;
let bundles: string;

beforeAll(async () => {
  bundles = mkdtempSync(join(tmpdir(), 'bundles-'));
  await Promise.all([
    bundle('everything.mjs', 'esm', OPTIONAL),
    bundle('everything.cjs', 'cjs', OPTIONAL),
    bundleWithWebpack('webpack.cjs'),
  ]);
  await bundle('without.mjs', 'esm', ['nestjs-integration', '@nestjs/*', 'rxjs', 'reflect-metadata']);
}, 240_000);
afterAll(() => rmSync(bundles, { recursive: true, force: true }));

beforeEach(async () => {
  database = await createTestDatabase({ migrated: false });
  // As a host has it, with migrations of its own two folders above the bundle.
  host = mkdtempSync(join(tmpdir(), 'host-'));
  writeFileSync(join(host, 'package.json'), '{ "name": "the-host" }');
  const migration = join(host, 'prisma/migrations/20200101000000_host');
  mkdirSync(migration, { recursive: true });
  writeFileSync(join(migration, 'migration.sql'), 'CREATE TABLE public.of_the_host ();');
});
afterEach(async () => {
  rmSync(host, { recursive: true, force: true });
  await database.drop();
});

async function bundle(name: string, format: 'esm' | 'cjs', external: string[]): Promise<void> {
  await build({
    entryPoints: [ENTRY],
    outfile: join(bundles, name),
    bundle: true,
    platform: 'node',
    target: 'node20',
    format,
    external,
    minify: true,
    alias: external.includes('nestjs-integration')
      ? {}
      : { 'nestjs-integration': join(ROOT, 'dist/index.js') },
    logLevel: 'error',
    // CommonJS packages in an ES module bundle call require.
    ...(format === 'esm'
      ? {
          banner: {
            js: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`,
          },
        }
      : {}),
  });
}

async function bundleWithWebpack(name: string): Promise<void> {
  const script = join(import.meta.dirname, '../support/processes/bundle-with-webpack.mjs');
  const child = spawn(process.execPath, [script, ENTRY, join(bundles, name), ...OPTIONAL], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  expect(await once(child, 'exit')).toEqual([0, null]);
}

/** What the bundle says when it stands at `dist/server/` of the host. */
async function run(name: string): Promise<{ said: string[]; warned: string }> {
  const file = join(host, 'dist/server', name);
  mkdirSync(dirname(file), { recursive: true });
  cpSync(join(bundles, name), file);
  const child = spawn(process.execPath, [file], {
    cwd: host,
    env: { ...process.env, NODE_OPTIONS: '', DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [said, warned] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')]);
  return { said: said.trim().split('\n'), warned };
}

async function tablesOfTheHost(): Promise<number> {
  const { rowCount } = await database.pool.query(`SELECT FROM pg_tables WHERE tablename = 'of_the_host'`);
  return rowCount ?? 0;
}

describe.each(['everything.mjs', 'everything.cjs', 'webpack.cjs'])(
  'an application bundled with the package, %s',
  (name) => {
    it('runs no migration of the host, and says what to copy where', async () => {
      const { said } = await run(name);
      expect(said.at(-1)).toMatch(/^INTEGRATION_MIGRATIONS_MISSING/);
      expect(said.at(-1)).toContain(`to ${join(host, 'dist/server/nestjs-integration')}`);
      expect(await tablesOfTheHost()).toBe(0);
    });

    it('works where that is copied, its watchdog included', async () => {
      const copy = join(host, 'dist/server/nestjs-integration');
      for (const part of ['package.json', 'prisma', 'dist'])
        cpSync(join(ROOT, part), join(copy, part), { recursive: true });
      expect(await run(name)).toEqual({ said: ['handled {"n":1}'], warned: '' });
      expect(await tablesOfTheHost()).toBe(0);
    });
  },
);

describe('an application bundled without the package', () => {
  it('works where the package is installed', async () => {
    // In place of `npm install`: what is linked is found from where it really is.
    mkdirSync(join(host, 'node_modules'));
    symlinkSync(ROOT, join(host, 'node_modules/nestjs-integration'));
    for (const name of ['@nestjs', 'rxjs', 'reflect-metadata'])
      symlinkSync(join(ROOT, 'node_modules', name), join(host, 'node_modules', name));
    expect(await run('without.mjs')).toEqual({ said: ['handled {"n":1}'], warned: '' });
  });
});
