import type { Schema } from '../input/field.js';
import {
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
} from './schema.js';

const DELIVERY = ['pending', 'processing', 'processed', 'failed', 'dead_letter', 'skipped'];
const ROLLED_UP = ['dead_letter', 'failed', 'processing', 'pending', 'processed', 'unrouted'];
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
const STATUS = { status: oneOf(ROLLED_UP), consumers: list(named('Delivery')) };
const END = { module: TEXT, entityType: TEXT, entityId: TEXT };
const DEAD_LETTER = {
  id: UUID,
  outboxEventId: UUID,
  position: INTEGER,
  consumerName: TEXT,
  aggregateType: TEXT,
  aggregateId: TEXT,
  status: oneOf(['dead_letter']),
  attemptCount: INTEGER,
  lastError: orNull(TEXT),
  errorFingerprint: orNull(TEXT),
  availableAt: orNull(TIME),
  processedAt: orNull(TIME),
  resolution: orNull(named('Resolution')),
  createdAt: TIME,
  updatedAt: TIME,
};
const COUNTED = named('Counted');

/** The answers about events, what became of them, and the links of their entities. */
export const EVENT_SCHEMAS: Readonly<Record<string, Schema>> = {
  Event: object(EVENT),
  EventPage: pageOf(named('Event'), { scannedTo: INTEGER }),
  Delivery: object({
    consumerName: TEXT,
    status: oneOf(DELIVERY),
    attemptCount: INTEGER,
    lastError: orNull(TEXT),
    availableAt: orNull(TIME),
    postponedSince: orNull(TIME),
  }),
  EventWithStatus: object({ ...EVENT, ...STATUS }),
  TimelinePage: pageOf(named('EventWithStatus')),
  Correction: object({ outboxEventId: UUID, position: INTEGER }),
  Payload: object({ outboxEventId: UUID, payload: {} }),
  EventChain: object({
    correlationId: TEXT,
    items: list(named('Event')),
    scannedFrom: INTEGER,
    scannedTo: INTEGER,
    hasMore: FLAG,
  }),
  LinkGraph: object({
    nodes: list(object(END)),
    edges: list(
      object({
        id: UUID,
        sourceModule: TEXT,
        sourceEntityType: TEXT,
        sourceEntityId: TEXT,
        targetModule: TEXT,
        targetEntityType: TEXT,
        targetEntityId: TEXT,
        linkType: oneOf(['reference', 'cascade', 'aggregate_root']),
        createdAt: TIME,
      }),
    ),
    truncated: FLAG,
  }),
  DeadLetter: object({ ...DEAD_LETTER, eventName: TEXT }),
  Resolution: object({
    action: oneOf(['redrive', 'discard', 'replay']),
    by: TEXT,
    reason: orNull(TEXT),
    at: TIME,
    attempts: INTEGER,
    fingerprint: orNull(TEXT),
  }),
  FailedAttempt: object({
    attempt: INTEGER,
    at: TIME,
    ms: orNull(NUMBER),
    process: orNull(TEXT),
    host: orNull(TEXT),
    pid: orNull(INTEGER),
    error: TEXT,
    stack: orNull(TEXT),
    fingerprint: TEXT,
  }),
  EventHistory: object({
    attempts: list(named('FailedAttempt')),
    resolution: orNull(named('Resolution')),
    operationId: orNull(UUID),
  }),
  GroupedDeadLetterPage: pageOf(object({ ...DEAD_LETTER, eventName: orNull(TEXT) })),
  FailureGroup: object({
    consumerName: TEXT,
    fingerprint: orNull(TEXT),
    deadLetters: COUNTED,
    firstPosition: INTEGER,
    lastPosition: INTEGER,
    latest: object({ outboxEventId: UUID, eventName: orNull(TEXT), error: orNull(TEXT), failedAt: TIME }),
    note: orNull(object({ text: TEXT, by: TEXT, at: TIME })),
    acknowledged: orNull(object({ by: TEXT, at: TIME, newSince: COUNTED })),
  }),
  FailureGroupPage: pageOf(named('FailureGroup'), { isPartial: FLAG }),
  DeadLetterPage: pageOf(named('DeadLetter'), { scannedTo: orNull(INTEGER) }),
};
