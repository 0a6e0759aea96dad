import type { ChangeAuthor } from '../audit/change-author.js';

/** What is published in the place of an event that failed. What is left out is as it was. */
export interface Correction {
  payload: unknown;
  eventVersion?: number | undefined;
}

export interface CorrectionOptions extends ChangeAuthor {
  /** Why, for people who read the audit and the discarded event later. */
  reason: string;
}

export interface CorrectionResult {
  /** The event that was published. */
  outboxEventId: string;
  position: number;
}
