import type { HeldLease } from '../../membership/held-lease.js';
import type { HandledAttempt, HandledMessage } from '../../telemetry/handled-message.js';
import type { Attempt } from '../partition/attempt.js';

const NO_OTHERS: readonly HandledMessage[] = [];

/** Runs code of an attempt inside its span, if it has one. */
export function observed<R>(attempt: Attempt, fn: () => R): R {
  return attempt.observer === undefined ? fn() : attempt.observer.run(fn);
}

/** What telemetry says of an attempt. It is made for every event, so nothing is copied. */
export function handledAttempt({ delivery, others, isBatch }: Attempt, lease: HeldLease): HandledAttempt {
  return {
    consumerName: delivery.subscription.consumerName,
    partition: lease.key.partition,
    attempt: delivery.attempt,
    isFromLog: delivery.claim === undefined,
    isBatch,
    first: delivery.log,
    others: others.length === 0 ? NO_OTHERS : others.map(({ log }) => log),
  };
}
