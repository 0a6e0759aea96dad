/** `process`: one was started. `setting`, `consumer` and `operation`: somebody changed or ran one. */
export const CHANGE_KINDS = ['process', 'setting', 'consumer', 'operation', 'other'] as const;

/** What was changed, at one time. */
export interface NotedChange {
  at: Date;
  kind: (typeof CHANGE_KINDS)[number];
  /** What was done, and by whom, as a sentence. */
  says: string;
  /** To what, as in the audit: `consumer/billing`. Null for a process. */
  target: string | null;
}

export interface ChangeHistoryRequest {
  /** Behind this time. The default is an hour before `to`. */
  from?: Date | undefined;
  /** Up to this time. The default is now. */
  to?: Date | undefined;
  /** Leaves out what was done to other consumers. */
  consumerName?: string | undefined;
  /** Number of changes: 100 by default, at most 500. */
  limit?: number | undefined;
}

export interface ChangeHistory {
  from: Date;
  to: Date;
  /** The latest first. */
  changes: NotedChange[];
  /** Whether there are more, which are earlier than the last one. */
  more: boolean;
}
