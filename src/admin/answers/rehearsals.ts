import {
  FLAG,
  INTEGER,
  list,
  NUMBER,
  named,
  object,
  oneOf,
  orNull,
  TEXT,
  TIME,
  TIME_TEXT,
  UUID,
} from '../../rest/schema.js';

const PROCESS = object({ id: UUID, host: TEXT, pid: INTEGER });

/** What a rehearsal does, whether it would be refused, and which processes have the handler. */
export const RehearsalOutlook = named(
  'RehearsalOutlook',
  object({ warning: TEXT, refusal: orNull(TEXT), processes: list(PROCESS) }),
);

/**
 * An event that the handler would have published. `payload` is a JSON text with every digit. It is null if it
 * is too long to be shown, or if the person who asks must not read payloads.
 */
const UnpublishedEvent = named(
  'UnpublishedEvent',
  object({
    outboxEventId: UUID,
    position: INTEGER,
    eventName: TEXT,
    eventVersion: INTEGER,
    sourceModule: TEXT,
    aggregateType: TEXT,
    aggregateId: TEXT,
    payload: orNull(TEXT),
    payloadBytes: INTEGER,
  }),
);

/**
 * One rehearsal, and how far it is. Payloads and lines are there for who may read payloads, and without what
 * the mask hides. `mayReadPayloads` says whether they are.
 */
export const Rehearsal = named(
  'Rehearsal',
  object({
    id: UUID,
    outboxEventId: UUID,
    consumerName: TEXT,
    position: INTEGER,
    state: oneOf(['asked', 'running', 'ended', 'untaken', 'lost']),
    sentence: TEXT,
    linesSentence: orNull(TEXT),
    requestedBy: TEXT,
    askedAt: TIME,
    process: orNull(PROCESS),
    startedAt: orNull(TIME),
    endedAt: orNull(TIME),
    mayReadPayloads: FLAG,
    result: orNull(
      object({
        outcome: oneOf(['succeeded', 'skipped', 'postponed', 'failed', 'refused']),
        error: orNull(object({ text: TEXT, stack: orNull(TEXT), code: orNull(TEXT), fingerprint: TEXT })),
        reason: orNull(TEXT),
        ms: orNull(NUMBER),
        lines: list(
          object({
            at: TIME_TEXT,
            level: oneOf(['log', 'error', 'warn', 'debug', 'verbose', 'fatal']),
            text: TEXT,
          }),
        ),
        linesLeftOut: INTEGER,
        keepsLines: FLAG,
        published: list(UnpublishedEvent),
        hasMorePublished: FLAG,
      }),
    ),
  }),
);
