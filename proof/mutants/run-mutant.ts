import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KitMutant } from './kit-mutants.js';
import { PatchedPackage } from './patched-package.js';

const GIVES_UP_MS = 300_000;

/**
 * What a run missed; empty: the mutant was not caught. A run that takes too long is ended, and writes what it
 * has found until then. That it was ended says nothing about the mutant.
 */
export async function runMutant(mutant: KitMutant, seed: number): Promise<string[]> {
  const copy = await PatchedPackage.copy(['dist', 'proof/dist', 'prisma']);
  try {
    const figures = join(copy.folder, 'figures.json');
    const args = [...mutant.run, '--seed', String(seed), '--json', figures];
    await copy.with([mutant], () => runProof(copy.folder, args));
    return missedOf(await readFigures(figures));
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

/** A run that did not even begin has written nothing. */
async function readFigures(file: string): Promise<Figures> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Figures;
  } catch (cause) {
    throw new Error('the run has written no figures, so nothing is known of the mutant', { cause });
  }
}

interface Figures {
  readonly checks: readonly { readonly name: string; readonly ok: boolean }[];
  readonly details: {
    readonly brokenOff: readonly { readonly scenario: string; readonly message: string }[];
    /** The signal that ended the run, if one has. */
    readonly endedBy?: string;
  };
}

function missedOf({ checks, details }: Figures): string[] {
  if (details.endedBy !== undefined)
    console.log(`  the run was ended after ${GIVES_UP_MS / 1e3} s, before all of its checks`);
  return [
    ...checks.filter(({ ok }) => !ok).map(({ name }) => name),
    ...details.brokenOff.map(
      ({ scenario, message }) => `${scenario} broke off: ${message.split('\n')[0]?.slice(0, 80)}`,
    ),
  ];
}
