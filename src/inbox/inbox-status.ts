import type { AggregateKey } from '../events/aggregate-key.js';

/** The status of an inbox row, for one event at one consumer. */
export type InboxStatus = 'received' | 'processing' | 'processed' | 'failed' | 'skipped' | 'dead_letter';

/**
 * SQL condition: the row holds back the later events of its aggregate. That is so while it is being
 * processed, has a retry to come, waits behind an earlier row, or was released and has not run yet. A delayed
 * event holds back nothing. The partial index `inbox_event_unresolved_idx` has the same condition, so the
 * planner can use it.
 */
export const unresolved = (alias: string): string =>
  `(${alias}.status = 'processing' OR (${alias}.status = 'failed' AND ${alias}.available_at IS NOT NULL)
    OR (${alias}.status = 'received' AND ${alias}.available_at IN ('infinity', '-infinity')))`;

/**
 * SQL query of one column `name`. If $1 is given, it returns only $1. Otherwise it returns every consumer
 * that has rows with another status than `processed`, and finds each with one probe of
 * `inbox_event_exceptions_idx`. This index begins with the consumer. So the query lets it serve searches over
 * all consumers too.
 */
export const consumersNamed = (inbox: string): string => `
  WITH RECURSIVE each (name) AS (
    SELECT coalesce($1::text, (SELECT min(consumer_name) FROM ${inbox} WHERE status <> 'processed'))
    UNION ALL
    SELECT (SELECT min(consumer_name) FROM ${inbox} WHERE status <> 'processed' AND consumer_name > each.name)
    FROM each WHERE $1::text IS NULL AND each.name IS NOT NULL
  ) SELECT name FROM each WHERE name IS NOT NULL`;

/** How an event ended, or when it is tried again. `settle` writes this into the inbox. */
export interface ExceptionRow {
  readonly outboxEventId: string;
  readonly position: number;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly status: Exclude<InboxStatus, 'processing'>;
  readonly attempt: number;
  readonly error: string | undefined;
  readonly fingerprint: string | undefined;
  /**
   * Whether the event is a suspect: it runs exclusively the next time, because it may end sessions or
   * processes.
   */
  readonly isSuspect: boolean;
  /** Whether its handler put the event off. The later events of its aggregate wait. */
  readonly isPostponed: boolean;
  /** The failed attempt for the history of the event, as JSON. Undefined if no attempt has failed. */
  readonly failedAttempt: string | undefined;
  /**
   * Milliseconds until the event may run. Infinity means when it is released. Undefined means never again.
   */
  readonly availableInMs: number | undefined;
}

/** The new state of a row that the retry loop claimed. */
export interface ResolvedRow extends AggregateKey {
  readonly inboxEventId: string;
  /** The number of the claimed attempt. A row that somebody else has claimed since is left alone. */
  readonly attempt: number;
  readonly status: Exclude<InboxStatus, 'processing'>;
  readonly error: string | undefined;
  readonly fingerprint: string | undefined;
  /**
   * Whether the event is a suspect: it runs exclusively the next time, because it may end sessions or
   * processes.
   */
  readonly isSuspect: boolean;
  /** Whether its handler put the event off. Then `attemptGivenBack` is true as well. */
  readonly isPostponed: boolean;
  /** The failed attempt for the history of the event, as JSON. Undefined if no attempt has failed. */
  readonly failedAttempt: string | undefined;
  readonly availableInMs: number | undefined;
  /** True when the claimed attempt does not count: its handler never ran, or put the event off. */
  readonly attemptGivenBack?: boolean;
}

/** One partition of one consumer. */
export interface CursorKey {
  readonly consumerName: string;
  readonly partition: number;
}

/** Returns a unique string for each cursor, for use as a key in memory. */
export function nameOfCursor({ consumerName, partition }: CursorKey): string {
  return `${consumerName}\u0000${partition}`;
}
