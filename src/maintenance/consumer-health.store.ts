import { OF_THE_POOL } from '../database/clients/host-adapter.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { backendGone } from '../database/sql/backend-gone.store.js';
import { consumersNamed, unresolved } from '../inbox/inbox-status.js';

/** A cursor, or several of one consumer, in a state that should not occur. */
export interface CursorProblem {
  readonly consumerName: string;
  readonly partition: number;
}

/** Rows of the inbox in a state that should not occur, by consumer. */
export interface RowProblem {
  readonly consumerName: string;
  readonly rows: number;
  readonly firstPosition: number;
}

/** `isPartial`: not all rows were looked at, so there may be more. */
export interface PartialRowProblem extends RowProblem {
  readonly isPartial: boolean;
}

/** The names of maintenance tasks. */
export interface KnownTasks {
  /** Those of the engine. */
  readonly own: readonly string[];
  readonly ofParts: readonly string[];
}

/** The events of a consumer that were put off again and again. */
export interface PostponedEvents {
  readonly consumerName: string;
  readonly events: number;
  readonly firstPosition: number;
  readonly since: Date;
  /** Of the event that was put off first: why, its aggregate, and what waits behind it. */
  readonly reason: string | null;
  readonly aggregateType: string;
  readonly aggregateId: string;
  readonly behind: number;
  /** The first events behind it, up to a limit. An event that is no longer in the log has no name. */
  readonly next: readonly { readonly position: number; readonly eventName: string | null }[];
}

/** Events whose transactional handlers used up the pool of their client. */
export interface PoolProblem {
  readonly consumerName: string;
  readonly events: number;
  /** Whether there may be more: not all failed rows were looked at. */
  readonly isPartial: boolean;
  readonly since: Date;
  readonly last: Date;
  readonly error: string;
}

export interface LeaseProblem extends CursorProblem {
  readonly kind: 'incomplete' | 'too long' | 'unknown owner' | 'not taken over';
  readonly owner: string | null;
  readonly expiresInSeconds: number | null;
}

/** A valid lease whose owner has lost its connection to the database. */
export interface DesertedLease extends CursorProblem {
  readonly owner: string;
  readonly host: string;
  readonly pid: number;
  readonly seenAt: Date;
  readonly until: Date;
}

/** Reads whether cursors, inbox and leases are consistent. Each statement sees one moment. */
export class ConsumerHealthStore {
  private readonly log: string;
  private readonly cursor: string;
  private readonly inbox: string;
  private readonly process: string;
  private readonly partitionOf: string;
  private readonly maintenance: string;

  constructor(private readonly db: EngineDatabase) {
    const { tables } = db;
    this.log = tables.outboxEvent;
    this.cursor = tables.inboxCursor;
    this.inbox = tables.inboxEvent;
    this.process = tables.integrationProcess;
    this.partitionOf = tables.integrationPartition;
    this.maintenance = tables.integrationMaintenance;
  }

  /**
   * Consumers whose partitions are not 0 to n - 1, or whose partitions disagree on their number or on the
   * event names.
   */
  tornConsumers(): Promise<{ consumerName: string; found: number[]; partitions: number }[]> {
    return this.db.query(
      `SELECT consumer_name AS "consumerName", array_agg(partition ORDER BY partition) AS found, max(partitions) AS partitions
       FROM ${this.cursor} GROUP BY consumer_name
       HAVING count(*) <> max(partitions) OR min(partitions) <> max(partitions) OR min(partition) <> 0
         OR max(partition) <> max(partitions) - 1 OR count(DISTINCT event_names) > 1 OR bool_or(cardinality(event_names) = 0)`,
    );
  }

  /** Cursors that would not read events of the future. */
  closedCursors(): Promise<CursorProblem[]> {
    return this.db.query<CursorProblem>(
      `SELECT consumer_name AS "consumerName", partition FROM ${this.cursor}
       WHERE isempty(unread) OR NOT upper_inf(unread) OR lower(unread) < 1 ORDER BY 1, 2`,
    );
  }

