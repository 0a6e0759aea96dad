// Worker processes of tests, and the test server, are started from `dist/`: it is built anew where a source is newer.
import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const BUILT = join(ROOT, 'dist/index.js');

export function buildIfStale() {
  // A run of mutants patches sources in a copy, and starts what was built before.
  if (process.env.TEST_DIST === 'as-it-is' || !isStale()) return;
  execFileSync('npm', ['run', '--silent', 'build'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
}

function isStale() {
  const built = statSync(BUILT, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = readdirSync(join(ROOT, 'src'), { recursive: true });
  return sources.some((file) => isSource(file) && statSync(join(ROOT, 'src', file)).mtimeMs > built);
}

function isSource(file) {
  return file.endsWith('.ts') && !file.endsWith('.spec.ts');
}
