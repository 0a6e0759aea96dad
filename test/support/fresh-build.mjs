// Builds `dist/` where it was built from other sources. Tests, the demo, the proofs and the benches are started from it.
// `npm run build` begins with `--begin` and ends with `--end`: they note which sources it has built.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const BUILT = join(ROOT, 'dist/index.js');
/** Says which build was made from which sources. */
const STAMP = join(ROOT, 'node_modules/.cache/nestjs-integration/built');
const SETTINGS = ['tsconfig.json', 'tsconfig.build.json', 'package.json'];

export function buildIfStale() {
  // A run of mutants patches sources in a copy, and starts what was built before.
  if (process.env.TEST_DIST === 'as-it-is') return;
  if (readStamp() === stampOf(sumOfSources())) return;
  execFileSync('npm', ['run', '--silent', 'build'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
}

/** The sources as they are before the build: what somebody edits while it runs is not in it. */
function beginBuild() {
  mkdirSync(dirname(STAMP), { recursive: true });
  writeFileSync(STAMP, sumOfSources());
}

function endBuild() {
  writeFileSync(STAMP, stampOf(readStamp()));
}

/** Another build has another time, also one by hand from sources that are not there any more. */
function stampOf(sources) {
  const builtAt = statSync(BUILT, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return `${builtAt} ${sources}`;
}

function readStamp() {
  try {
    return readFileSync(STAMP, 'utf8');
  } catch {
    return undefined;
  }
}

/** Not their times: a file that was taken out of an archive, or was deleted, is not newer than the build. */
function sumOfSources() {
  const hash = createHash('sha256');
  const sources = ['src', 'dashboard'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true })
      .filter(isSource)
      .sort()
      .map((source) => join(folder, source)),
  );
  for (const file of [...SETTINGS, ...sources])
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update('\0');
  return hash.digest('hex');
}

function isSource(file) {
  return /\.(tsx?|css|html|json)$/.test(file) && !file.endsWith('.spec.ts');
}

if (process.argv[1] === import.meta.filename) {
  if (process.argv.includes('--begin')) beginBuild();
  else if (process.argv.includes('--end')) endBuild();
  else buildIfStale();
}
