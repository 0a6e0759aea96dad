import type { AuditVia } from './change-author.js';

/** How a change ended. A change that failed or that was not allowed has changed nothing. */
export type AuditOutcome = 'done' | 'failed' | 'denied';

/** One change that an admin made, or was not allowed to make. */
export interface AuditEntry {
  id: number;
  at: Date;
  actor: string;
  via: AuditVia;
  /** What was done: `consumers.pause`. */
  action: string;
  /** To what: `consumer/billing`, `setting/core.integration.outbox.batchSize`. */
  target: string | null;
  /** The state before the change, as far as the change replaced it. */
  before: unknown;
  after: unknown;
  reason: string | null;
  /** How many rows or events were changed. Null where that is not counted. */
  affected: number | null;
  outcome: AuditOutcome;
  idempotencyKey: string | null;
}

/** Chooses entries of the audit. An entry must match every given field. */
export interface AuditFilter {
  actor?: string | undefined;
  action?: string | undefined;
  target?: string | undefined;
  outcome?: AuditOutcome | undefined;
  /** At this time or later. */
  since?: Date | undefined;
  /** Before this time. */
  until?: Date | undefined;
}

export interface AuditPageRequest {
  /** Number of entries: 50 by default, at most 1,000. */
  limit?: number | undefined;
  /** The `next` of the page before. */
  after?: number | undefined;
}

export interface AuditPage {
  /** The latest first. */
  entries: AuditEntry[];
  /** Give it as `after` for the next page. Null on the last page. */
  next: number | null;
  /** The page has looked back to this time only, and found fewer than were asked for. Otherwise null. */
  scannedTo: Date | null;
}
