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
  TIME_TEXT,
  UUID,
} from '../../rest/schema.js';
import { EstimatedCount } from './counted.js';

/** What an admin decided about an event last. */
const Resolution = named(
  'Resolution',
  object({
    action: oneOf(['redrive', 'discard', 'replay']),
    by: TEXT,
    reason: orNull(TEXT),
    at: TIME_TEXT,
    attempts: INTEGER,
    fingerprint: orNull(TEXT),
  }),
);

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
  resolution: orNull(Resolution),
  createdAt: TIME,
  updatedAt: TIME,
};

const DeadLetter = named('DeadLetter', object({ ...DEAD_LETTER, eventName: TEXT }));

/** `scannedTo` is the highest position that was looked at. It is null if all were. */
export const DeadLetterPage = named('DeadLetterPage', pageOf(DeadLetter, { scannedTo: orNull(INTEGER) }));

const FailureGroup = named(
  'FailureGroup',
  object({
    consumerName: TEXT,
    fingerprint: orNull(TEXT),
    deadLetters: EstimatedCount,
    firstPosition: INTEGER,
    lastPosition: INTEGER,
    firstFailedAt: TIME,
    latest: object({ outboxEventId: UUID, eventName: orNull(TEXT), error: orNull(TEXT), failedAt: TIME }),
    note: orNull(object({ text: TEXT, by: TEXT, at: TIME })),
    acknowledged: orNull(object({ by: TEXT, at: TIME, newSince: EstimatedCount })),
  }),
);

/** `group` is null where none of its dead letters is left. */
export const GroupedDeadLetterPage = named(
  'GroupedDeadLetterPage',
  pageOf(object({ ...DEAD_LETTER, eventName: orNull(TEXT) }), { group: orNull(FailureGroup) }),
);

export const FailureGroupPage = named('FailureGroupPage', pageOf(FailureGroup, { isPartial: FLAG }));

const FailedAttempt = named(
  'FailedAttempt',
  object({
    attempt: INTEGER,
    at: TIME_TEXT,
    ms: orNull(NUMBER),
    process: orNull(TEXT),
    host: orNull(TEXT),
    pid: orNull(INTEGER),
    error: TEXT,
    stack: orNull(TEXT),
    fingerprint: TEXT,
    linesSentence: orNull(TEXT),
  }),
);

/** What is kept of the failures of an event at a consumer. */
export const EventHistory = named(
  'EventHistory',
  object({
    attempts: list(FailedAttempt),
    folds: list(object({ first: INTEGER, last: INTEGER, sentence: TEXT })),
    resolution: orNull(Resolution),
    operationId: orNull(UUID),
  }),
);

/** What the logger of the handler wrote in each attempt, without the values that `mask` hides. */
export const AttemptLines = named(
  'AttemptLines',
  object({
    attempts: list(
      object({
        attempt: INTEGER,
        at: TIME_TEXT,
        sentence: orNull(TEXT),
        lines: list(
          object({
            at: TIME_TEXT,
            level: oneOf(['log', 'error', 'warn', 'debug', 'verbose', 'fatal']),
            text: TEXT,
          }),
        ),
      }),
    ),
  }),
);

/** Two attempts, part by part. */
export const ComparedAttempts = named(
  'ComparedAttempts',
  object({
    sentence: TEXT,
    parts: list(
      object({
        name: TEXT,
        differs: FLAG,
        lines: list(object({ in: oneOf(['both', 'first', 'second']), text: TEXT })),
      }),
    ),
  }),
);
