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
} from '../../rest/schema.js';
import { CONSUMER_STATES } from '../../status/consumer-summary.js';

const BACKLOG = {
  pendingPositions: INTEGER,
  /** Null if a partition has more than 2,000 positions that are not settled. */
  pendingEvents: orNull(INTEGER),
  /** The lag of the partition that is furthest behind. */
  lagSeconds: orNull(NUMBER),
  /** Whether it may be less: the consumer asks for none of the 2,000 events that were looked at. */
  lagIsAtMost: FLAG,
  /** Counted up to 10,000. */
  deadLetters: INTEGER,
  /** Whether there are more. */
  deadLettersAtLeast: FLAG,
};

const Partition = named(
  'Partition',
  object({
    partition: INTEGER,
    owner: orNull(object({ id: UUID, host: orNull(TEXT), pid: orNull(INTEGER) })),
    ownerNotSeenSince: orNull(TIME),
    ...BACKLOG,
    unavailable: orNull(object({ since: TIME, reason: TEXT })),
    lastProgressAt: orNull(TIME),
    servedAt: TIME,
  }),
);

/** A consumer with all its partitions. */
export const Consumer = named(
  'Consumer',
  object({
    consumerName: TEXT,
    /** What a person has to know first. The first of the list that holds. */
    state: oneOf(CONSUMER_STATES),
    eventNames: list(TEXT),
    paused: FLAG,
    pausedSince: orNull(TIME),
    pausedBy: orNull(TEXT),
    pauseReason: orNull(TEXT),
    orphaned: FLAG,
    repartitioningTo: orNull(INTEGER),
    ...BACKLOG,
    /** Positions settled in a second of the last minute, of one partition on average. Null if not known. */
    settledPerSecond: orNull(NUMBER),
    unservedSince: orNull(TIME),
    partitions: list(Partition),
  }),
);

export const ConsumerPage = named('ConsumerPage', pageOf(Consumer));

export const Repartition = named(
  'Repartition',
  object({ state: oneOf(['done', 'handing over', 'catching up', 'moving']) }),
);
