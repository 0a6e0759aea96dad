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
  /** When it may run; null: never by itself, or once an earlier event of its aggregate is resolved. */
  availableAt: Date | null;
  processedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

/** A dead letter, with what it is about. */
export interface DeadLetter extends InboxRecord {
  eventName: string;
}

/** Which rows; every field given must match. */
export interface InboxFilter {
  consumerName?: string | undefined;
  eventName?: string | undefined;
  aggregateType?: string | undefined;
  aggregateId?: string | undefined;
  outboxEventId?: string | undefined;
  /** The event's position in the log. */
  position?: number | undefined;
  errorFingerprint?: string | undefined;
}

/** Rows a page (1–1000, default 50), and the position after which it begins. */
export interface InboxPageRequest {
  limit?: number | undefined;
  after?: number | undefined;
}