  /**
   * Rows whose position is also unread in the cursor. The `processed` row of a transactional handler may
   * exist before the save, so it does not count. Each unread range is looked up in the inbox, because the
   * rows outside the ranges may be very many.
   */
  rowsStillUnread(): Promise<RowProblem[]> {
    return this.db.query<RowProblem>(
      `SELECT c.consumer_name AS "consumerName", count(*) AS rows, min(i.position) AS "firstPosition"
       FROM ${this.cursor} c CROSS JOIN unnest(c.unread) AS r
       CROSS JOIN unnest('{received,processing,failed,skipped,dead_letter}'::text[]) AS s (status)
       CROSS JOIN LATERAL (
         SELECT i.position FROM ${this.inbox} i
         WHERE i.consumer_name = c.consumer_name AND i.status = s.status AND i.status <> 'processed' AND i.partition = c.partition
           AND i.position >= lower(r) AND i.position < coalesce(upper(r), 9223372036854775807)
         OFFSET 0
       ) AS i
       GROUP BY 1 ORDER BY 1`,
    );
  }

  /**
   * Rows that are to run, or may be sent again, and whose event is not in the log. About `most` rows of each
   * status are looked at. Each consumer has an equal part of them: its oldest rows, because deleted events
   * are mostly old, and its newest rows, because a restore loses new events. OFFSET 0 makes Postgres look for
   * the event of each row, instead of reading the log.
   */
  rowsWithoutEvent(most: number): Promise<PartialRowProblem[]> {
    const end = (direction: 'ASC' | 'DESC') => `(
         SELECT *, count(*) OVER () >= each.most AS is_partial FROM (
           SELECT i.id, i.position, i.outbox_event_id FROM ${this.inbox} i
           WHERE i.consumer_name = each.name AND i.status = s.status AND i.status <> 'processed'
           ORDER BY i.position ${direction} LIMIT each.most
         ) AS found)`;
    return this.db.query<PartialRowProblem>(
      `SELECT each.name AS "consumerName", count(DISTINCT i.id) AS rows, min(i.position) AS "firstPosition", bool_or(i.is_partial) AS "isPartial"
       FROM (
         SELECT name, greatest(10, $2::int / 2 / count(*) OVER ()) AS most FROM (${consumersNamed(this.inbox)}) AS named
       ) AS each
       CROSS JOIN unnest('{received,processing,failed,dead_letter}'::text[]) AS s (status)
       CROSS JOIN LATERAL (${end('ASC')} UNION ALL ${end('DESC')}) AS i
       WHERE NOT EXISTS (SELECT FROM ${this.log} e WHERE e.position = i.position AND e.id = i.outbox_event_id OFFSET 0)
       GROUP BY 1 ORDER BY 1`,
      [null, most],
    );
  }

  /**
   * Rows that are to run, but that the owner of no partition looks for. Of each consumer and status they are
   * looked up in the inbox, because the rows that are at rest may be very many.
   */
  rowsOfOtherPartitions(): Promise<RowProblem[]> {
    return this.db.query<RowProblem>(
      `SELECT c.consumer_name AS "consumerName", count(*) AS rows, min(i.position) AS "firstPosition"
       FROM (SELECT consumer_name, max(partitions) AS partitions FROM ${this.cursor} GROUP BY 1) c
       CROSS JOIN unnest('{received,processing,failed}'::text[]) AS s (status)
       CROSS JOIN LATERAL (
         SELECT position, partition, aggregate_type, aggregate_id, available_at FROM ${this.inbox}
         WHERE consumer_name = c.consumer_name AND status = s.status AND status <> 'processed' OFFSET 0
       ) AS i
       WHERE (s.status <> 'failed' OR i.available_at IS NOT NULL)
         AND i.partition <> ${this.partitionOf}(i.aggregate_type, i.aggregate_id, c.partitions)
       GROUP BY 1 ORDER BY 1`,
    );
  }

