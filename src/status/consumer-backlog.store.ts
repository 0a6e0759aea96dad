import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { finiteTime } from '../database/sql/epoch-text.store.js';
import { consumersNamed, unresolved } from '../inbox/inbox-status.js';
import { COUNTED_TO } from '../rates/counted.js';

/** The counts of one consumer. Each is one more than is counted at most where there are more. */
export interface InboxCounts {
  readonly consumerName: string;
  readonly head: number;
  readonly running: number;
  readonly retrying: number;
  readonly postponed: number;
  readonly postponedSince: Date | null;
  readonly waiting: number;
  readonly delayed: number;
  readonly failedForGood: number;
  readonly deadLetters: number;
  /** Whether there are more rows of these statuses than were looked at. */
  readonly moreFailed: boolean;
  readonly moreReceived: boolean;
  /** The oldest event of the inbox that is still to be handled. Null if there is none. */
  readonly oldestPosition: number | null;
  readonly oldestSeconds: number | null;
}

export interface BlockingRow {
  readonly consumerName: string;
  readonly partition: number;
  readonly outboxEventId: string;
  readonly position: number;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly attemptCount: number;
  readonly lastError: string | null;
  readonly errorFingerprint: string | null;
  readonly retryAt: Date;
  readonly postponedSince: Date | null;
  readonly behind: number;
}

/**
 * Two or three kinds of rows share a status. So many rows are looked at that the number of each kind is exact
 * up to the limit, unless the others have more.
 */
const LOOKED_AT = 2 * COUNTED_TO + 2;
/** What waits behind one event is counted up to this number. */
export const BEHIND_COUNTED_TO = 1_000;

/** Counts what consumers have in the inbox. Each look at one status reads a bounded range of an index. */
export class ConsumerBacklogStore {
  private readonly countsSql: string;
  private readonly blockingSql: string;

  constructor(private readonly db: EngineDatabase) {
    const { inboxCursor, inboxEvent, outboxEvent } = db.tables;
    const rows = (status: string, columns: string, most: number) =>
      `(SELECT ${columns} FROM ${inboxEvent} i WHERE i.consumer_name = c.name AND i.status = '${status}'
          ORDER BY i.position LIMIT ${most}) AS r`;
    this.countsSql = `
      SELECT c.name AS "consumerName", head.position AS head, running.count AS running, failed.retrying, failed.postponed,
        failed.postponed_since AS "postponedSince", received.waiting, received.delayed,
        failed.for_good AS "failedForGood", dead.count AS "deadLetters", failed.looked = ${LOOKED_AT} AS "moreFailed",
        received.looked = ${LOOKED_AT} AS "moreReceived", oldest.position AS "oldestPosition",
        CASE WHEN e.created_at IS NOT NULL
          THEN greatest(0, extract(epoch FROM clock_timestamp() - ${finiteTime('e.created_at')}))::float8 END AS "oldestSeconds"
      FROM (SELECT DISTINCT consumer_name AS name FROM ${inboxCursor} WHERE $1::text IS NULL OR consumer_name = $1) AS c
      CROSS JOIN (SELECT coalesce(max(position), 0) AS position FROM ${outboxEvent}) AS head
      CROSS JOIN LATERAL (SELECT count(*) AS count FROM ${rows('dead_letter', '1', COUNTED_TO + 1)}) AS dead
      CROSS JOIN LATERAL (SELECT count(*) AS count, min(position) AS oldest FROM ${rows('processing', 'i.position', COUNTED_TO + 1)}) AS running
      CROSS JOIN LATERAL (
        SELECT count(*) AS looked, count(available_at) FILTER (WHERE postponed_since IS NULL) AS retrying,
          count(available_at) FILTER (WHERE postponed_since IS NOT NULL) AS postponed,
          min(postponed_since) FILTER (WHERE available_at IS NOT NULL) AS postponed_since, count(*) - count(available_at) AS for_good,
          min(position) FILTER (WHERE available_at IS NOT NULL) AS oldest
        FROM ${rows('failed', 'i.position, i.available_at, i.postponed_since', LOOKED_AT)}
      ) AS failed
      CROSS JOIN LATERAL (
        SELECT count(*) AS looked, count(*) FILTER (WHERE NOT isfinite(available_at)) AS waiting,
          count(*) FILTER (WHERE isfinite(available_at)) AS delayed, min(position) FILTER (WHERE NOT isfinite(available_at)) AS oldest
        FROM ${rows('received', 'i.position, i.available_at', LOOKED_AT)}
      ) AS received
      CROSS JOIN LATERAL (SELECT least(running.oldest, failed.oldest, received.oldest) AS position) AS oldest
      LEFT JOIN ${outboxEvent} e ON e.position = oldest.position`;
    this.blockingSql = `
      SELECT c.name AS "consumerName", f.partition, f.outbox_event_id AS "outboxEventId", f.position, f.aggregate_type AS "aggregateType",
        f.aggregate_id AS "aggregateId", f.attempt_count AS "attemptCount", left(f.last_error, 1000) AS "lastError",
        f.error_fingerprint AS "errorFingerprint", f.available_at AS "retryAt", f.postponed_since AS "postponedSince", behind.count AS behind
      FROM (
        SELECT c.name, f.* FROM (${consumersNamed(inboxEvent)}) AS c CROSS JOIN LATERAL (
          SELECT r.* FROM ${rows('failed', 'i.*', LOOKED_AT)} WHERE r.available_at IS NOT NULL ORDER BY r.position LIMIT $2
        ) AS f ORDER BY f.position, f.id LIMIT $2
      ) AS f
      CROSS JOIN LATERAL (SELECT f.name) AS c
      CROSS JOIN LATERAL (
        SELECT count(*) AS count FROM (
          SELECT 1 FROM ${inboxEvent} w
          WHERE w.consumer_name = f.name AND w.partition = f.partition AND w.aggregate_type = f.aggregate_type
            AND w.aggregate_id = f.aggregate_id AND w.position > f.position AND ${unresolved('w')} LIMIT ${BEHIND_COUNTED_TO + 1}
        ) AS r
      ) AS behind
      WHERE behind.count > 0`;
  }

  /** Returns the counts of one registered consumer, or of all. */
  counts(consumerName?: string): Promise<InboxCounts[]> {
    return this.inOrderOfIndex((session) =>
      session.query<InboxCounts>(this.countsSql, [consumerName ?? null]),
    );
  }

  /**
   * Looks at the first `most` events that failed and are tried again, of one consumer or of all, and returns
   * those that others wait for.
   */
  blocking(consumerName: string | undefined, most: number): Promise<BlockingRow[]> {
    return this.inOrderOfIndex((session) =>
      session.query<BlockingRow>(this.blockingSql, [consumerName ?? null, most]),
    );
  }

  /**
   * Runs a statement that reads the first rows of a status in the order of an index. Without this setting the
   * planner reads and sorts all of them, if it takes them to be fewer than the limit.
   */
  private inOrderOfIndex<R>(read: (session: EngineSession) => Promise<R>): Promise<R> {
    return this.db.read(async (session) => {
      await session.query('SET LOCAL enable_sort = off');
      return read(session);
    });
  }
}
