import { OPERATION_KINDS, OPERATION_STATES } from '../../changes/operations/operation.js';
import type { Schema } from '../input/field.js';
import { FLAG, INTEGER, list, named, object, oneOf, orNull, pageOf, TEXT, TIME, UUID } from './schema.js';

const FILTER = {
  consumerName: TEXT,
  eventName: TEXT,
  aggregateType: TEXT,
  aggregateId: TEXT,
  outboxEventId: UUID,
  outboxEventIds: list(UUID),
  position: INTEGER,
  errorFingerprint: TEXT,
};

const REPLAY = { from: INTEGER, to: INTEGER, since: TIME, until: TIME, eventNames: list(TEXT) };

const OPERATION = {
  id: UUID,
  kind: oneOf(OPERATION_KINDS),
  state: oneOf(OPERATION_STATES),
  filter: object(FILTER, Object.keys(FILTER)),
  chosenEvents: orNull(INTEGER),
  states: orNull(list(TEXT)),
  replay: orNull(object(REPLAY, Object.keys(REPLAY))),
  fromPosition: orNull(INTEGER),
  nextPosition: orNull(INTEGER),
  toPosition: orNull(INTEGER),
  maxEvents: orNull(INTEGER),
  rate: orNull(INTEGER),
  stopAfter: orNull(INTEGER),
  plannedEvents: INTEGER,
  plannedAtLeast: FLAG,
  parts: list(object({ consumerName: TEXT, fingerprint: orNull(TEXT), events: INTEGER })),
  leftOut: orNull(object({ unknown: INTEGER, notTaken: INTEGER, events: list(UUID) })),
  changed: INTEGER,
  requestedBy: TEXT,
  reason: orNull(TEXT),
  createdAt: TIME,
  startedAt: orNull(TIME),
  progressedAt: orNull(TIME),
  finishedAt: orNull(TIME),
  cancelledBy: orNull(TEXT),
  error: orNull(TEXT),
};

const VERDICT = object({
  succeeded: INTEGER,
  failedTheSameWay: INTEGER,
  failedOtherwise: INTEGER,
  pending: INTEGER,
  isPartial: FLAG,
});

/** The answers about redrives and discards of many events. */
export const OPERATION_SCHEMAS: Readonly<Record<string, Schema>> = {
  Operation: object(OPERATION),
  OperationWithVerdict: object({ ...OPERATION, verdict: VERDICT }),
  OperationPage: pageOf(named('Operation')),
};
