import type { ProofProcess } from '../harness/child-process.js';
import type { Random } from '../harness/random.js';
import { sleep, until } from '../harness/wait.js';

/** Something is not getting on at all. */
export const STEP_MS = 240_000;
/** A process is killed at any moment of this time after its share is there. */
const MOMENT_MS = 30;

interface Killing {
  readonly kills: number;
  readonly random: Random;
  /** How much is to be done, and how much of it is done. */
  readonly total: number;
  readonly done: () => Promise<number>;
  readonly start: () => ProofProcess;
}

/** Kills one process after another, each when a further share of the work is done. Resolves to the one that is left. */
export async function killOneAfterAnother({
  kills,
  random,
  total,
  done,
  start,
}: Killing): Promise<ProofProcess> {
  let victim = start();
  for (let kill = 1; kill <= kills; kill++) {
    const share = Math.floor((total * (kill - random.next() / 2)) / (kills + 1));
    await until(`${share} of ${total} are done`, async () => (await done()) >= share, {
      everyMs: 5,
      withinMs: STEP_MS,
    });
    await sleep(random.int(MOMENT_MS));
    await victim.kill();
    victim = start();
  }
  return victim;
}
