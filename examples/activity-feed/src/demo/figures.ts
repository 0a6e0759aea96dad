import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { arch, cpus, platform, totalmem } from 'node:os';
import type { Check } from './checks.js';

interface Figures {
  startedAt: string;
  machine: Record<string, string | number>;
  versions: Record<string, string>;
  checks: Check[];
  details: Record<string, unknown>;
}

/** Writes what a run has found, with the machine and the versions that it ran with. */
export async function writeFigures(
  file: string,
  postgres: string,
  found: { readonly startedAt: Date; readonly checks: Check[]; readonly details: Figures['details'] },
): Promise<void> {
  const { startedAt, checks, details } = found;
  const figures: Figures = {
    startedAt: startedAt.toISOString(),
    machine: machine(),
    versions: versions(postgres),
    checks,
    details,
  };
  await writeFile(file, `${JSON.stringify(figures, null, 2)}\n`);
}

function machine(): Figures['machine'] {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    platform: platform(),
    arch: arch(),
  };
}

function versions(postgres: string): Figures['versions'] {
  const packages = ['nestjs-integration', '@nestjs/core', '@prisma/client', 'pg'];
  return {
    node: process.versions.node,
    postgres,
    ...Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
  };
}

/** Looks for the manifest beside what the name resolves to: not every package lets its own be imported. */
function versionOf(name: string): string {
  for (let folder = new URL('.', import.meta.resolve(name)); ; folder = new URL('..', folder)) {
    const manifest = manifestIn(folder);
    if (manifest?.name === name) return manifest.version;
    if (folder.pathname === '/') return 'unknown';
  }
}

function manifestIn(folder: URL): { name: string; version: string } | undefined {
  try {
    return JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'));
  } catch {
    return undefined;
  }
}
