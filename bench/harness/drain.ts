import type { MeasuredSystem } from '../systems/measured-system.js';
import type { DrainRequest, DrainResult } from './child-protocol.js';
import { profiled } from './cpu-profile.js';
import { openMemoryWatch } from './memory-watch.js';
import { untilTrue } from './until-true.js';

const SETTLE_LIMIT_MS = 30_000;
const START_LIMIT_MS = 30_000;

/**
 * Starts the consumers on a waiting backlog. The clock runs from the first handler call that counts, so that nobody's start-up does,
 * until the database says that nothing is left, so that nobody's unsaved work counts as done.
 */
export async function drain(system: MeasuredSystem, request: DrainRequest): Promise<DrainResult> {
  const watch = request.watchMemory === undefined ? undefined : openMemoryWatch(request.watchMemory);
  const result = await profiled(request.profileTo, () => runDrain(system, request, () => watch?.handled()));
  return watch === undefined ? result : { ...result, memory: watch.stop() };
}

async function runDrain(
  system: MeasuredSystem,
  { expected, limitMs, uncounted = 0 }: DrainRequest,
  onHandled: () => void,
): Promise<DrainResult> {
  let handled = 0;
  let firstAt = 0;
  const first = new Signal();
  const all = new Signal();
  const stop = await system.consume(() => {
    if (handled === uncounted) {
      firstAt = performance.now();
      first.fire();
    }
    onHandled();
    if (++handled === expected) all.fire();
  });
  if (!(await within(first.fired, START_LIMIT_MS)))
    throw new Error(`only ${handled} events were handled in time`);
  const complete = await within(all.fired, limitMs);
  if (complete) await untilTrue(() => system.isSettled(), SETTLE_LIMIT_MS);
  const seconds = (performance.now() - firstAt) / 1e3;
  const counted = handled - uncounted;
  await stop();
  if (complete && !(await system.isSettled()))
    throw new Error('every event was handled, but the database was left unsettled');
  return { handled: counted, complete, seconds };
}

/** A promise that is kept from outside. */
class Signal {
  fire: () => void = () => {};
  readonly fired = new Promise<void>((resolve) => {
    this.fire = resolve;
  });
}

async function within(promise: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  return Promise.race([promise.then(() => true), late]).finally(() => clearTimeout(timer));
}
