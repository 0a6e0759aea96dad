import { Injectable } from '@nestjs/common';
import type { Attempt } from '../partition/attempt.js';
import { type Delivery, type EndOfAttempt, type Outcome, PROCESSED } from '../partition/delivery.js';
import { isUnavailable, RetryPolicy } from '../partition/retry-policy.js';
import { isDatabaseOutage } from './infrastructure-failure.js';

/** What is asked here about an attempt: the event whose error it is. */
interface Failing {
  readonly delivery: Delivery;
}

/** Decides the outcome of an attempt that failed. */
@Injectable()
export class FailedAttempts {
  constructor(private readonly retries: RetryPolicy) {}

  /**
   * The end of an attempt whose handler did not throw. An error that the handler gave for one of its events
   * means for that event what it means when a handler throws it.
   */
  endOf({ failedEvents, others }: Attempt): EndOfAttempt {
    if (failedEvents === undefined) return PROCESSED;
    const failed = new Map<Delivery, Outcome>();
    for (const [delivery, error] of failedEvents) failed.set(delivery, this.outcomeOf({ delivery }, error));
    const [only] = failed.values();
    return others.length === 0 ? (only ?? PROCESSED) : { kind: 'partly', failed };
  }

  /** The outcome of an attempt whose handler threw this error, or whose COMMIT failed with it. */
  outcomeOf(attempt: Failing, error: unknown): Outcome {
    try {
      if (!isUnavailable(error) && isDatabaseOutage(error)) return { kind: 'infrastructure', error };
    } catch {
      // The error cannot be inspected, so it counts as no error of a database.
    }
    return this.outcomeOfEvent(attempt, error);
  }

  /** The outcome of an attempt whose failure is known to be the event's own. */
  outcomeOfEvent({ delivery }: Failing, error: unknown): Outcome {
    try {
      return this.retries.outcomeOf(error, delivery);
    } catch {
      return this.retries.outcomeOf(new Error('the handler threw a value that cannot be read'), delivery);
    }
  }
}
