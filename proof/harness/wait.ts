import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from './clock.js';

/** Looks again and again until something is there; throws when it is not there in time. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
  { everyMs = 100, withinMs = 120_000 }: { everyMs?: number; withinMs?: number } = {},
): Promise<T> {
  const startedAt = monotonicMs();
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (monotonicMs() - startedAt > withinMs)
      throw new Error(`waited in vain for ${Math.round(withinMs / 1e3)} s: ${what}`);
    await sleep(everyMs);
  }
}

export { sleep };
