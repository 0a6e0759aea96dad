// Installs the peers where they are missing or their list has changed, and links this package beside them, so that the
// benchmark imports it by its name as a user would.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const modules = join(here, 'node_modules');
const stamp = join(modules, '.bench-installed');
const wanted = readFileSync(join(here, 'package-lock.json'), 'utf8');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
  console.log('installing the peers (bench/package.json) …');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: here,
    stdio: 'inherit',
    shell: process.platform === 'win32',
  });
  writeFileSync(stamp, wanted);
}

const link = join(modules, 'nestjs-integration');
mkdirSync(modules, { recursive: true });
rmSync(link, { force: true, recursive: false });
symlinkSync(dirname(here), link, 'junction');
