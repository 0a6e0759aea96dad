// What the scripts install where it is missing: packages of Debian.
import { execFileSync } from 'node:child_process';

/** Throws if they cannot be installed. */
export function installPackages(packages) {
  const [program, ...start] = [
    ...(process.getuid?.() === 0 ? [] : ['sudo', '-n']),
    'apt-get',
    '-o',
    'DPkg::Lock::Timeout=120',
  ];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const run = (args) =>
    execFileSync(program, [...start, ...args], { env, stdio: ['ignore', 'inherit', 'inherit'] });
  run(['update', '-qq']);
  run(['install', '-y', '-qq', '--no-install-recommends', ...packages]);
}
