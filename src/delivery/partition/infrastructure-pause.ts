import { LONGEST_TIMER_MS } from '../../database/wire/answer-within.js';
import { Backoff } from './backoff.js';

/**
 * A pause that a handler asks for is at least this long, because a pause of 0 ms would call the handler
 * without a break.
 */
const SHORTEST_MS = 50;

/**
 * The pause after a failure of the infrastructure. It is longer after each consecutive failure. It has no
 * timer, so its user must read `endsAt`.
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

  /** The end of the pause, in monotonic milliseconds. Undefined if there is no pause. */
  get endsAt(): number | undefined {
    return this.isOn ? this.until : undefined;
  }

  /**
   * Pauses the whole consumer. After an event that failed without a connection, other events would fail in
   * the same way.
   */
  begin(error: unknown): void {
    if (this.isOn) return;
    const ms = this.backoff.failed();
    this.onBegin(ms, error);
    this.until = performance.now() + ms;
  }

  /** Extends the pause, so that it lasts at least this many milliseconds from now on. */
  extendTo(ms: number): void {
    const until = performance.now() + Math.min(Math.max(ms, SHORTEST_MS), LONGEST_TIMER_MS);
    if (this.until === undefined || until > this.until) this.until = until;
  }

  /** Called when an event had an outcome of its own. The next failure counts as the first one again. */
  succeeded(): void {
    this.backoff.succeeded();
  }
}
