import { LONGEST_TIMER_MS } from '../../database/wire/answer-within.js';
import { Backoff } from './backoff.js';

/**
 * A pause that a handler asks for is at least this long, because a pause of 0 ms would call the handler
 * without a break.
 */
const SHORTEST_MS = 50;

/**
 * The pause after a failure of the infrastructure. It is longer with every failure in a row. It holds no
 * timer: whoever waits for its end asks for `endsAt`.
 */
export class InfrastructurePause {
  private readonly backoff = new Backoff();
  private until: number | undefined;

  constructor(private readonly onBegin: (ms: number, error: unknown) => void) {}

  get isOn(): boolean {
    if (this.until === undefined) return false;
    if (performance.now() < this.until) return true;
    this.until = undefined;
    return false;
  }

  /** Monotonic ms; undefined if there is no pause. */
  get endsAt(): number | undefined {
    return this.isOn ? this.until : undefined;
  }

  /**
   * The consumer pauses as a whole, because an event that failed without a connection would be followed by
   * others that fail in the same way.
   */
  begin(error: unknown): void {
    if (this.isOn) return;
    const ms = this.backoff.failed();
    this.onBegin(ms, error);
    this.until = performance.now() + ms;
  }

  /** The pause lasts at least this long from now on. */
  extendTo(ms: number): void {
    const until = performance.now() + Math.min(Math.max(ms, SHORTEST_MS), LONGEST_TIMER_MS);
    if (this.until === undefined || until > this.until) this.until = until;
  }

  /** An event had an outcome of its own, so the next failure counts as the first one again. */
  succeeded(): void {
    this.backoff.succeeded();
  }
}