  /**
   * Rows of leased consumers that have waited long for an earlier event of their aggregate, although there is
   * none.
   */
  rowsWaitingForNobody(minutes: number): Promise<RowProblem[]> {
    return this.db.query<RowProblem>(
      `SELECT i.consumer_name AS "consumerName", count(*) AS rows, min(i.position) AS "firstPosition"
       FROM ${this.inbox} i
       JOIN ${this.cursor} c ON c.consumer_name = i.consumer_name AND c.partition = i.partition AND c.lease_expires_at > clock_timestamp()
       WHERE i.status = 'received' AND i.available_at = 'infinity' AND i.updated_at < clock_timestamp() - $1 * interval '1 minute'
         AND NOT EXISTS (
           SELECT FROM ${this.inbox} b WHERE b.consumer_name = i.consumer_name AND b.partition = i.partition
             AND b.aggregate_type = i.aggregate_type AND b.aggregate_id = i.aggregate_id AND b.position < i.position
             AND ${unresolved('b')})
       GROUP BY 1 ORDER BY 1`,
      [minutes],
    );
  }

  /**
   * Events that their handlers have put off for this many hours, without an attempt that counted, and at most
   * so many of what waits behind the first of each consumer.
   */
  postponedFor(hours: number, mostNamed: number): Promise<PostponedEvents[]> {
    return this.db.query<PostponedEvents>(
      `WITH late AS MATERIALIZED (
         SELECT i.consumer_name, i.partition, i.position, i.aggregate_type, i.aggregate_id, i.postponed_since, left(i.last_error, 1000) AS reason
         FROM ${this.inbox} i
         WHERE i.status = 'failed' AND i.available_at IS NOT NULL AND i.postponed_since < clock_timestamp() - $1 * interval '1 hour'
       ), first AS (
         SELECT DISTINCT ON (consumer_name) *, count(*) OVER of_consumer AS events, min(position) OVER of_consumer AS first_position
         FROM late WINDOW of_consumer AS (PARTITION BY consumer_name) ORDER BY consumer_name, postponed_since, position
       )
       SELECT f.consumer_name AS "consumerName", f.events, f.first_position AS "firstPosition", f.postponed_since AS since, f.reason,
         f.aggregate_type AS "aggregateType", f.aggregate_id AS "aggregateId", count(b.position) AS behind,
         coalesce(json_agg(json_build_object('position', b.position, 'eventName', e.event_name) ORDER BY b.position)
           FILTER (WHERE b.number <= $2), '[]') AS next
       FROM first f
       LEFT JOIN LATERAL (
         SELECT w.position, row_number() OVER (ORDER BY w.position) AS number FROM ${this.inbox} w
         WHERE w.consumer_name = f.consumer_name AND w.partition = f.partition AND w.aggregate_type = f.aggregate_type
           AND w.aggregate_id = f.aggregate_id AND w.position > f.position AND ${unresolved('w')}
       ) b ON true
       LEFT JOIN ${this.log} e ON e.position = b.position AND b.number <= $2
       GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1`,
      [hours, mostNamed],
    );
  }

