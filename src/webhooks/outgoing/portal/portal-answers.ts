import { OPERATION_STATES } from '../../../changes/operations/operation.js';
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
} from '../../../rest/schema.js';
import { DESTINATION_STATUSES } from '../destinations/destination.js';
import { ATTEMPT, DELIVERY_STATE, EVENT_TYPES, SENT_HOW } from '../destinations/destination-schemas.js';

/*
 * What a tenant sees. It has no word of the application's own: no names of events besides the types that
 * receivers get, no consumers, processes or people, no reason that an admin gave, and no note of the host.
 */

const { secrets, ...HOW } = SENT_HOW;

const LISTED = {
  id: UUID,
  url: TEXT,
  eventTypes: list(TEXT),
  status: oneOf(DESTINATION_STATUSES),
  reason: orNull(TEXT),
  isBehind: FLAG,
  ...HOW,
  createdAt: TIME,
};

/** `reason`: why it was disabled. `isBehind`: whether it has not caught up yet with what it has missed. */
export const DestinationPage = named('DestinationPage', pageOf(object(LISTED)));
export const Destination = named('Destination', object({ ...LISTED, secrets }));

/** `secret` is shown this once. It is null where the caller gave it, and of v1a, which has `publicKey`. */
export const DestinationWithSecret = named(
  'DestinationWithSecret',
  object({ destination: Destination, secret: orNull(TEXT), publicKey: orNull(TEXT) }),
);

export const Done = named('Done', object({ done: FLAG }));

const DELIVERY = {
  destinationId: UUID,
  position: INTEGER,
  webhookId: orNull(UUID),
  ...DELIVERY_STATE,
};

/** `position` is the place of the event in its order. `webhookId` is the header that the receiver gets. */
export const DeliveryPage = named('DeliveryPage', pageOf(object(DELIVERY)));

/** `data` is what is sent of the event, as JSON. */
export const Delivery = named(
  'Delivery',
  object({ ...DELIVERY, data: orNull(TEXT), attemptList: list(object(ATTEMPT)) }),
);

export const TestAttempt = named('TestAttempt', object(ATTEMPT));
export const EventTypes = named('EventTypes', object(EVENT_TYPES));

export const PORTAL_OPERATION_KINDS = ['redrive', 'replay'] as const;

/**
 * `plannedEvents` is the largest number of deliveries, or null where nobody knows it. With `plannedAtLeast`
 * there may be more.
 */
export const Operation = named(
  'Operation',
  object({
    id: UUID,
    kind: oneOf(PORTAL_OPERATION_KINDS),
    destinationId: UUID,
    state: oneOf(OPERATION_STATES),
    plannedEvents: orNull(INTEGER),
    plannedAtLeast: FLAG,
    changed: INTEGER,
    createdAt: TIME,
    startedAt: orNull(TIME),
    finishedAt: orNull(TIME),
  }),
);
