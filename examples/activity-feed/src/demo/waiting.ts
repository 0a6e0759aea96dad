import { setTimeout as delay } from 'node:timers/promises';

/** Looks every `everyMs` until `condition` holds, for `withinMs` at most; whether it came to hold. */
export async function waitUntil(
  condition: () => Promise<boolean>,
  { everyMs, withinMs, signal }: { everyMs: number; withinMs: number; signal: AbortSignal },
): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await delay(everyMs, undefined, { signal });
  }
  return true;
}

/** The promise's outcome, unless the demo is stopped first. */
export function unlessStopped<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
