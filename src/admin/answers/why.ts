import {
  either,
  FLAG,
  INTEGER,
  list,
  NUMBER,
  named,
  object,
  oneOf,
  orNull,
  type Schema,
  TEXT,
  TIME,
  UUID,
} from '../../rest/schema.js';
import { Counted } from './counted.js';

/** A process, as people find it. */
export const PROCESS = object({ id: UUID, host: TEXT, pid: INTEGER });

/** One reason with its facts. `sentence` says all of it in plain words. */
function reason<const Code extends string, P extends Readonly<Record<string, Schema<unknown>>>>(
  code: Code,
  facts: P,
) {
  return object({ code: oneOf([code]), sentence: TEXT, ...facts });
}

const EARLIER = object({
  position: INTEGER,
  outboxEventId: orNull(UUID),
  state: oneOf(['running', 'retry', 'postponed', 'next']),
  at: orNull(TIME),
  since: orNull(TIME),
  process: orNull(PROCESS),
});

/** Why a consumer has not handled an event yet. */
export const WhyNotYet = named(
  'WhyNotYet',
  either(
    reason('running', { since: TIME, attempt: INTEGER, events: INTEGER, process: PROCESS }),
    reason('paused', { since: TIME, by: orNull(TEXT), because: orNull(TEXT) }),
    reason('changing-partitions', { to: orNull(INTEGER), since: orNull(TIME) }),
    reason('no-handler', { lastSeen: TIME, lacking: list(PROCESS) }),
    reason('handlers-off', { processes: list(PROCESS) }),
    reason('not-before', { at: TIME }),
    reason('retry', { at: TIME, attempts: INTEGER }),
    reason('postponed', { at: TIME, since: TIME }),
    reason('behind-entity', { earlier: orNull(EARLIER) }),
    reason('no-owner', { owner: orNull(PROCESS), until: orNull(TIME), able: list(PROCESS) }),
    reason('unavailable', { since: TIME, because: TEXT, process: PROCESS }),
    reason('queue', { ahead: Counted, perSecond: orNull(NUMBER), seconds: orNull(NUMBER) }),
  ),
);

const NotMeant = named(
  'NotMeant',
  either(reason('begins-behind', { startsAt: INTEGER }), reason('not-asked', { asks: list(TEXT) })),
);

/** Consumers that never get an event, at most 200. */
export const LeftOut = object({
  items: list(object({ consumerName: TEXT, why: NotMeant })),
  hasMore: FLAG,
});
