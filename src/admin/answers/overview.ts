import { FLAG, INTEGER, NUMBER, named, object, orNull, TIME } from './schema.js';

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
    lagSeconds: orNull(NUMBER),
    deadLetters: INTEGER,
    publishedPerSecond: orNull(NUMBER),
    settledPerSecond: orNull(NUMBER),
    deadLettersAtLeast: FLAG,
  }),
);
