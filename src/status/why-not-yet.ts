import type { Counted } from '../rates/counted.js';

/** A process, as people find it. */
export interface NamedProcess {
  id: string;
  host: string;
  pid: number;
}

/** What an event of an ordered consumer waits for: an earlier event of its entity. */
export interface EarlierEvent {
  position: number;
  /** Null if the log no longer has it. */
  outboxEventId: string | null;
  /**
   * It runs, its retry is to come, its handler has put it off, or it is its turn now.
   */
  state: 'running' | 'retry' | 'postponed' | 'next';
  /** When it runs again. Null unless a time is set. */
  at: Date | null;
  /** Since when it runs, and where. Null if it does not run, or has just begun. */
  since: Date | null;
  process: NamedProcess | null;
}

/**
 * Why an event has not been handled yet by a consumer. `code` tells the reasons apart, and never changes its
 * meaning. Times are by the clock of the database.
 */
export type Reason =
  | {
      code: 'running';
      since: Date;
      /** The number of the attempt. */
      attempt: number;
      /** How many events the attempt has. More than one only in a batch. */
      events: number;
      process: NamedProcess;
    }
  | { code: 'paused'; since: Date; by: string | null; because: string | null }
  /** The number of partitions is about to change, and nothing is begun until then. */
  | { code: 'changing-partitions'; to: number | null; since: Date | null }
  /** `lacking` are processes that know the consumer, and whose code lacks handlers for names of it. */
  | { code: 'no-handler'; lastSeen: Date; lacking: NamedProcess[] }
  | { code: 'handlers-off'; processes: NamedProcess[] }
  | { code: 'not-before'; at: Date }
  /** Its last attempt has failed. `attempts` is how many have. */
  | { code: 'retry'; at: Date; attempts: number }
  | { code: 'postponed'; at: Date; since: Date }
  | { code: 'behind-entity'; earlier: EarlierEvent | null }
  /**
   * Nobody works on the partition. `owner` held it last, and `until` is when others may take over from it.
   */
  | { code: 'no-owner'; owner: NamedProcess | null; until: Date | null; able: NamedProcess[] }
  /** Its handlers have said that they cannot reach something that they need. */
  | { code: 'unavailable'; since: Date; because: string; process: NamedProcess }
  /**
   * It is in the queue. `ahead` are events before it that the consumer has still to handle. `perSecond` and
   * `seconds` are by the speed of the last minute, and null if that is not known.
   */
  | { code: 'queue'; ahead: Counted; perSecond: number | null; seconds: number | null };

export type WhyNotYet = Reason & { sentence: string };

/** Why a consumer never gets an event. */
export type NotMeant =
  | { code: 'begins-behind'; startsAt: number }
  /** `asks` are the first twenty names that it asks for. */
  | { code: 'not-asked'; asks: string[] };

/** A consumer that never gets an event, and why. */
export type LeftOutConsumer = { consumerName: string; why: NotMeant & { sentence: string } };
