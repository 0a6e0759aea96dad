import type { WebhookDelivery, WebhookDeliveryDetails } from '../destinations/delivery.js';
import type { WebhookDestination, WebhookDestinationDetails } from '../destinations/destination.js';
import { signingSecretOf } from '../destinations/destination.store.js';

/**
 * A destination as its tenant sees it. The reason of a pause may be an admin's, for other admins. That of a
 * destination that was disabled is the engine's. What the host notes of it (`metadata`) is the host's.
 */
export function destinationOf(of: WebhookDestination) {
  const { id, url, eventTypes, status, reason, behindFrom, createdAt } = of;
  const { filter, format, signing, order, ratePerSecond, maxInFlight, timeoutMs, headers } = of;
  return {
    id,
    url,
    eventTypes,
    status,
    reason: status === 'disabled' ? reason : null,
    isBehind: behindFrom !== null,
    filter: filter as Readonly<Record<string, unknown>> | null,
    format,
    signing,
    order,
    ratePerSecond,
    maxInFlight,
    timeoutMs,
    headers,
    createdAt,
  };
}

export function detailsOf(of: WebhookDestinationDetails) {
  const secrets = of.secrets
    .filter(({ name }) => name === signingSecretOf(of).name)
    .map(({ version, rotatedAt, validUntil }) => ({ version, rotatedAt, validUntil }));
  return { ...destinationOf(of), secrets };
}

/** A body that could not be made has the error of the application's code, which is not for tenants. */
const NO_BODY = 'The body of this event could not be made';

/** A delivery as its tenant sees it. The event has the type that receivers see, and no other name. */
export function deliveryOf(of: WebhookDelivery) {
  const { destinationId, position, outboxEventId: webhookId, type, eventAt } = of;
  const { status, attempts, dueAt, lastStatus, lastError } = of;
  return {
    destinationId,
    position,
    webhookId,
    type,
    eventAt,
    status,
    attempts,
    dueAt,
    lastStatus,
    lastError: webhookId === null && lastError !== null ? NO_BODY : lastError,
  };
}

export function deliveryDetailsOf(of: WebhookDeliveryDetails) {
  return { ...deliveryOf(of), data: of.data, attemptList: of.attemptList };
}
