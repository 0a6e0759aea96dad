/**
 * The part of a time in which a thread that computes has a processor, also if ten share one. A process that
 * waits needs much less.
 */
const BUSY_SHARE = 0.1;

interface Reading {
  readonly at: number;
  readonly cpuMs: number;
}

/**
 * Tells whether a blocked process computes or waits, by the time that it has had on a processor. A process
 * that a debugger holds at a breakpoint waits.
 */
export class BusyTime {
  private since = read();
  private last = this.since;

  /** A new stretch begins. */
  restart(): void {
    this.since = read();
    this.last = this.since;
  }

  /** Whether it has computed during the stretch, and has not stopped since the last call. */
  isBusy(): boolean {
    const now = read();
    const { since, last } = this;
    this.last = now;
    return [since, last].every((from) => now.cpuMs - from.cpuMs >= BUSY_SHARE * (now.at - from.at));
  }
}

function read(): Reading {
  const { user, system } = process.cpuUsage();
  return { at: performance.now(), cpuMs: (user + system) / 1000 };
}
