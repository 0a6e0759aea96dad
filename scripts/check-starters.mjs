// Installs the packed package into small Nest 11 (CommonJS) and Nest 12 (ESM) applications, one of them on TypeORM, one with
// Vitest and one a workspace of packages, as a user would and without any optional peer, and checks what a user does first.
// Builds and runs examples/typeorm-orders in the same way. Needs a build. `--json FILE` writes the checks; `--only NAME`
// takes one application; `--keep` leaves the applications where they are. Two applications are checked at a time, because
// each waits for the registry and for its database; what each of them says is printed when it is done.
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { startEmbeddedPostgres } from '../dist/testing/index.js';

const ROOT = resolve(import.meta.dirname, '..');
const STEP_LIMIT_MS = 5 * 60_000;
const BOOT_LIMIT_MS = 60_000;
const HTTP = 'http-matrix.mjs';
const HTTP_CASES = 28;

const { values: options } = parseArgs({
  options: { json: { type: 'string' }, only: { type: 'string' }, keep: { type: 'boolean', default: false } },
});

const STARTERS = [
  {
    name: 'nest-11',
    typeChecks: {
      'type-checks-as-commonjs': 'tsconfig.json',
      'type-checks-as-nodenext': 'tsconfig.nodenext.json',
    },
    receives: /^11\./,
  },
  { name: 'nest-12', typeChecks: { 'type-checks-as-esm': 'tsconfig.json' } },
  // The tests of these two make their database themselves.
  {
    name: 'nest-11-typeorm',
    typeChecks: { 'type-checks-as-nodenext': 'tsconfig.json' },
    makesDatabase: true,
  },
  { name: 'vitest', typeChecks: { 'type-checks-as-esm': 'tsconfig.json' }, makesDatabase: true },
  // Building it checks the types of its packages, one after another.
  { name: 'workspace', typeChecks: {}, tests: false, main: 'apps/shop/dist/main.js', project: 'apps/shop' },
].filter(isChosen);

/** They start a Postgres of their own, check themselves, and end with the status that says whether all of it held. */
const EXAMPLES = [{ name: 'typeorm-orders', says: 'All of it held.' }].filter(isChosen);

function isChosen({ name }) {
  return options.only === undefined || options.only === name;
}

const startedAt = new Date().toISOString();
const work = mkdtempSync(join(tmpdir(), 'nestjs-integration-starters-'));
const checks = [];
const AT_A_TIME = 2;

function run(folder, command, args, { env = {}, timeout = STEP_LIMIT_MS } = {}) {
  return new Promise((resolve) => {
    const options = {
      cwd: folder,
      env: { ...process.env, CI: 'true', ...env },
      encoding: 'utf8',
      timeout,
      killSignal: 'SIGKILL',
      maxBuffer: 64 * 1024 * 1024,
    };
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      const output = [stdout, stderr, error?.message].filter(Boolean).join('\n');
      resolve({ ok: error === null, stdout, output });
    });
    child.stdin?.end();
  });
}

/** The checks of one application, in order, and what is said of them. */
class Notes {
  checks = [];
  #lines = [];

  /** Notes one check; `problem` is undefined where all is well. Returns whether it is. */
  note(name, problem) {
    const ok = problem === undefined;
    this.checks.push({ name, value: ok ? 'ok' : 'failed', bound: 'ok', ok });
    this.#lines.push(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
    if (!ok) this.#lines.push(problem.trimEnd().replace(/^/gm, '         '));
    return ok;
  }

  noteRun(name, { ok, output }) {
    return this.note(name, ok ? undefined : output);
  }

