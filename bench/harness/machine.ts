import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { dirname, join } from 'node:path';

const PEERS = [
  'pg-boss',
  'graphile-worker',
  'bullmq',
  'pg',
  '@prisma/client',
  '@nestjs/core',
  'nestjs-integration',
];

/** What the figures depend on; no host names. */
export function describeMachine(): Record<string, unknown> {
  const [first] = cpus();
  return {
    cpu: first?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    // Without what a distribution or a host appends to it.
    system: `${type()} ${release().replace(/-.*/, '')}`,
  };
}

export async function describeVersions(postgres: string): Promise<Record<string, string>> {
  const versions: Record<string, string> = { node: process.version, postgres };
  for (const name of PEERS) versions[name] = await versionOf(name);
  return versions;
}

/** Reads the nearest package.json of that name above its entry: not every package exports it. */
async function versionOf(name: string): Promise<string> {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(name) ?? []) {
    const file = join(folder, name, 'package.json');
    const text = await readFile(file, 'utf8').catch(() => undefined);
    if (text !== undefined) return (JSON.parse(text) as { version: string }).version;
  }
  throw new Error(`the version of ${name} was not found beside ${dirname(import.meta.url)}`);
}
