import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const ROOT = join(import.meta.dirname, '../..');
const PACKING_MS = 120_000;

interface Manifest {
  readonly dependencies: Record<string, string>;
  readonly exports: Record<string, unknown>;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, { readonly optional?: boolean }>;
}

/** An application that has installed the tarball and none of the optional peers. */
let folder: string;
let database: TestDatabase;
let manifest: Manifest;

/** `SecretsModule` does not boot without a key. */
const KEYS = { INTEGRATION_KEYS: `main=${Buffer.alloc(32, 7).toString('base64')}` };

function run(command: string, args: string[], options: { cwd: string; env?: NodeJS.ProcessEnv }): string {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}${stdout}`);
  return stdout;
}

const optionalPeers = () =>
  Object.keys(manifest.peerDependencies).filter(
    (name) => manifest.peerDependenciesMeta[name]?.optional === true,
  );

interface Packed {
  readonly filename: string;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}
let packed: Packed;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'packed-'));
  const pack = ['pack', '--json', '--ignore-scripts', `--pack-destination=${folder}`];
  [packed] = JSON.parse(run('npm', pack, { cwd: ROOT })) as [Packed];
  const { filename } = packed;
  const modules = join(folder, 'node_modules');
  mkdirSync(modules);
  run('tar', ['-xzf', join('..', filename)], { cwd: modules });
  run('mv', ['package', 'nestjs-integration'], { cwd: modules });
  manifest = JSON.parse(readFileSync(join(modules, 'nestjs-integration/package.json'), 'utf8')) as Manifest;
  const optional = new Set(optionalPeers());
  const needed = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  for (const name of needed.filter((each) => !optional.has(each))) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), join(modules, name), 'dir');
  }
  const processes = join(import.meta.dirname, '../support/processes');
  cpSync(join(processes, 'packed-app.mjs'), join(folder, 'main.mjs'));
  cpSync(join(processes, 'packed-relays.cjs'), join(folder, 'relays.cjs'));
  cpSync(join(processes, 'packed-schedules.cjs'), join(folder, 'schedules.cjs'));
  database = await createTestDatabase();
}, PACKING_MS);
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await database?.drop();
});

describe('what is packed', () => {
  it('has at most 9.5 MB, and no maps of sources: the built code is the source without its types', () => {
    expect(packed.files.filter(({ path }) => path.endsWith('.map'))).toEqual([]);
    expect(packed.unpackedSize).toBeLessThan(9_500_000);
    const lines = packed.files
      .filter(({ path }) => /^dist\/.*\.js$/.test(path) && !path.startsWith('dist/dashboard'))
      .filter(({ path }) => readFileSync(join(ROOT, path), 'utf8').includes('sourceMappingURL'));
    expect(lines).toEqual([]);
  });
});

describe('the package as it is installed, without any optional peer', () => {
  it('boots, publishes and handles; an adapter whose library is absent says what to install', () => {
    const env = { ...process.env, DATABASE_URL: database.url };
    const last =
      run(process.execPath, ['main.mjs'], { cwd: folder, env: { ...env, ...KEYS } })
        .trim()
        .split('\n')
        .at(-1) ?? '';
    const { payload, refused, missing } = JSON.parse(last) as {
      payload: unknown;
      refused: { name: string; code: string; message: string }[];
      missing: { code: string; install: string }[];
    };
    expect(payload).toEqual({ name: 'Ada' });
    expect(missing).toEqual([
      { code: 'INTEGRATION_PEER_MISSING', install: 'npm install ajv' },
      { code: 'INTEGRATION_PEER_MISSING', install: 'npm install class-validator class-transformer' },
    ]);
    const said = refused.map(({ name, code, message }) => [name, code, message.split('npm install ')[1]]);
    expect(said).toEqual([
      ['fromDrizzle', 'INTEGRATION_PEER_MISSING', 'drizzle-orm'],
      ['fromKnex', 'INTEGRATION_PEER_MISSING', 'knex'],
      ['fromKysely', 'INTEGRATION_PEER_MISSING', 'kysely'],
      ['fromMikroOrm', 'INTEGRATION_PEER_MISSING', '@mikro-orm/postgresql'],
      // The engine has it for itself, so it is there.
      ['fromPg', 'INTEGRATION_CLIENT_INVALID', undefined],
      ['fromPostgresJs', 'INTEGRATION_PEER_MISSING', 'postgres'],
      ['fromSequelize', 'INTEGRATION_PEER_MISSING', 'sequelize'],
      ['fromTypeOrm', 'INTEGRATION_PEER_MISSING', 'typeorm'],
      ['typeOrmAmbient', 'INTEGRATION_PEER_MISSING', 'typeorm'],
      ['clsAmbient', 'INTEGRATION_PEER_MISSING', '@nestjs-cls/transactional'],
    ]);
  });

  it.each(['esm', 'cjs'])(
    'relays without the library of any broker, and says what to install (%s)',
    (host) => {
      const env = { ...process.env, DATABASE_URL: database.url, HOST: host };
      const printed = run(process.execPath, ['relays.cjs'], { cwd: folder, env }).trim().split('\n').at(-1);
      const { sent, problems, code, message } = JSON.parse(printed ?? '') as {
        sent: string[];
        problems: string[];
        code: string;
        message: string;
      };
      expect(sent).toEqual(['thing.changed']);
      const nest = '@nestjs/microservices@"^11.0.0 || ^12.0.0"';
      const said = problems.map((problem) => [problem.split(':')[0], problem.split('npm install ')[1]]);
      expect(said.sort()).toEqual([
        ['relay "kafka"', 'kafkajs@2'],
        ['relay "nats"', '@nats-io/jetstream@3 @nats-io/transport-node@3'],
        ['relay "nest"', nest],
        ['relay "rabbit"', 'rabbitmq-client@5'],
        ['source "kafka"', 'kafkajs@2'],
        ['source "nats"', '@nats-io/jetstream@3 @nats-io/transport-node@3'],
        ['source "rabbit"', 'rabbitmq-client@5'],
      ]);
      expect(code).toBe('INTEGRATION_PEER_MISSING');
      expect(message).toContain(`npm install ${nest}`);
    },
  );

  it.each(['esm', 'cjs'])('says what schedules need, and runs them where it is there (%s)', (host) => {
    const env = { ...process.env, DATABASE_URL: database.url, HOST: host };
    const printed = () =>
      JSON.parse(
        run(process.execPath, ['schedules.cjs'], { cwd: folder, env }).trim().split('\n').at(-1) ?? '',
      );
    const croner = join(folder, 'node_modules/croner');
    expect(printed()).toEqual({ code: 'INTEGRATION_PEER_MISSING', install: 'npm install croner' });
    symlinkSync(join(ROOT, 'node_modules/croner'), croner, 'dir');
    try {
      expect(printed()).toEqual({ status: 'processed', cause: 'time' });
    } finally {
      rmSync(croner);
    }
  });

  it(
    'has declarations that compile with skipLibCheck: false, whatever subpath is imported',
    () => {
      const names = Object.keys(manifest.exports).filter((name) => !name.endsWith('.json'));
      const lines = names.map(
        (name) => `export * as n${names.indexOf(name)} from 'nestjs-integration${name.slice(1)}';`,
      );
      const file = join(folder, 'all.mts');
      ts.sys.writeFile(file, lines.join('\n'));
      const program = ts.createProgram([file], {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        strict: true,
        noEmit: true,
        types: ['node'],
        typeRoots: [join(ROOT, 'node_modules/@types')],
      });
      const own = join(folder, 'node_modules/nestjs-integration');
      expect(
        program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(own)).length,
      ).toBeGreaterThan(names.length);
      const problems = ts
        .getPreEmitDiagnostics(program)
        .filter((each) => each.file === undefined || each.file.fileName.startsWith(folder))
        .map(
          ({ file: at, messageText }) =>
            `${at?.fileName} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
        );
      expect(problems).toEqual([]);
    },
    PACKING_MS,
  );

  it('has no optional peer in it, or this test would say nothing', () => {
    expect(optionalPeers()).toEqual(
      expect.arrayContaining([
        'typeorm',
        'kysely',
        'drizzle-orm',
        'knex',
        'sequelize',
        'postgres',
        '@mikro-orm/postgresql',
      ]),
    );
    const there = optionalPeers().filter((name) => existsSync(join(folder, 'node_modules', name)));
    expect(there).toEqual([]);
  });
});
