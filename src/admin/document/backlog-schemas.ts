import { OPERATION_STATES } from '../../changes/operations/operation.js';
import type { Schema } from '../input/field.js';
import {
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

const OWNER = object({
  id: UUID,
  host: orNull(TEXT),
  pid: orNull(INTEGER),
  partitions: list(INTEGER),
});

const REPLAY = object({
  id: UUID,
  consumerName: TEXT,
  eventNames: list(TEXT),
  aggregateType: orNull(TEXT),
  aggregateId: orNull(TEXT),
  since: orNull(TIME),
  until: orNull(TIME),
  nextPosition: INTEGER,
  toPosition: INTEGER,
  sent: INTEGER,
  state: oneOf(OPERATION_STATES.filter((state) => state !== 'planned')),
  operationId: orNull(UUID),
  requestedBy: orNull(TEXT),
  createdAt: TIME,
  finishedAt: orNull(TIME),
});

const WORK_POINT = {
  at: TIME,
  handledPerSecond: orNull(NUMBER),
  failedPerSecond: orNull(NUMBER),
  latencyMedianSeconds: orNull(NUMBER),
  latencyP95Seconds: orNull(NUMBER),
};

/** The answers about what consumers have still to do. */
export const BACKLOG_SCHEMAS: Readonly<Record<string, Schema>> = {
  Counted: object({ count: INTEGER, atLeast: FLAG }),
  Backlog: object({
    consumerName: TEXT,
    partitions: INTEGER,
    pending: named('Counted'),
    running: named('Counted'),
    retrying: named('Counted'),
    postponed: named('Counted'),
    postponedSince: orNull(TIME),
    waiting: named('Counted'),
    delayed: named('Counted'),
    failedForGood: named('Counted'),
    deadLetters: named('Counted'),
    lag: orNull(object({ positions: INTEGER, seconds: NUMBER })),
    paused: orNull(object({ since: TIME, by: orNull(TEXT), reason: orNull(TEXT) })),
    owners: list(OWNER),
  }),
  BacklogEvent: object({
    id: UUID,
    outboxEventId: UUID,
    position: INTEGER,
    partition: INTEGER,
    eventName: orNull(TEXT),
    aggregateType: TEXT,
    aggregateId: TEXT,
    attemptCount: INTEGER,
    lastError: orNull(TEXT),
    errorFingerprint: orNull(TEXT),
    dueAt: orNull(TIME),
    since: TIME,
  }),
  BacklogPage: pageOf(named('BacklogEvent'), { backlog: named('Backlog'), scannedTo: orNull(INTEGER) }),
  BlockingEvents: object({
    items: list(
      object({
        consumerName: TEXT,
        partition: INTEGER,
        outboxEventId: UUID,
        position: INTEGER,
        aggregateType: TEXT,
        aggregateId: TEXT,
        attemptCount: INTEGER,
        lastError: orNull(TEXT),
        errorFingerprint: orNull(TEXT),
        retryAt: TIME,
        postponedSince: orNull(TIME),
        behind: named('Counted'),
      }),
    ),
  }),
  ConsumerRates: object({
    consumerName: TEXT,
    from: TIME,
    to: TIME,
    step: INTEGER,
    points: list(
      object({
        at: TIME,
        publishedPerSecond: orNull(NUMBER),
        settledPerSecond: orNull(NUMBER),
        backlog: orNull(NUMBER),
        lagSeconds: orNull(NUMBER),
        deadLetters: orNull(INTEGER),
      }),
    ),
  }),
  WorkPoint: object(WORK_POINT),
  ConsumerWork: object({
    consumerName: TEXT,
    from: TIME,
    to: TIME,
    step: INTEGER,
    points: list(named('WorkPoint')),
  }),
  EngineRates: object({
    from: TIME,
    to: TIME,
    step: INTEGER,
    points: list(
      object({
        ...WORK_POINT,
        publishedPerSecond: orNull(NUMBER),
        backlog: orNull(NUMBER),
        lagSeconds: orNull(NUMBER),
        deadLetters: orNull(INTEGER),
      }),
    ),
    busiest: list(object({ consumerName: TEXT, points: list(named('WorkPoint')) })),
  }),
  Replay: REPLAY,
  Replays: object({ items: list(named('Replay')) }),
  RunningAttempts: object({
    items: list(
      object({
        processId: UUID,
        host: TEXT,
        pid: INTEGER,
        seenAt: TIME,
        consumerName: TEXT,
        partition: INTEGER,
        position: INTEGER,
        eventName: TEXT,
        events: INTEGER,
        attempt: INTEGER,
        since: TIME,
      }),
    ),
  }),
};
