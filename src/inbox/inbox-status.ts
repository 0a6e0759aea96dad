import type { AggregateKey } from '../events/aggregate-key.js';

/** What an inbox row says of one event and one consumer. */
export type InboxStatus = 'received' | 'processing' | 'processed' | 'failed' | 'skipped' | 'dead_letter';

/**
 * A row that holds its aggregate's later events back: it is being processed, has a retry to come, waits
 * behind an earlier one, or was released and has not run yet. A delayed event blocks nobody. The predicate is
 * that of the partial index `inbox_event_unresolved_idx`, so the planner can use it.
 */
export const unresolved = (alias: string): string =>
  `(${alias}.status = 'processing' OR (${alias}.status = 'failed' AND ${alias}.available_at IS NOT NULL)
    OR (${alias}.status = 'received' AND ${alias}.available_at IN ('infinity', '-infinity')))`;

/**
 * As a query of one column `name`: $1 alone if it is given, else every consumer that has rows beside
 * `processed` ones, found by one probe of `inbox_event_exceptions_idx` each. With it that index, which begins
 * with the consumer, serves whoever asks for all.
 */
export const consumersNamed = (inbox: string): string => `
  WITH RECURSIVE each (name) AS (
    SELECT coalesce($1::text, (SELECT min(consumer_name) FROM ${inbox} WHERE status <> 'processed'))
    UNION ALL
    SELECT (SELECT min(consumer_name) FROM ${inbox} WHERE status <> 'processed' AND consumer_name > each.name)
    FROM each WHERE $1::text IS NULL AND each.name IS NOT NULL
  ) SELECT name FROM each WHERE name IS NOT NULL`;

/** How an event came to rest, or will be tried again; what `settle` writes into the inbox. */
export interface ExceptionRow {
  readonly outboxEventId: string;
  readonly position: number;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly status: Exclude<InboxStatus, 'processing'>;
  readonly attempt: number;
  readonly error: string | undefined;
  readonly fingerprint: string | undefined;
  /** Milliseconds until it may run; Infinity: when released; undefined: never again. */
  readonly availableInMs: number | undefined;
}

/** The new state of a row that the retry loop claimed. */
export interface ResolvedRow extends AggregateKey {
  readonly inboxEventId: string;
  /** The attempt that was claimed: a row that somebody else has claimed since is left alone. */
  readonly attempt: number;
  readonly status: Exclude<InboxStatus, 'processing'>;
  readonly error: string | undefined;
  readonly fingerprint: string | undefined;
  readonly availableInMs: number | undefined;
  /** Claimed but never run: the attempt is given back. */
  readonly attemptGivenBack?: boolean;
}

/** One partition of one consumer. */
export interface CursorKey {
  readonly consumerName: string;
  readonly partition: number;
}

/** One string for each cursor, as a key in memory. */
export function nameOfCursor({ consumerName, partition }: CursorKey): string {
  return `${consumerName}\u0000${partition}`;
}
