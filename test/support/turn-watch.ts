import { readFileSync } from 'node:fs';

const EVERY_MS = 5;

/**
 * How long the event loop was kept busy without a turn, at most, in processor time of the main thread: on a busy machine a turn takes long
 * by the clock though it does little. Where the system does not tell of one thread, that of the whole process.
 */
export class TurnWatch {
  longestMs = 0;
  private last = threadMs();
  private readonly timer = setInterval(() => this.look(), EVERY_MS);

  end(): number {
    clearInterval(this.timer);
    this.look();
    return this.longestMs;
  }

  private look(): void {
    const now = threadMs();
    this.longestMs = Math.max(this.longestMs, now - this.last);
    this.last = now;
  }
}

/** Of the whole process. */
export function processMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function threadMs(): number {
  try {
    const file = `/proc/self/task/${process.pid}/schedstat`;
    return Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return processMs();
  }
}
