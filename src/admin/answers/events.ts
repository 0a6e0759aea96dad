import {
  ANY_JSON,
  ANY_OBJECT,
  FLAG,
  INTEGER,
  list,
  named,
  object,
  oneOf,
  optional,
  orNull,
  pageOf,
  TEXT,
  TIME,
  UUID,
} from '../../rest/schema.js';
import { LeftOut, WhyNotYet } from './why.js';

const EVENT = {
  outboxEventId: UUID,
  position: INTEGER,
  eventName: TEXT,
  eventVersion: INTEGER,
  sourceModule: TEXT,
  aggregateType: TEXT,
  aggregateId: TEXT,
  metadata: ANY_OBJECT,
  timestamp: TIME,
  payloadBytes: orNull(INTEGER),
  deduplicationKey: orNull(TEXT),
  availableAt: orNull(TIME),
};

export const STATUS = oneOf(['dead_letter', 'failed', 'processing', 'pending', 'processed', 'unrouted']);

const Event = named('Event', object(EVENT));

/**
 * `scannedTo` is the last position that was looked at, and `progress` says of how much. `status` is there
 * where it was asked for.
 */
export const EventPage = named(
  'EventPage',
  pageOf(object({ ...EVENT, status: optional(STATUS) }), {
    scannedTo: INTEGER,
    progress: named('SearchProgress', object({ looked: INTEGER, of: INTEGER, sentence: TEXT })),
  }),
);

/** What has become of an event at one consumer. */
const ConsumerDelivery = named(
  'ConsumerDelivery',
  object({
    consumerName: TEXT,
    status: oneOf(['pending', 'processing', 'processed', 'failed', 'dead_letter', 'skipped']),
    attemptCount: INTEGER,
    lastError: orNull(TEXT),
    availableAt: orNull(TIME),
    postponedSince: orNull(TIME),
    why: orNull(WhyNotYet),
  }),
);

const WITH_STATUS = {
  ...EVENT,
  status: STATUS,
  consumers: list(ConsumerDelivery),
};

/**
 * An event, and what each consumer has done with it. `why` is null if the event waits for nothing there, and
 * of what is beyond the first 1,000 in one answer.
 */
export const EventWithStatus = named('EventWithStatus', object(WITH_STATUS));

/** The same, and the consumers that never get it. */
export const ExplainedEvent = named('ExplainedEvent', object({ ...WITH_STATUS, leftOut: LeftOut }));

export const Payload = named('Payload', object({ outboxEventId: UUID, payload: ANY_JSON }));

/** The events of one correlation. */
export const EventChain = named(
  'EventChain',
  object({
    correlationId: TEXT,
    items: list(Event),
    scannedFrom: INTEGER,
    scannedTo: INTEGER,
    hasMore: FLAG,
  }),
);

/** The event that was published in the place of one that failed. */
export const Correction = named('Correction', object({ outboxEventId: UUID, position: INTEGER }));
