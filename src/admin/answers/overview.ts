import { FLAG, INTEGER, list, NUMBER, named, object, orNull, TEXT, TIME } from './schema.js';
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
    lagSeconds: orNull(NUMBER),
    /** The age that the chart of rates ends with. */
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
