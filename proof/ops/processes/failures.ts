import { setTimeout as sleep } from 'node:timers/promises';
import {
  type DomainEvent,
  NonRetryableError,
  RetryAfterError,
  SkipEventError,
  type SubscriberContext,
  UnavailableError,
} from 'nestjs-integration';
import type { FailureKind, ToDo } from './application-protocol.js';
import { breakCheck, breakUnique } from './failures.store.js';

/** Events for which the handler was out of reach. No attempt counts then, so it is so once. */
const wereUnavailable = new Set<string>();
const LONGER_THAN_ANY_TIMEOUT_MS = 60_000;

/** Fails in one of the ways in which handlers do. No message of the handler's own quotes the payload. */
export async function failAs(
  kind: FailureKind,
  event: DomainEvent,
  context: SubscriberContext,
): Promise<void> {
  const { secret = '' } = event.payload as ToDo;
  switch (kind) {
    case 'error':
      throw new Error('the handler failed');
    case 'cause':
      throw new Error('the call failed', { cause: new TypeError('the other side is gone') });
    case 'non-retryable':
      throw new NonRetryableError('there is no such thing');
    case 'retry-after':
      throw new RetryAfterError(1, 'the other side has too much to do');
    case 'skip':
      throw new SkipEventError('this is for somebody else');
    case 'unavailable':
      if (wereUnavailable.has(event.outboxEventId)) return;
      wereUnavailable.add(event.outboxEventId);
      throw new UnavailableError('the other side is being moved', { retryAfterMs: 10 });
    case 'timeout':
      await sleep(LONGER_THAN_ANY_TIMEOUT_MS, undefined, { signal: context.signal });
      return;
    case 'no-error':
      throw undefined;
    case 'unique-violation':
      return breakUnique(context.transaction, secret);
    case 'check-violation':
      return breakCheck(context.transaction, secret);
    case 'payload-kept-on-error':
      throw Object.assign(new Error('the handler failed'), { event, payload: event.payload, secret });
  }
}
