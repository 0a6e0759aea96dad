import { OPERATION_STATES } from '../../changes/operations/operation.js';
import {
  FLAG,
  INTEGER,
  list,
  named,
  object,
  oneOf,
  open,
  optional,
  orNull,
  pageOf,
  TEXT,
  TIME,
  TIME_TEXT,
  UUID,
} from '../../rest/schema.js';

const COUNTED = {
  plannedEvents: INTEGER,
  plannedAtLeast: FLAG,
  parts: list(
    object({ consumerName: TEXT, fingerprint: orNull(TEXT), error: orNull(TEXT), events: INTEGER }),
  ),
  leftOut: orNull(object({ unknown: INTEGER, notTaken: INTEGER, events: list(UUID) })),
};

const OPERATION = {
  id: UUID,
  kind: TEXT,
  state: oneOf(OPERATION_STATES),
  filter: open(
    object({
      consumerName: optional(TEXT),
      eventName: optional(TEXT),
      aggregateType: optional(TEXT),
      aggregateId: optional(TEXT),
      outboxEventId: optional(UUID),
      outboxEventIds: optional(list(UUID)),
      position: optional(INTEGER),
      errorFingerprint: optional(TEXT),
      from: optional(INTEGER),
      to: optional(INTEGER),
      since: optional(TIME_TEXT),
      until: optional(TIME_TEXT),
      eventNames: optional(list(TEXT)),
    }),
  ),
  chosenEvents: orNull(INTEGER),
  states: orNull(list(TEXT)),
  fromPosition: orNull(INTEGER),
  nextPosition: orNull(INTEGER),
  toPosition: orNull(INTEGER),
  maxEvents: orNull(INTEGER),
  rate: orNull(INTEGER),
  stopAfter: orNull(INTEGER),
  stopAbovePercent: orNull(INTEGER),
  ...COUNTED,
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

/** A redrive, discard or replay of many events. */
export const Operation = named('Operation', object(OPERATION));

/** What an operation would change, where nothing of it is stored. */
export const OperationCount = named('OperationCount', object(COUNTED));

export const OperationWithVerdict = named(
  'OperationWithVerdict',
  object({ ...OPERATION, verdict: VERDICT, sentence: orNull(TEXT), secondsLeft: orNull(INTEGER) }),
);

export const OperationPage = named('OperationPage', pageOf(Operation));
