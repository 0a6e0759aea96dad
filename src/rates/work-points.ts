import type { WorkPoint } from './consumer-rates.js';
import type { RateGrid } from './consumer-rates.store.js';
import type { WorkInSteps, WorkOfStep } from './work.store.js';
import { LATENCY_BOUNDS_S } from './work-counts.js';

/**
 * Makes a point for each step of the grid. A step in which nothing was done has zeros if the step is `known`,
 * because processes wrote samples in it.
 */
export function workPoints(
  { from, step, steps }: RateGrid,
  { latest }: Pick<WorkInSteps, 'latest'>,
  done: readonly WorkOfStep[],
  known: (n: number) => boolean,
): WorkPoint[] {
  const byStep = new Map(done.map((each) => [each.n, each]));
  return Array.from({ length: steps }, (_, n) => {
    const begin = from.getTime() + n * step * 1_000;
    const at = new Date(begin);
    const work = byStep.get(n);
    // The step that is not over yet is known only up to the last time that somebody wrote.
    const seconds = Math.min(step, ((latest ?? begin) - begin) / 1_000);
    if (seconds <= 0 || (work === undefined && !known(n)))
      return {
        at,
        handledPerSecond: null,
        failedPerSecond: null,
        latencyMedianSeconds: null,
        latencyP95Seconds: null,
      };
    return {
      at,
      handledPerSecond: (work?.handled ?? 0) / seconds,
      failedPerSecond: (work?.failed ?? 0) / seconds,
      latencyMedianSeconds: percentile(work?.latency ?? [], 0.5),
      latencyP95Seconds: percentile(work?.latency ?? [], 0.95),
    };
  });
}

/**
 * How many seconds a part of the events took at most, from how many there are in each class. Within a class
 * they are taken to be spread evenly. The last class has no upper bound, so its lower one stands for it.
 */
export function percentile(latency: readonly number[], part: number): number | null {
  const all = latency.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  let before = 0;
  for (const [index, count] of latency.entries()) {
    const lower = LATENCY_BOUNDS_S[index - 1] ?? 0;
    const upper = LATENCY_BOUNDS_S[index] ?? lower;
    if (count > 0 && before + count >= part * all)
      return lower + (upper - lower) * ((part * all - before) / count);
    before += count;
  }
  return LATENCY_BOUNDS_S.at(-1) ?? null;
}
