import type { CallCaller, CallSubject } from '../module/call-maker.js';

export type { CallCaller, CallSubject };

/** How a call stands. The last three have ended. */
export type CallStatus = 'requested' | 'processing' | 'completed' | 'failed' | 'canceled';

export const CALL_STATUSES: readonly CallStatus[] = [
  'requested',
  'processing',
  'completed',
  'failed',
  'canceled',
];

/** Why a call failed. `code` is for programs, and `message` for people. */
export interface CallError {
  code: string;
  message: string;
  details?: unknown;
}

/** What is known of a call: where the other system keeps it, and how far it is. */
export type CallUpdate<Result = unknown> = { externalId?: string | undefined } & (
  | { phase: 'processing' }
  | { phase: 'completed'; result: Result }
  | { phase: 'failed'; error: CallError }
);

/** A call in a list. */
export interface ListedCall {
  id: string;
  type: string;
  /** Empty if it has none. */
  tenantId: string;
  /** Empty if it has none. */
  group: string;
  subject: CallSubject | null;
  caller: CallCaller | null;
  status: CallStatus;
  /** What the other system calls it. The id of the call where that has no name for it. Null before. */
  externalId: string | null;
  error: CallError | null;
  /** How often it was begun. */
  attempts: number;
  /** An attempt has failed, and the other system may have taken the call all the same. */
  isOutcomeUnknown: boolean;
  /** Why the last attempt, or the last question, failed. */
  lastError: string | null;
  /** Why it is to be cancelled, or was. */
  cancelReason: string | null;
  /** The call that this one repeats. */
  retryOf: string | null;
  /** When it is begun, or asked for, next. Null while it waits for a report, and after its end. */
  dueAt: Date | null;
  deadlineAt: Date;
  createdAt: Date;
  changedAt: Date;
  endedAt: Date | null;
}

/** A call with what was asked and what came of it. */
export interface ExternalCall extends ListedCall {
  request: unknown;
  result: unknown;
}

export const REPORT_PHASES = ['processing', 'completed', 'failed', 'canceled'] as const;
export type ReportPhase = (typeof REPORT_PHASES)[number];

/** What was heard of a call. */
export interface CallReport {
  /** Its place among all reports. */
  id: number;
  externalId: string | null;
  phase: ReportPhase;
  /** `start`, `find`, `poll`, `cancel` and `deadline` are those of the package. */
  source: string;
  /** The result, the error, or the reason. */
  data: unknown;
  /** Whether it has changed the call. What is late, repeated or contradicting has not. */
  applied: boolean;
  /** How often the same was heard in a row. */
  times: number;
  at: Date;
  lastAt: Date;
}

export interface CallFilter {
  type?: string | undefined;
  status?: CallStatus | undefined;
  tenantId?: string | undefined;
  group?: string | undefined;
  subject?: CallSubject | undefined;
  /** Only those of which nobody knows whether the other system has taken them. */
  isOutcomeUnknown?: boolean | undefined;
}

/** How many calls of a type stand in one way. */
export interface CallCount {
  type: string;
  status: CallStatus;
  calls: number;
  /** Of them, those of which nobody knows whether the other system has taken them. */
  outcomeUnknown: number;
  oldestChangeAt: Date;
  newestChangeAt: Date;
}

export interface CallCounts {
  /** By type and status. Of calls that have ended, those of the last day. */
  items: CallCount[];
  /** There are more than were counted: 100,000 that go on, or as many that have ended. */
  atLeast: boolean;
}

export interface CallPageRequest {
  /** Number of calls: 50 by default, at most 1,000. */
  limit?: number | undefined;
  /** The `next` of the page before. */
  after?: string | undefined;
}

export interface CallPage {
  /** Those that were made last come first. */
  calls: ListedCall[];
  /** Give it as `after` for the next page. Null on the last page. */
  next: string | null;
}
