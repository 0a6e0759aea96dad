import type { Subscription } from '../../subscribers/consumer.js';
import type { Attempt } from './attempt.js';
import { Backoff } from './backoff.js';
import { isUndecided, type Outcome } from './delivery.js';
import type { InfrastructurePause } from './infrastructure-pause.js';

/**
 * Whom it concerns that handlers cannot reach what they need: told when it begins and when it ends, not of
 * every try.
 */
export interface UnavailabilityHooks {
  begun(error: unknown): void;
  /**
   * `tries`: how many calls of handlers came to nothing. Undefined: nobody tries any more, so nothing is
   * known.
   */
  ended(after: { readonly ms: number; readonly tries: number } | undefined): void;
}

/**
 * What the handlers of one leased cursor say that they cannot reach (`UnavailableError`). It begins with the
 * first that says so. It ends when each of them has brought an event to an end again: the success of another
 * handler, which may need nothing, says nothing about it. After each pause one attempt is made alone, and
 * only if that comes to an end do others begin: a receiver that is gone is not called by all at once, and one
 * that comes back is not met by all that waited.
 */
export class Unavailability {
  private readonly backoff = new Backoff();
  private readonly waiting = new Set<Subscription>();
  private beganAt = 0;
  private tries = 0;
  /** One attempt is to find out whether the others may begin, and, while it runs, which. */
  private probing = false;
  private probe: Attempt | undefined;

  constructor(
    private readonly pause: InfrastructurePause,
    private readonly hooks: UnavailabilityHooks,
  ) {}

  get isOn(): boolean {
    return this.waiting.size > 0;
  }

  /** An attempt is finding out whether what was out of reach still is: nothing else begins meanwhile. */
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

  /** A handler says so. `pauseMs`: how long it asks to be left alone; undefined: it does not say. */
  noted(subscription: Subscription, error: unknown, pauseMs: number | undefined): void {
    if (!this.isOn) {
      this.beganAt = performance.now();
      this.tries = 0;
      this.hooks.begun(error);
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
    this.hooks.ended({ ms: performance.now() - this.beganAt, tries: this.tries });
  }

  close(): void {
    if (!this.isOn) return;
    this.waiting.clear();
    this.hooks.ended(undefined);
  }
}
