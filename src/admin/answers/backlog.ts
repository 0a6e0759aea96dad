import {
  FLAG,
  INTEGER,
  list,
  NUMBER,
  named,
  object,
  orNull,
  pageOf,
  TEXT,
  TIME,
  UUID,
} from '../../rest/schema.js';
import { Counted } from './counted.js';
import { WhyNotYet } from './why.js';

const OWNER = object({
  id: UUID,
  host: orNull(TEXT),
  pid: orNull(INTEGER),
  partitions: list(INTEGER),
});

const Backlog = named(
  'Backlog',
  object({
    consumerName: TEXT,
    partitions: INTEGER,
    pending: Counted,
    running: Counted,
    retrying: Counted,
    postponed: Counted,
    postponedSince: orNull(TIME),
    waiting: Counted,
    delayed: Counted,
    failedForGood: Counted,
    deadLetters: Counted,
    lag: orNull(
      object({
        positions: INTEGER,
        seconds: NUMBER,
        isAtMost: FLAG,
        since: TIME,
        caughtUpInSeconds: orNull(NUMBER),
      }),
    ),
    says: TEXT,
    paused: orNull(object({ since: TIME, by: orNull(TEXT), reason: orNull(TEXT) })),
    owners: list(OWNER),
  }),
);

const BacklogEvent = named(
  'BacklogEvent',
  object({
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
    why: orNull(WhyNotYet),
  }),
);

/**
 * What one consumer has still to do, and what it has given up. `scannedTo` is the position that the page has
 * come to. It is null if the page has come to the end, or if no state was asked for.
 */
export const BacklogPage = named(
  'BacklogPage',
  pageOf(BacklogEvent, { backlog: Backlog, scannedTo: orNull(INTEGER) }),
);

const BlockingEvent = object({
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
  behind: Counted,
});

export const BlockingEvents = named('BlockingEvents', object({ items: list(BlockingEvent) }));
