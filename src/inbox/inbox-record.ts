import type { FailedAttempt, Resolution } from './failed-attempt.js';
import type { InboxStatus } from './inbox-status.js';

/** A row of the inbox as users see it. */
export interface InboxRecord {
  id: string;
  outboxEventId: string;
  position: number;
  consumerName: string;
  aggregateType: string;
  aggregateId: string;
  status: InboxStatus;
  attemptCount: number;
  lastError: string | null;
  errorFingerprint: string | null;
  /**
   * When the event may run. Null when it never runs by itself, or when it runs only after an earlier event of
   * its aggregate is resolved.
   */
  availableAt: Date | null;
  processedAt: Date | null;
  /** What an admin decided about the event last. Null if nobody did. */
  resolution: Resolution | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A dead letter and the name of its event. */
export interface DeadLetter extends InboxRecord {
  status: 'dead_letter';
  eventName: string;
}

/** A page of dead letters. It may have fewer than were asked for, or none, although there are more. */
export interface DeadLetterSearch {
  items: DeadLetter[];
  /** The position up to which was looked. The next page begins behind it. Null if all were looked at. */
  scannedTo: number | null;
}

/** What is kept of the failures of an event at a consumer. */
export interface EventHistory {
  /** The last ten attempts that failed, the oldest first. */
  attempts: FailedAttempt[];
  resolution: Resolution | null;
  /** The stored operation that changed the row last. */
  operationId: string | null;
}

/** Chooses rows. A row must match every given field. */
export interface InboxFilter {
  consumerName?: string | undefined;
  eventName?: string | undefined;
  aggregateType?: string | undefined;
  aggregateId?: string | undefined;
  outboxEventId?: string | undefined;
  /** Events that somebody chose one by one: 1 to 1,000 different ids. A row must be of one of them. */
  outboxEventIds?: readonly string[] | undefined;
  /** The event's position in the log. */
  position?: number | undefined;
  errorFingerprint?: string | undefined;
}

/** The number of rows in a page (1 to 1000, default 50), and the position after which the page begins. */
export interface InboxPageRequest {
  limit?: number | undefined;
  after?: number | undefined;
}
