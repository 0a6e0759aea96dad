import type { AbortGroups } from './abort-groups.js';

/** When work that somebody waits for is given up. */
export interface TimeOfWork {
  readonly timeoutMs: number;
  /** The error when the time is over. */
  readonly late: () => Error;
  /** A signal of the caller that ends the work as well. */
  readonly outer: AbortSignal | undefined;
  readonly groups: AbortGroups;
}

/**
 * What the code of an application returns, within a time. Its signal ends with the time and with that of the
 * caller, and when it has returned. Code that does not heed its signal goes on, and what it returns is
 * dropped.
 *
 * @throws what `work` throws, the error of `late`, or the reason of the outer signal
 */
export async function withinTime<T>(
  work: (signal: AbortSignal) => Promise<T>,
  { timeoutMs, late, outer, groups }: TimeOfWork,
): Promise<T> {
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let leave = () => {};
  const over = new Promise<never>((_, reject) => {
    const end = (reason: unknown) => {
      ending.abort(reason);
      reject(reason);
    };
    timer = setTimeout(() => end(late()), timeoutMs);
    if (outer !== undefined) leave = groups.join(outer, { abort: () => end(outer.reason) });
  });
  over.catch(() => {});
  try {
    return await Promise.race([work(ending.signal), over]);
  } finally {
    clearTimeout(timer);
    leave();
    ending.abort();
  }
}
