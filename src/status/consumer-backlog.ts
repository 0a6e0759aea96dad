import type { Counted } from '../rates/counted.js';
import type { WhyNotYet } from './why-not-yet.js';

/** How far a consumer is behind. */
export interface ConsumerLag {
  positions: number;
  seconds: number;
  /** It asks for none of the events that were looked at, so that the figures are bounds. */
  isAtMost: boolean;
  /** When its oldest event was published. */
  since: Date;
  /**
   * In how many seconds it has settled the log, if both sides stay as fast as in the last minute. Null if it
   * does not catch up so, or if that is not known.
   */
  caughtUpInSeconds: number | null;
}

/** What one consumer has still to do, over the log and the inbox, and what it has given up. */
export interface ConsumerBacklog {
  consumerName: string;
  partitions: number;
  /**
   * Events of the log that are not settled and that the consumer asks for. In a list of consumers, those with
   * more than 2,000 unsettled positions are not looked at one by one, and it is the number of positions. An
   * event whose first attempt runs is one of them until that ends, because nothing is written before. Its
   * `why` says that it runs, and lists of events call it `processing` once it has taken two seconds.
   */
  pending: Counted;
  /**
   * Events whose attempt runs and counts already: retries, and events that run alone. First attempts are
   * in `pending`.
   */
  running: Counted;
  /** Events that failed and are tried again. */
  retrying: Counted;
  /** Events that their handler put off (`PostponeError`). */
  postponed: Counted;
  /** Since when the one of them is put off that has waited longest. Null if there is none. */
  postponedSince: Date | null;
  /** Events that wait behind an earlier one of their aggregate. */
  waiting: Counted;
  /** Events that are not due yet, and events that were redriven. */
  delayed: Counted;
  /** Events that failed for good while dead letters were switched off. */
  failedForGood: Counted;
  deadLetters: Counted;
  /**
   * How far the oldest event is behind that the consumer has still to handle, in the log or in the inbox:
   * from its position to the end of the log, and its age. Delayed events do not count. Null if there is none.
   */
  lag: ConsumerLag | null;
  /** The same as a sentence: "It is 3 min behind, and caught up in about 7 s at this rate." */
  says: string;
  paused: { since: Date; by: string | null; reason: string | null } | null;
  /** The processes that hold a lease. Host and pid are null for a process that is not listed. */
  owners: { id: string; host: string | null; pid: number | null; partitions: number[] }[];
}

/** An event whose retry, or next run, is still to come and that holds up others of its aggregate. */
export interface BlockingEvent {
  consumerName: string;
  partition: number;
  outboxEventId: string;
  position: number;
  aggregateType: string;
  aggregateId: string;
  attemptCount: number;
  lastError: string | null;
  errorFingerprint: string | null;
  /** When it is tried again. */
  retryAt: Date;
  /** Since when its handler has put it off. Null if the event failed. */
  postponedSince: Date | null;
  /** How many events of the inbox wait behind it: exact up to 1,000. */
  behind: Counted;
}

/** The states that the events of a backlog can be in. `ConsumerBacklog` counts each. */
export const BACKLOG_STATES = [
  'pending',
  'running',
  'retrying',
  'postponed',
  'waiting',
  'delayed',
  'failed-for-good',
  'dead',
] as const;

export type BacklogState = (typeof BACKLOG_STATES)[number];

/** One event of a consumer's backlog. */
export interface BacklogEvent {
  /** The row of the inbox. A pending event has none, and this is the event's own id. */
  id: string;
  outboxEventId: string;
  position: number;
  partition: number;
  /** Null if the log no longer has the event. */
  eventName: string | null;
  aggregateType: string;
  aggregateId: string;
  attemptCount: number;
  /** At most 1,000 characters. */
  lastError: string | null;
  errorFingerprint: string | null;
  /** When it may run. Null if it may run at once, waits for an earlier event, or never runs by itself. */
  dueAt: Date | null;
  /** Since when it is in this state. A pending event: since it was published. */
  since: Date;
  /** Why it was not handled yet. Null if it waits for nothing, or it has been handled a moment ago. */
  why: WhyNotYet | null;
}

/** A place in the order of a backlog: by position, and by row where positions tie. */
export interface BacklogPlace {
  position: number;
  id: string;
}

export interface BacklogPage {
  items: BacklogEvent[];
  /** Goes into the request for the page behind this one. Null on the last page. */
  next: BacklogPlace | null;
}
