import type { ProofProcess } from '../harness/child-process.js';
import { sleep, until } from '../harness/wait.js';
import type { Sizes, Stage } from '../scenarios/scenario.js';

/** After this time something is not getting on at all. */
export function longestStepMs({ long }: Sizes): number {
  return long ? 600_000 : 90_000;
}

/** A process is killed at any moment of this time after its share is there. */
const MOMENT_MS = 30;

interface Killing {
  readonly kills: number;
  /** How much is to be done, and how much of it is done. */
  readonly total: number;
  readonly done: () => Promise<number>;
  readonly start: () => ProofProcess;
}

/** Kills one process after another, each when a further share of the work is done. Resolves to the one that is left. */
export async function killOneAfterAnother(
  { random, sizes }: Stage,
  { kills, total, done, start }: Killing,
): Promise<ProofProcess> {
  let victim = start();
  for (let kill = 1; kill <= kills; kill++) {
    const share = Math.floor((total * (kill - random.next() / 2)) / (kills + 1));
    await until(`${share} of ${total} are done`, async () => (await done()) >= share, {
      everyMs: 5,
      withinMs: longestStepMs(sizes),
    });
    await sleep(random.int(MOMENT_MS));
    await victim.kill();
    victim = start();
  }
  return victim;
}
