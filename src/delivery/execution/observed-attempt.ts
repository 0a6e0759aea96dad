import type { HeldLease } from '../../membership/held-lease.js';
import type { HandledAttempt } from '../../telemetry/handled-message.js';
import type { Attempt } from '../partition/attempt.js';

/** Runs code of an attempt inside its span, if it has one. */
export function observed<R>(attempt: Attempt, fn: () => R): R {
  return attempt.observer === undefined ? fn() : attempt.observer.run(fn);
}

/** What telemetry says of an attempt. */
export function handledAttempt(attempt: Attempt, lease: HeldLease): HandledAttempt {
  const { delivery } = attempt;
  return {
    consumerName: delivery.subscription.consumerName,
    partition: lease.key.partition,
    attempt: delivery.attempt,
    isBatch: attempt.isBatch,
    messages: attempt.deliveries.map(({ log, claim }) => ({
      id: log.id,
      eventName: log.eventName,
      position: log.position,
      createdAt: log.createdAt,
      isFromLog: claim === undefined,
      metadata: log.takeMetadata(),
    })),
  };
}
