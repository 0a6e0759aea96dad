import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const LOOK_EVERY_MS = 20;
const COLLECT_EVERY_CALLS = 10;

export interface MemoryWatch {
  /** Called at every handler call. */
  handled(): void;
  stop(): { before: number; peak: number };
}

/** Watches what the system takes from the machine, or what the process cannot give back. */
export function openMemoryWatch(what: 'resident' | 'live'): MemoryWatch {
  return what === 'resident' ? watchResident() : watchLive();
}

function watchResident(): MemoryWatch {
  const before = process.memoryUsage.rss();
  let peak = before;
  const look = () => {
    peak = Math.max(peak, process.memoryUsage.rss());
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    handled: () => {},
    stop: () => {
      clearInterval(timer);
      look();
      return { before, peak };
    },
  };
}

/**
 * Collects first, so that only what something still refers to is counted, buffers outside the heap included. Compared with what is
 * left at the end: the code that was loaded on the way is not held for any event.
 */
function watchLive(): MemoryWatch {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const live = () => {
    // Twice: what the first frees outside the heap is counted as free by the second.
    collect();
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  let peak = 0;
  let calls = 0;
  return {
    handled: () => {
      if (++calls % COLLECT_EVERY_CALLS === 0) peak = Math.max(peak, live());
    },
    stop: () => ({ before: live(), peak }),
  };
}
