import type { WebhookDelivery, WebhookDeliveryDetails } from '../destinations/delivery.js';
import type { WebhookDestination, WebhookDestinationDetails } from '../destinations/destination.js';
import { sentHowOf, signingSecretsOf } from '../destinations/destination-views.js';

/**
 * A destination as its tenant sees it. The reason of a pause may be an admin's, for other admins. That of a
 * destination that was disabled is the engine's. What the host notes of it (`metadata`) is the host's.
 */
export function destinationOf(of: WebhookDestination) {
  const { id, url, eventTypes, status, reason, behindFrom, createdAt } = of;
  return {
    id,
    url,
    eventTypes,
    status,
    reason: status === 'disabled' ? reason : null,
    isBehind: behindFrom !== null,
    ...sentHowOf(of),
    createdAt,
  };
}

export function detailsOf(of: WebhookDestinationDetails) {
  return { ...destinationOf(of), secrets: signingSecretsOf(of) };
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
