import type { InboxRecord } from '../inbox/inbox-record.js';
import type { Counted } from '../rates/counted.js';

/** Names one kind of failure at one consumer. A null fingerprint stands for dead letters that have none. */
export interface FailureGroupKey {
  consumerName: string;
  fingerprint: string | null;
}

/**
 * `name`: by consumer, then by fingerprint. `size`: those with the most dead letters first. `latest`: those
 * whose last dead letter is the newest in the log first. Where sizes are equal, and of groups with more than
 * the 1,000 that are counted, names decide.
 */
export const FAILURE_GROUP_ORDERS = ['name', 'size', 'latest'] as const;
export type FailureGroupOrder = (typeof FAILURE_GROUP_ORDERS)[number];

/** The place behind a group in an order. */
export interface FailureGroupPlace extends FailureGroupKey {
  /** What the group was ordered by, if the order is another one than `name`. */
  value?: number | undefined;
}

/** A page of groups. */
export interface FailureGroupPage extends PageOf<FailureGroup, FailureGroupPlace> {
  /**
   * True if there are more than 5,000 groups and the order is another one than `name`. Only the first 5,000
   * by name were put in order then.
   */
  isPartial: boolean;
}

/** Dead letters of one kind at one consumer, and what people noted about them. */
export interface FailureGroup extends FailureGroupKey {
  /** How many dead letters there are: exact up to 1,000. */
  deadLetters: Counted;
  /** The positions of the first and of the last one in the log. */
  firstPosition: number;
  lastPosition: number;
  /** The last one, by position. `eventName` is null if the log no longer has the event. */
  latest: { outboxEventId: string; eventName: string | null; error: string | null; failedAt: Date };
  note: { text: string; by: string; at: Date } | null;
  /**
   * Who has seen the group, and how many dead letters came behind those that were there then: exact up to
   * 1,000.
   */
  acknowledged: { by: string; at: Date; newSince: Counted } | null;
}

/** A dead letter of a group. */
export interface GroupedDeadLetter extends InboxRecord {
  status: 'dead_letter';
  /** Null if the log no longer has the event. */
  eventName: string | null;
}

/** A page. `next` goes into the request for the page behind it. It is null on the last page. */
export interface PageOf<Item, Place> {
  items: Item[];
  next: Place | null;
}

/** The place behind a dead letter in the order of a group: by position, and by row where positions tie. */
export interface DeadLetterPlace {
  position: number;
  id: string;
}

/** What somebody notes about a group: a text, that it was seen, or both. What is left out stays as it is. */
export interface FailureGroupChange {
  /** At most 4,000 characters. Null removes the note. */
  note?: string | null | undefined;
  acknowledged?: boolean | undefined;
}