  async print(check) {
    try {
      await check();
    } catch (error) {
      this.note('starters-run', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    checks.push(...this.checks);
    if (this.#lines.length > 0) console.log(this.#lines.join('\n'));
  }
}

async function pack() {
  const { ok, stdout, output } = await run(ROOT, 'npm', [
    'pack',
    '--json',
    '--ignore-scripts',
    `--pack-destination=${work}`,
  ]);
  if (!ok) throw new Error(`npm pack failed:\n${output}`);
  return join(work, JSON.parse(stdout)[0].filename);
}

/** The optional peers that came along with this package. Others of the application may need the same ones. */
async function optionalPeersIn(folder) {
  const read = (path) => JSON.parse(readFileSync(join(folder, path), 'utf8'));
  const { peerDependenciesMeta = {} } = read('node_modules/nestjs-integration/package.json');
  const there = Object.entries(peerDependenciesMeta)
    .filter(([, { optional }]) => optional === true)
    .map(([name]) => name)
    .filter((name) => existsSync(join(folder, 'node_modules', name)));
  const ours = [];
  for (const name of there) {
    const { ok, stdout, output } = await run(folder, 'npm', ['explain', '--json', name]);
    if (!ok) throw new Error(`npm explain ${name} failed:\n${output}`);
    if (JSON.parse(stdout).some(({ dependents }) => cameWithUs(dependents))) ours.push(name);
  }
  return ours;
}

/** Whether the dependents that `npm explain` tells lead to this package, other than by an optional peer. */
function cameWithUs(dependents = []) {
  return dependents.some(
    ({ type, from }) =>
      type !== 'peerOptional' && (from.name === 'nestjs-integration' || cameWithUs(from.dependents)),
  );
}

/** Errors of our own declarations, which `skipLibCheck` would hide: types of packages that users do not have. */
async function brokenDeclarations(folder, project) {
  const { output } = await run(folder, 'npx', [
    '--no-install',
    'tsc',
    '--noEmit',
    '-p',
    project,
    '--incremental',
    'false',
    '--skipLibCheck',
    'false',
  ]);
  const ours = output.split('\n').filter((line) => /^(\.\.\/)*node_modules\/nestjs-integration\//.test(line));
  return ours.length === 0 ? undefined : ours.join('\n');
}

function handledOneEvent({ ok, stdout, output }) {
  if (!ok) return output;
  try {
    const { outboxEventId, payload } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    return typeof outboxEventId === 'string' && payload?.name === 'Ada' ? undefined : output;
  } catch {
    return output;
  }
}

/** Where a copy of the application has the package installed; undefined where that failed. */
async function installed(notes, source, name, tarball) {
  const folder = join(work, name);
  const isOurs = (path) => !/[\\/](node_modules|dist)$/.test(path);
  cpSync(join(ROOT, source), folder, { recursive: true, filter: isOurs });
  const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'];
  const install = await run(folder, 'npm', ['install', ...quiet, tarball]);
  if (!notes.noteRun(`${name}-installs`, install)) return undefined;
  const peers = await optionalPeersIn(folder);
  notes.note(
    `${name}-has-no-optional-peer`,
    peers.length === 0 ? undefined : `installed: ${peers.join(', ')}`,
  );
  return folder;
}

async function checkExample(notes, { name, says }, tarball) {
  const folder = await installed(notes, `examples/${name}`, name, tarball);
  if (folder === undefined) return;
  if (!notes.noteRun(`${name}-builds`, await run(folder, 'npm', ['run', 'build']))) return;
  const { ok, stdout, output } = await run(folder, 'npm', ['start'], {
    env: { DATABASE_URL: undefined },
    timeout: BOOT_LIMIT_MS,
  });
  notes.note(`${name}-holds-what-it-checks`, ok && stdout.includes(says) ? undefined : output);
}

async function checkStarter(notes, starter, tarball, databaseUrl) {
  const {
    name,
    typeChecks,
    tests = true,
    makesDatabase = false,
    main = 'dist/main.js',
    project = '.',
  } = starter;
  const folder = await installed(notes, `test/starters/${name}`, name, tarball);
  if (folder === undefined) return;
  for (const [check, project] of Object.entries(typeChecks)) {
    notes.noteRun(
      `${name}-${check}`,
      await run(folder, 'npx', ['--no-install', 'tsc', '--noEmit', '-p', project]),
    );
  }
  if (tests) notes.noteRun(`${name}-passes-its-unit-test`, await run(folder, 'npm', ['test']));
  if (!notes.noteRun(`${name}-builds`, await run(folder, 'npm', ['run', 'build']))) return;
  notes.note(`${name}-finds-every-type`, await brokenDeclarations(folder, project));
  const env = { DATABASE_URL: databaseUrl };
  notes.noteRun(
    `${name}-migrates`,
    await run(folder, 'npx', ['--no-install', 'nestjs-integration', 'migrate'], { env }),
  );
  if (tests) {
    const given = makesDatabase ? {} : { env };
    notes.noteRun(`${name}-passes-its-end-to-end-test`, await run(folder, 'npm', ['run', 'test:e2e'], given));
  }
  if (starter.receives !== undefined) await checkHttp(notes, name, folder, env, starter.receives);
  const booted = await run(folder, 'node', [main], { env, timeout: BOOT_LIMIT_MS });
  notes.note(`${name}-boots-publishes-and-handles-one-event`, handledOneEvent(booted));
}

/** The ways in which an application may receive webhooks and have the admin API, on the Nest of this starter. */
async function checkHttp(notes, name, folder, env, version) {
  cpSync(join(ROOT, 'test/support/processes', HTTP), join(folder, HTTP));
  const { ok, stdout, output } = await run(folder, 'node', [HTTP], { env });
  const { nest = '', cases = [] } = ok ? JSON.parse(stdout.trim().split('\n').at(-1)) : {};
  const isAll = version.test(nest) && cases.length === HTTP_CASES;
  if (!notes.note(`${name}-takes-requests-in-${HTTP_CASES}-ways`, isAll ? undefined : output)) return;
  for (const { name: way, problems } of cases)
    notes.note(`${name}-takes-requests: ${way}`, problems.length === 0 ? undefined : problems.join('\n'));
}

async function createDatabase(server, name) {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name}`);
  } finally {
    await client.end();
  }
  return server.urlOf(name);
}

const server = await startEmbeddedPostgres({ flags: ['-c', 'fsync=off'] });
try {
  await new Notes().print(async () => {
    const tarball = await pack();
    const due = [
      ...STARTERS.map((starter) => async (notes) => {
        const database = await createDatabase(server, starter.name.replaceAll('-', '_'));
        await checkStarter(notes, starter, tarball, database);
      }),
      ...EXAMPLES.map((example) => (notes) => checkExample(notes, example, tarball)),
    ];
    const lanes = Array.from({ length: AT_A_TIME }, async () => {
      for (let next = due.shift(); next !== undefined; next = due.shift()) {
        const notes = new Notes();
        await notes.print(() => next(notes));
      }
    });
    await Promise.all(lanes);
  });
} finally {
  await server.stop();
  if (options.keep) console.log(`kept: ${work}`);
  else rmSync(work, { recursive: true, force: true });
}

const failed = checks.filter(({ ok }) => !ok).length;
if (options.json !== undefined) {
  const machine = { platform: process.platform, arch: process.arch };
  writeFileSync(
    options.json,
    `${JSON.stringify({ startedAt, machine, versions: { node: process.version }, checks }, null, 2)}\n`,
  );
}
console.log(`${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
