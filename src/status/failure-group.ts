import type { InboxRecord } from '../inbox/inbox-record.js';

/** Names one kind of failure at one consumer. A null fingerprint stands for dead letters that have none. */
export interface FailureGroupKey {
  consumerName: string;
  fingerprint: string | null;
}

/**
 * `name`: by consumer, then by fingerprint. `size`: those with the most dead letters first. `latest`: those
 * whose last dead letter is the newest in the log first. Where sizes or positions are equal, names decide.
 */
export const FAILURE_GROUP_ORDERS = ['name', 'size', 'latest'] as const;
export type FailureGroupOrder = (typeof FAILURE_GROUP_ORDERS)[number];

/** The place behind a group in an order. */
export interface FailureGroupPlace extends FailureGroupKey {
  /** What the group was ordered by, if the order is another one than `name`. */
  value?: number | undefined;
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
