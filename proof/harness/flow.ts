import type { Run, Write } from './journal.js';

/** Commits and deliveries over time, for one consumer. */
export class Flow {
  /** By event: when its commit was answered, and when its first handling ended. */
  private readonly times: { readonly committedAt: number; readonly handledAt: number | undefined }[];

  constructor(writes: readonly Write[], runs: readonly Run[], consumer: string) {
    const handled = new Map<string, number>();
    for (const run of runs) {
      if (run.consumer !== consumer || run.endedAt === undefined) continue;
      handled.set(run.eventId, Math.min(handled.get(run.eventId) ?? Number.POSITIVE_INFINITY, run.endedAt));
    }
    this.times = writes
      .filter(({ outcome }) => outcome === 'committed')
      .map(({ eventId, at }) => ({ committedAt: at, handledAt: handled.get(eventId) }))
      .sort((a, b) => a.committedAt - b.committedAt);
  }

  /** Milliseconds from commit to handled of what was committed in the window, ascending; never handled is infinite. */
  latencies(from: number, to: number): number[] {
    return this.times
      .filter(({ committedAt }) => committedAt >= from && committedAt < to)
      .map(({ committedAt, handledAt = Number.POSITIVE_INFINITY }) => Math.max(0, handledAt - committedAt))
      .sort((a, b) => a - b);
  }

  /** When each event of the window was committed, and how long it took. */
  points(from: number, to: number): { readonly at: number; readonly ms: number }[] {
    return this.times
      .filter(({ committedAt }) => committedAt >= from && committedAt < to)
      .map(({ committedAt, handledAt = Number.POSITIVE_INFINITY }) => ({
        at: committedAt,
        ms: Math.max(0, handledAt - committedAt),
      }));
  }

  /** Committed and not handled at that moment. */
  backlog(at: number): number {
    return this.times.filter(
      ({ committedAt, handledAt = Number.POSITIVE_INFINITY }) => committedAt <= at && handledAt > at,
    ).length;
  }
}

/** The smallest value that a share of the (ascending) values does not exceed. */
export function percentile(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.floor(ascending.length * share))] ?? Number.NaN;
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * How many times as large the last samples of a heap are as the first ones. A third of all is left out at the
 * beginning, where code is compiled and connections are made.
 */
export function heapGrowth(heaps: readonly number[]): number {
  const [first, last] = thirds(heaps.slice(Math.floor(heaps.length / 3)));
  return mean(last) / mean(first);
}

/** The samples of a heap, in megabytes. */
export function inMegabytes(heaps: readonly number[]): string {
  return heaps.map((bytes) => (bytes / 1e6).toFixed(1)).join(' ');
}

/** The first and the last third. */
export function thirds<T>(items: readonly T[]): readonly [T[], T[]] {
  const third = Math.max(1, Math.floor(items.length / 3));
  return [items.slice(0, third), items.slice(-third)];
}
