import { Counted } from '../../admin/answers/counted.js';
import {
  FLAG,
  INTEGER,
  list,
  named,
  object,
  oneOf,
  orNull,
  pageOf,
  TEXT,
  TIME,
  UUID,
} from '../../rest/schema.js';
import { DESTINATION_STATUSES } from '../outgoing/destinations/destination.js';
import {
  ATTEMPT,
  DELIVERY_STATE,
  EVENT_TYPES,
  SENT_HOW,
} from '../outgoing/destinations/destination-schemas.js';

const DESTINATION = {
  id: UUID,
  tenantId: TEXT,
  url: TEXT,
  eventTypes: list(TEXT),
  status: oneOf(DESTINATION_STATUSES),
  reason: orNull(TEXT),
  waiting: Counted,
  dead: Counted,
  /** Attempts of the last hour, and how many of them were answered with 2xx. */
  lastHour: object({ attempts: Counted, delivered: INTEGER }),
  failures: INTEGER,
  failingSince: orNull(TIME),
  behindFrom: orNull(INTEGER),
  createdAt: TIME,
};

export const WebhookDestinationPage = named('WebhookDestinationPage', pageOf(object(DESTINATION)));

const DETAILS = { ...DESTINATION, ...SENT_HOW };

export const WebhookDestination = named('WebhookDestination', object(DETAILS));

/** `publicKey` is the one with which receivers verify v1a. Null of v1, whose secret the caller has. */
export const CreatedWebhookDestination = named(
  'CreatedWebhookDestination',
  object({ ...DETAILS, publicKey: orNull(TEXT) }),
);

const DELIVERY = {
  destinationId: UUID,
  position: INTEGER,
  outboxEventId: orNull(UUID),
  eventName: orNull(TEXT),
  ...DELIVERY_STATE,
};

export const WebhookDeliveryPage = named('WebhookDeliveryPage', pageOf(object(DELIVERY)));

/** What became of a test. The answer is one to an example. */
export const WebhookTestAttempt = named('WebhookTestAttempt', object(ATTEMPT));

/**
 * `data` is what is sent of the event. It, and what receivers answered, are null without the right to read
 * payloads, and where nobody knows any more what the mask hides.
 */
export const WebhookDelivery = named(
  'WebhookDelivery',
  object({
    ...DELIVERY,
    mayReadPayloads: FLAG,
    data: orNull(TEXT),
    attemptList: list(object(ATTEMPT)),
  }),
);

export const WebhookEventTypes = named('WebhookEventTypes', object(EVENT_TYPES));