  /**
   * Events that failed in these hours because handlers had used up the pool of their client. Of each consumer
   * the latest `most` rows of a status are looked at.
   */
  failedOfThePool(hours: number, most: number): Promise<PoolProblem[]> {
    return this.db.query<PoolProblem>(
      `SELECT each.name AS "consumerName", count(*) AS events, bool_or(i.is_partial) AS "isPartial", min(i.updated_at) AS since, max(i.updated_at) AS last,
         left((array_agg(i.last_error ORDER BY i.updated_at DESC))[1], 1000) AS error
       FROM (${consumersNamed(this.inbox)}) AS each
       CROSS JOIN unnest('{failed,dead_letter}'::text[]) AS s (status)
       CROSS JOIN LATERAL (
         SELECT *, count(*) OVER () >= $3 AS is_partial FROM (
           SELECT i.last_error, i.updated_at FROM ${this.inbox} i
           WHERE i.consumer_name = each.name AND i.status = s.status AND i.status <> 'processed'
           ORDER BY i.position DESC LIMIT $3
         ) AS latest
       ) AS i
       WHERE i.updated_at > clock_timestamp() - $2 * interval '1 hour' AND strpos(i.last_error, $4) > 0
       GROUP BY 1 ORDER BY 1`,
      [null, hours, most, OF_THE_POOL],
    );
  }

  leases(limits: { longestSeconds: number; takenOverWithinSeconds: number }): Promise<LeaseProblem[]> {
    return this.db.query<LeaseProblem>(
      `SELECT * FROM (
         SELECT c.consumer_name AS "consumerName", c.partition, c.lease_owner AS owner,
           extract(epoch FROM c.lease_expires_at - clock_timestamp())::float8 AS "expiresInSeconds",
           CASE
             WHEN num_nulls(c.lease_token, c.lease_owner, c.lease_expires_at) IN (1, 2) THEN 'incomplete'
             WHEN c.lease_expires_at > clock_timestamp() + $1::float8 * interval '1 second' THEN 'too long'
             WHEN c.lease_expires_at > clock_timestamp()
               AND NOT EXISTS (SELECT FROM ${this.process} p WHERE p.id = c.lease_owner) THEN 'unknown owner'
             WHEN c.lease_expires_at < clock_timestamp() - $2::float8 * interval '1 second' AND c.paused_at IS NULL AND NOT c.held_back
               AND EXISTS (SELECT FROM ${this.process} p WHERE c.consumer_name = ANY (p.consumers)
                           AND p.seen_at > clock_timestamp() - $2::float8 * interval '1 second') THEN 'not taken over'
           END AS kind
         FROM ${this.cursor} c
       ) AS lease WHERE kind IS NOT NULL ORDER BY 1, 2`,
      [limits.longestSeconds, limits.takenOverWithinSeconds],
    );
  }

  /** Valid leases whose owner has no connection to the database at this moment. */
  desertedLeases(): Promise<DesertedLease[]> {
    return this.db.query<DesertedLease>(
      `SELECT c.consumer_name AS "consumerName", c.partition, p.id AS owner, p.host, p.pid, p.seen_at AS "seenAt",
         c.lease_expires_at AS until
       FROM ${this.cursor} c JOIN ${this.process} p ON p.id = c.lease_owner
       WHERE c.lease_expires_at > clock_timestamp() AND ${backendGone('p')} ORDER BY 1, 2`,
    );
  }

  /**
   * Tasks that were not done for this many hours although there are processes that should have done them. An
   * application may not have a part, so a task of one counts only once it was done.
   */
  lateTasks({ own, ofParts }: KnownTasks, hours: number): Promise<{ task: string; doneAt: Date | null }[]> {
    return this.db.query(
      `SELECT t.task, CASE WHEN isfinite(m.done_at) THEN m.done_at END AS "doneAt"
       FROM (SELECT unnest($1::text[]) AS task, '-infinity'::timestamptz AS never UNION ALL SELECT unnest($3::text[]), NULL) AS t
       LEFT JOIN ${this.maintenance} m ON m.task = t.task
       WHERE coalesce(m.done_at, t.never) < clock_timestamp() - $2 * interval '1 hour'
         AND EXISTS (SELECT FROM ${this.process} p WHERE p.role <> 'publisher'
                     AND p.started_at < clock_timestamp() - $2 * interval '1 hour' AND p.seen_at > clock_timestamp() - interval '5 minutes')
       ORDER BY t.task`,
      [own, hours, ofParts],
    );
  }
}
