import { Counted } from '../../admin/answers/counted.js';
import {
  ANY_JSON,
  ANY_OBJECT,
  FLAG,
  INTEGER,
  list,
  NUMBER,
  named,
  object,
  oneOf,
  orNull,
  pageOf,
  TEXT,
  TIME,
  UUID,
} from '../../rest/schema.js';
import { DELIVERY_STATUSES } from '../outgoing/destinations/delivery.js';
import {
  DESTINATION_FORMATS,
  DESTINATION_ORDERS,
  DESTINATION_SIGNINGS,
  DESTINATION_STATUSES,
} from '../outgoing/destinations/destination.js';

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

/** Of secrets it has versions and times, and of headers the names. */
const DETAILS = {
  ...DESTINATION,
  filter: orNull(ANY_OBJECT),
  format: oneOf(DESTINATION_FORMATS),
  signing: oneOf(DESTINATION_SIGNINGS),
  order: oneOf(DESTINATION_ORDERS),
  ratePerSecond: orNull(NUMBER),
  maxInFlight: orNull(INTEGER),
  timeoutMs: orNull(INTEGER),
  headers: list(TEXT),
  secrets: list(object({ version: INTEGER, rotatedAt: TIME, validUntil: orNull(TIME) })),
};

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
  type: orNull(TEXT),
  eventAt: orNull(TIME),
  status: oneOf(DELIVERY_STATUSES),
  attempts: INTEGER,
  dueAt: orNull(TIME),
  lastStatus: orNull(INTEGER),
  lastError: orNull(TEXT),
};

export const WebhookDeliveryPage = named('WebhookDeliveryPage', pageOf(object(DELIVERY)));

const ATTEMPT = {
  attempt: INTEGER,
  at: TIME,
  durationMs: INTEGER,
  statusCode: orNull(INTEGER),
  error: orNull(TEXT),
  answer: orNull(TEXT),
};

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

export const WebhookEventTypes = named(
  'WebhookEventTypes',
  object({
    items: list(
      object({
        type: TEXT,
        description: orNull(TEXT),
        deprecated: FLAG,
        schema: orNull(ANY_OBJECT),
        examples: list(ANY_JSON),
      }),
    ),
  }),
);
