import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { KitMutant } from './kit-mutants.js';

const PACKAGE = fileURLToPath(new URL('../../..', import.meta.url));
const GIVES_UP_MS = 600_000;

/** What a run missed; empty: the mutant was not caught. */
export async function runMutant(mutant: KitMutant, seed: number): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-mutant-'));
  try {
    for (const part of ['dist', 'proof/dist', 'prisma', 'package.json'])
      await cp(join(PACKAGE, part), join(folder, part), { recursive: true });
    await symlink(join(PACKAGE, 'node_modules'), join(folder, 'node_modules'), 'dir');
    await patch(join(folder, mutant.file), mutant);
    const figures = join(folder, 'figures.json');
    await runProof(folder, [...mutant.run, '--seed', String(seed), '--json', figures]);
    return missedOf(JSON.parse(await readFile(figures, 'utf8')));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function patch(file: string, { find, put, name }: KitMutant): Promise<void> {
  const source = await readFile(file, 'utf8');
  const places = source.split(find).length - 1;
  if (places !== 1) throw new Error(`"${name}": ${file} has ${places} times, not once: ${find}`);
  await writeFile(
    file,
    source.replace(find, () => put),
  );
}

/** Its exit status is 1 where a check was missed, which is what is hoped for. */
function runProof(folder: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const options = { cwd: folder, timeout: GIVES_UP_MS, maxBuffer: 64 * 1024 * 1024 };
    execFile(process.execPath, [join(folder, 'proof/dist/main.js'), ...args], options, () => resolve());
  });
}

interface Figures {
  readonly checks: readonly { readonly name: string; readonly ok: boolean }[];
  readonly details: {
    readonly brokenOff: readonly { readonly scenario: string; readonly message: string }[];
  };
}

function missedOf({ checks, details }: Figures): string[] {
  return [
    ...checks.filter(({ ok }) => !ok).map(({ name }) => name),
    ...details.brokenOff.map(
      ({ scenario, message }) => `${scenario} broke off: ${message.split('\n')[0]?.slice(0, 80)}`,
    ),
  ];
}
