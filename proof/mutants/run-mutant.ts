import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KitMutant } from './kit-mutants.js';
import { PatchedPackage } from './patched-package.js';

const GIVES_UP_MS = 300_000;

/** What a run missed; empty: the mutant was not caught. */
export async function runMutant(mutant: KitMutant, seed: number): Promise<string[]> {
  const copy = await PatchedPackage.copy(['dist', 'proof/dist', 'prisma']);
  try {
    const figures = join(copy.folder, 'figures.json');
    const args = [...mutant.run, '--seed', String(seed), '--json', figures];
    await copy.with([mutant], () => runProof(copy.folder, args));
    return missedOf(JSON.parse(await readFile(figures, 'utf8')));
  } finally {
    await copy.remove();
  }
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
