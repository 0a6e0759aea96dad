import { FLAG, INTEGER, list, NUMBER, named, object, orNull, TEXT, TIME } from '../../rest/schema.js';
import { PROCESS } from './why.js';

export const Overview = named(
  'Overview',
  object({
    at: TIME,
    consumers: INTEGER,
    partitions: INTEGER,
    paused: INTEGER,
    unavailable: INTEGER,
    unowned: INTEGER,
    orphaned: INTEGER,
    unserved: INTEGER,
    repartitioning: INTEGER,
    pendingPositions: INTEGER,
    /** Those of `pendingPositions` that paused consumers have not settled. */
    pausedPositions: INTEGER,
    /** Events that consumers ask for and have not settled, paused ones included. */
    toRead: INTEGER,
    /** Whether it may be fewer: some were not counted, and their positions stand for them. */
    toReadAtMost: FLAG,
    /** Those of `toRead` at paused consumers. */
    pausedToRead: INTEGER,
    /** The twelve consumers of all that have the most to read, the most first. */
    mostToRead: list(
      object({
        consumerName: TEXT,
        toRead: INTEGER,
        toReadAtMost: FLAG,
        oldestSeconds: orNull(NUMBER),
      }),
    ),
    lagSeconds: orNull(NUMBER),
    /** The age that the chart of rates ends with. Of the log alone if nobody writes samples. */
    oldestSeconds: orNull(NUMBER),
    deadLetters: INTEGER,
    publishedPerSecond: orNull(NUMBER),
    settledPerSecond: orNull(NUMBER),
    deadLettersAtLeast: FLAG,
    longRunning: list(
      object({
        consumerName: TEXT,
        attempts: INTEGER,
        since: TIME,
        position: INTEGER,
        attempt: INTEGER,
        process: PROCESS,
        sentence: TEXT,
      }),
    ),
  }),
);
