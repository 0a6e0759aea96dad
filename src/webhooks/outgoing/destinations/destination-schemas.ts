import {
  ANY_JSON,
  ANY_OBJECT,
  FLAG,
  INTEGER,
  list,
  NUMBER,
  object,
  oneOf,
  orNull,
  TEXT,
  TIME,
} from '../../../rest/schema.js';
import { DELIVERY_STATUSES } from './delivery.js';
import { DESTINATION_FORMATS, DESTINATION_ORDERS, DESTINATION_SIGNINGS } from './destination.js';

/** How a destination is sent to. Of secrets it has versions and times, and of headers the names. */
export const SENT_HOW = {
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

/** What has become of a delivery. */
export const DELIVERY_STATE = {
  type: orNull(TEXT),
  eventAt: orNull(TIME),
  status: oneOf(DELIVERY_STATUSES),
  attempts: INTEGER,
  dueAt: orNull(TIME),
  lastStatus: orNull(INTEGER),
  lastError: orNull(TEXT),
};

export const ATTEMPT = {
  attempt: INTEGER,
  at: TIME,
  durationMs: INTEGER,
  statusCode: orNull(INTEGER),
  error: orNull(TEXT),
  answer: orNull(TEXT),
};

/** The types of events that destinations may ask for. */
export const EVENT_TYPES = {
  items: list(
    object({
      type: TEXT,
      description: orNull(TEXT),
      deprecated: FLAG,
      schema: orNull(ANY_OBJECT),
      examples: list(ANY_JSON),
    }),
  ),
};
