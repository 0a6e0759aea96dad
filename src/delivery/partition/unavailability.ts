import type { Subscription } from '../../subscribers/consumer.js';
import type { Attempt } from './attempt.js';
import { Backoff } from './backoff.js';
import { isUndecided, type Outcome } from './delivery.js';
import type { InfrastructurePause } from './infrastructure-pause.js';

/**
 * The change that is reported when handlers cannot reach what they need, and when they can again. Single
 * tries are not reported. `unknown` says that nobody tries any more.
 */
export type Reachability =
  | { readonly kind: 'lost'; readonly error: unknown }
  /** `tries` is how many calls of handlers failed during this time. */
  | { readonly kind: 'regained'; readonly ms: number; readonly tries: number }
  | { readonly kind: 'unknown' };

/**
 * Knows what the handlers of one leased cursor cannot reach (`UnavailableError`). It begins with the first
 * handler that reports this. It ends when each of these handlers has completed an event again, because the
 * success of another handler says nothing about them. After each pause one attempt is the probe. Others begin
 * only if that attempt completes. So not all handlers call a receiver that is down, and a receiver that comes
 * back does not get all waiting calls at once.
 */
export class Unavailability {
  private readonly backoff = new Backoff();
  private readonly waiting = new Set<Subscription>();
  private beganAt = 0;
  private tries = 0;
  /** Whether one attempt must find out if the others may begin. While it runs, `probe` is this attempt. */
  private probing = false;
  private probe: Attempt | undefined;
  /**
   * Whether the attempt that ended last could not reach what it needs. It may have delivered some events of
   * its batch before that, and their success says nothing.
   */
  private hasFailed = false;

  constructor(
    private readonly pause: InfrastructurePause,
    private readonly tell: (change: Reachability) => void,
  ) {}

  get isOn(): boolean {
    return this.waiting.size > 0;
  }

  /**
   * Whether an attempt is finding out if the receiver can be reached again. Nothing else begins meanwhile.
   */
  get isBeingTried(): boolean {
    return this.probe !== undefined;
  }

  began(attempt: Attempt): void {
    if (this.probing) this.probe = attempt;
  }

  ended(attempt: Attempt, outcome: Outcome): void {
    this.hasFailed = outcome.kind === 'unavailable';
    if (this.hasFailed) this.probing = true;
    if (attempt !== this.probe) return;
    this.probe = undefined;
    if (!isUndecided(outcome)) this.probing = false;
  }

  /**
   * Called when a handler reports that it cannot reach something. `pauseMs` is the pause that it asks for, in
   * milliseconds, or undefined.
   */
  noted(subscription: Subscription, error: unknown, pauseMs: number | undefined): void {
    if (!this.isOn) {
      this.beganAt = performance.now();
      this.tries = 0;
      this.tell({ kind: 'lost', error });
    }
    this.waiting.add(subscription);
    this.tries++;
    if (pauseMs !== undefined) this.pause.extendTo(pauseMs);
    else if (!this.pause.isOn) this.pause.extendTo(this.backoff.failed());
  }

  /** Called when an event of the attempt that ended last has an outcome of its own. */
  succeeded(subscription: Subscription): void {
    if (this.hasFailed || !this.waiting.delete(subscription) || this.isOn) return;
    this.backoff.succeeded();
    this.tell({ kind: 'regained', ms: performance.now() - this.beganAt, tries: this.tries });
  }

  close(): void {
    if (!this.isOn) return;
    this.waiting.clear();
    this.tell({ kind: 'unknown' });
  }
}
