// Runs the tests of the adapters with the oldest and the newest version of each library that package.json promises, each in a
// copy of the package. Needs a build. `--only TEXT` takes the trials whose name contains it; `--json FILE` writes the checks.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { TRIED_VERSIONS } from './client-versions.mjs';

const ROOT = resolve(import.meta.dirname, '..');
/** What the tests need of the package. */
const PARTS = ['package.json', 'tsconfig.json', 'jest.config.ts', 'src', 'test', 'dist', 'prisma'];
const SPECS = ['test/clients/conformance.spec.ts'];
const STEP_LIMIT_MS = 5 * 60_000;

const { values: options } = parseArgs({
  options: { only: { type: 'string', default: '' }, json: { type: 'string' } },
});
const startedAt = new Date().toISOString();
const checks = [];

function run(cwd, command, args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: STEP_LIMIT_MS,
    killSignal: 'SIGKILL',
    maxBuffer: 64 * 1024 * 1024,
  });
  return { ok: status === 0, output: [stdout, stderr, error?.message].filter(Boolean).join('\n') };
}

/** A copy whose node_modules has these packages in the place of those of the package itself. */
function copyWith(packages) {
  const folder = mkdtempSync(join(tmpdir(), 'client-versions-'));
  for (const part of PARTS) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  const installed = join(folder, 'installed');
  mkdirSync(installed);
  writeFileSync(join(installed, 'package.json'), '{ "private": true }');
  const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`);
  const install = run(installed, 'npm', [
    'install',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--force',
    ...wanted,
  ]);
  if (!install.ok) throw new Error(install.output);
  for (const name of namesIn(join(ROOT, 'node_modules'))) {
    const from = name in packages ? installed : ROOT;
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(from, 'node_modules', name), link, 'dir');
  }
  return folder;
}

function namesIn(modules) {
  return readdirSync(modules).flatMap((name) => {
    if (name.startsWith('.') && name !== '.bin') return [];
    return name.startsWith('@') ? readdirSync(join(modules, name)).map((each) => `${name}/${each}`) : [name];
  });
}

for (const { library, packages } of TRIED_VERSIONS) {
  const name = `${library}: ${Object.entries(packages)
    .map(([pkg, version]) => `${pkg}@${version}`)
    .join(' ')}`;
  if (!name.includes(options.only)) continue;
  let folder;
  let problem;
  try {
    folder = copyWith(packages);
    const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
    jest.push('node_modules/jest/bin/jest.js', '-i', ...SPECS, '-t', library);
    const { ok, output } = run(folder, process.execPath, jest, { TEST_DIST: 'as-it-is' });
    if (!ok) problem = output;
  } catch (error) {
    problem = String(error);
  } finally {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  }
  const ok = problem === undefined;
  checks.push({ name, value: ok ? 'ok' : 'failed', bound: 'ok', ok });
  console.log(`${ok ? 'ok    ' : 'FAILED'} ${name}`);
  if (!ok) console.log(problem.trimEnd().replace(/^/gm, '         '));
}

const failed = checks.filter(({ ok }) => !ok).length;
if (options.json !== undefined) {
  const machine = { platform: process.platform, arch: process.arch };
  const report = { startedAt, machine, versions: { node: process.version }, checks };
  writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
}
console.log(`${checks.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
