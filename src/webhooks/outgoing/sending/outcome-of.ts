import { storable } from '../../../delivery/partition/storable-text.js';
import type { OutgoingAnswer, OutgoingFailureKind } from '../../../http/outgoing-answer.js';
import { retryAfterMs } from '../../../http/retry-after.js';

/** What an answer means for the delivery and its destination. */
export type SendOutcome =
  | { readonly is: 'done' }
  /** The receiver says that it is gone for good: the destination is disabled. */
  | { readonly is: 'gone'; readonly reason: string }
  /** The receiver asks for a pause of all deliveries. No attempt is counted. */
  | { readonly is: 'target-off'; readonly forMs: number; readonly reason: string }
  /** It is sent again by the schedule. `isFailure`: the receiver is to blame, so far as can be seen. */
  | { readonly is: 'again'; readonly isFailure: boolean; readonly reason: string };

/** Whether a failure says something about the receiver. */
const IS_OF_RECEIVER: { readonly [K in OutgoingFailureKind]: boolean } = {
  refused: true,
  dns: true,
  connect: true,
  tls: true,
  timeout: true,
  reset: true,
  protocol: true,
  // Otherwise the proxy's bad day would disable the destinations of all tenants.
  proxy: false,
  aborted: false,
};

const GONE = 410;
const ASKS_FOR_A_PAUSE: ReadonlySet<number> = new Set([429, 503]);

/**
 * Any 2xx is success. 410 ends all deliveries. 429 and 503 with a `Retry-After` that can be kept put them
 * off. Everything else is tried again, redirects included, because a receiver that has moved may come back.
 */
export function outcomeOf(answer: OutgoingAnswer, now = new Date()): SendOutcome {
  if (answer.is === 'failed')
    return { is: 'again', isFailure: IS_OF_RECEIVER[answer.kind], reason: storable(answer.message) };
  const { status, headers } = answer;
  if (status >= 200 && status < 300) return { is: 'done' };
  const reason = `The receiver answered ${status}`;
  if (status === GONE) return { is: 'gone', reason };
  const forMs = ASKS_FOR_A_PAUSE.has(status)
    ? retryAfterMs(headers['retry-after'], headers.date, now)
    : undefined;
  if (forMs !== undefined) return { is: 'target-off', forMs, reason };
  const isRedirect = status >= 300 && status < 400;
  return {
    is: 'again',
    isFailure: true,
    reason: isRedirect ? `${reason}, and redirects are not followed` : reason,
  };
}
