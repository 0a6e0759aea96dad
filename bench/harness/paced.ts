import { setTimeout as delay } from 'node:timers/promises';

/** Begins `work` so many times, at a steady rate, whether the ones before are done or not. Resolves when all are done. */
export async function paced(
  count: number,
  perSecond: number,
  work: (n: number) => Promise<unknown>,
): Promise<void> {
  const startedAt = performance.now();
  const begun: Promise<unknown>[] = [];
  for (let n = 0; n < count; n++) {
    const waitMs = startedAt + (n * 1000) / perSecond - performance.now();
    if (waitMs > 1) await delay(waitMs);
    begun.push(work(n));
  }
  await Promise.all(begun);
}
