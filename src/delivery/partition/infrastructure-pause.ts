import { LONGEST_TIMER_MS } from '../../database/wire/answer-within.js';
import { Backoff } from './backoff.js';

/** A pause that a handler asks for is no shorter: one that says 0 would be called without a break. */
const SHORTEST_MS = 50;

/** The pause after a failure of the infrastructure, longer with every one in a row. */
export class InfrastructurePause {
  private readonly backoff = new Backoff();
  private timer: NodeJS.Timeout | undefined;
  private endsAt = 0;

  constructor(
    private readonly onBegin: (ms: number, error: unknown) => void,
    private readonly onOver: () => void,
  ) {}

  get isOn(): boolean {
    return this.timer !== undefined;
  }

  /**
   * The consumer pauses as a whole: what failed one event for want of a connection would fail the next as
   * well.
   */
  begin(error: unknown): void {
    if (this.timer !== undefined) return;
    const ms = this.backoff.failed();
    this.onBegin(ms, error);
    this.last(ms);
  }

  /** It lasts so long from now at least. */
  extendTo(ms: number): void {
    const atLeast = Math.min(Math.max(ms, SHORTEST_MS), LONGEST_TIMER_MS);
    if (this.timer === undefined || performance.now() + atLeast > this.endsAt) this.last(atLeast);
  }

  /** An event had an outcome of its own: the next failure is a first one again. */
  succeeded(): void {
    this.backoff.succeeded();
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private last(ms: number): void {
    clearTimeout(this.timer);
    this.endsAt = performance.now() + ms;
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.onOver();
    }, ms);
  }
}
