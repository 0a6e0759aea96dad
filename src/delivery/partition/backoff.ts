import { growingPauseMs } from '../../words/growing-pause.js';

const FIRST_MS = 50;
const LONGEST_MS = 5_000;

/** The delays after consecutive failures. They double up to a limit, with equal jitter. */
export class Backoff {
  private failures = 0;

  succeeded(): void {
    this.failures = 0;
  }

  /** Milliseconds to wait after one more failure. */
  failed(): number {
    const full = growingPauseMs(++this.failures, FIRST_MS, LONGEST_MS);
    return full / 2 + (full / 2) * Math.random();
  }
}
