import type { Subscription } from '../../subscribers/consumer.js';
import type { Attempt } from './attempt.js';
import { Backoff } from './backoff.js';
import { isUndecided, type Outcome } from './delivery.js';
import type { InfrastructurePause } from './infrastructure-pause.js';

/**
 * Told when handlers cannot reach what they need, and when they can again, but not of every try. `unknown`:
 * nobody tries any more, so nothing is known.
 */
export type Reachability =
  | { readonly kind: 'lost'; readonly error: unknown }
  /** `tries`: how many calls of handlers came to nothing in this time. */
  | { readonly kind: 'regained'; readonly ms: number; readonly tries: number }
  | { readonly kind: 'unknown' };

/**
 * What the handlers of one leased cursor say that they cannot reach (`UnavailableError`). It begins with the
 * first handler that says so. It ends when each of these handlers has brought an event to an end again: the
 * success of another handler, which may need nothing, says nothing about it. After each pause one attempt is
 * made alone, and others begin only if that attempt comes to an end. So a receiver that is gone is not called
 * by all at once, and a receiver that comes back is not met by all that waited.
 */
export class Unavailability {
  private readonly backoff = new Backoff();
  private readonly waiting = new Set<Subscription>();
  private beganAt = 0;
  private tries = 0;
  /** One attempt is to find out whether the others may begin. While it runs, `probe` is this attempt. */
  private probing = false;
  private probe: Attempt | undefined;

  constructor(
    private readonly pause: InfrastructurePause,
    private readonly tell: (change: Reachability) => void,
  ) {}

  get isOn(): boolean {
    return this.waiting.size > 0;
  }

  /** An attempt is finding out whether what was out of reach still is. Nothing else begins meanwhile. */
  get isBeingTried(): boolean {
    return this.probe !== undefined;
  }

  began(attempt: Attempt): void {
    if (this.probing) this.probe = attempt;
  }

  ended(attempt: Attempt, outcome: Outcome): void {
    if (outcome.kind === 'unavailable') this.probing = true;
    if (attempt !== this.probe) return;
    this.probe = undefined;
    if (!isUndecided(outcome)) this.probing = false;
  }

  /** A handler says so. `pauseMs`: how long it asks to be left alone; undefined if it does not say. */
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

  /** An event of this subscription has an outcome of its own. */
  succeeded(subscription: Subscription): void {
    if (!this.waiting.delete(subscription) || this.isOn) return;
    this.backoff.succeeded();
    this.tell({ kind: 'regained', ms: performance.now() - this.beganAt, tries: this.tries });
  }

  close(): void {
    if (!this.isOn) return;
    this.waiting.clear();
    this.tell({ kind: 'unknown' });
  }
}
