import { Injectable } from '@nestjs/common';
import type { Attempt } from '../partition/attempt.js';
import type { Outcome } from '../partition/delivery.js';
import { isUnavailable, RetryPolicy } from '../partition/retry-policy.js';
import { isDatabaseOutage } from './infrastructure-failure.js';

/** Decides the outcome of an attempt that failed. */
@Injectable()
export class FailedAttempts {
  constructor(private readonly retries: RetryPolicy) {}

  /** The outcome of an attempt whose handler threw this error, or whose COMMIT failed with it. */
  outcomeOf(attempt: Attempt, error: unknown): Outcome {
    try {
      if (!isUnavailable(error) && isDatabaseOutage(error)) return { kind: 'infrastructure', error };
    } catch {
      // The error cannot be inspected, so it counts as no error of a database.
    }
    return this.outcomeOfEvent(attempt, error);
  }

  /** The outcome of an attempt whose failure is known to be the event's own. */
  outcomeOfEvent({ delivery }: Attempt, error: unknown): Outcome {
    try {
      return this.retries.outcomeOf(error, delivery);
    } catch {
      return this.retries.outcomeOf(new Error('the handler threw a value that cannot be read'), delivery);
    }
  }
}
