import type { WebhookDestination, WebhookDestinationDetails } from './destination.js';
import { signingSecretOf } from './destination.store.js';

/** How a destination is sent to, as answers show it (`SENT_HOW`). Of headers it has the names. */
export function sentHowOf(of: WebhookDestination) {
  const { filter, format, signing, order, ratePerSecond, maxInFlight, timeoutMs, headers } = of;
  return {
    filter: filter as Readonly<Record<string, unknown>> | null,
    format,
    signing,
    order,
    ratePerSecond,
    maxInFlight,
    timeoutMs,
    headers,
  };
}

/** The versions of the secret with which deliveries are signed. Those of headers are not among them. */
export function signingSecretsOf(of: WebhookDestinationDetails) {
  return of.secrets
    .filter(({ name }) => name === signingSecretOf(of).name)
    .map(({ version, rotatedAt, validUntil }) => ({ version, rotatedAt, validUntil }));
}
