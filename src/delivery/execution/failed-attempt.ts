import type { OutboxSettings } from '../../settings/settings-definitions.js';
import type { Attempt } from '../partition/attempt.js';
import type { Outcome } from '../partition/delivery.js';
import { isUnavailable, outcomeOfError } from '../partition/retry-policy.js';
import { isDatabaseOutage } from './infrastructure-failure.js';

/** What an attempt comes to whose handler threw this, or whose COMMIT failed with it. */
export function outcomeOfFailure(
  attempt: Attempt,
  error: unknown,
  settings: Readonly<OutboxSettings>,
): Outcome {
  try {
    if (!isUnavailable(error) && isDatabaseOutage(error)) return { kind: 'infrastructure', error };
  } catch {
    // It cannot be looked at, and says nothing of a database.
  }
  return outcomeOfEvent(attempt, error, settings);
}

/** The same where it is known to be the event's. */
export function outcomeOfEvent(
  { delivery }: Attempt,
  error: unknown,
  settings: Readonly<OutboxSettings>,
): Outcome {
  const judge = (thrown: unknown) =>
    outcomeOfError(thrown, delivery.attempt, delivery.subscription, settings);
  try {
    return judge(error);
  } catch {
    return judge(new Error('something was thrown that cannot be looked at'));
  }
}
