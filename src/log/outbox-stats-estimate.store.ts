import type { EngineDatabase } from '../database/engine-database.js';
import type { OutboxStats } from './outbox-event.js';

/** The sample of the log has this many places, and reads this many rows at each place. */
const PLACES = 200;
const ROWS_A_PLACE = 50;
/** The limit of exact counting, for the unread positions of each consumer and for its rows of each status. */
const COUNTED_EXACTLY = 10_000;

/** SQL of the status of the inbox row `i` as users see it. An event that was put off has not failed. */
export const STATUS_SHOWN = `CASE WHEN i.status = 'failed' AND i.postponed_since IS NOT NULL AND i.available_at IS NOT NULL
          THEN 'received' ELSE i.status END`;

/** For each position that is unread or has an exception, the worst status that it has at any consumer. */
export const WORST_OF_EACH = `
        SELECT position, max(rank) AS rank FROM (
          SELECT position, 1 AS rank FROM unread
          UNION ALL
          SELECT position, CASE status WHEN 'received' THEN 1 WHEN 'processing' THEN 2 WHEN 'failed' THEN 3 ELSE 4 END
          FROM exception WHERE status <> 'skipped'
        ) AS open GROUP BY position`;

/**
 * Estimates the counts of a log that is too large to be counted. The cost grows with the number of consumers,
 * not with the size of the log.
 *
 * The log is divided into stretches of equal length. The first rows of each stretch show how dense it is and
 * which names it has. Each row of the sample stands for `weight` rows of the log. `total`, `unrouted` and the
 * number of events that each consumer asks for follow from that.
 *
 * Unsettled events are counted exactly up to COUNTED_EXACTLY of each kind: unread positions through the log,
 * exceptions through their index. If a cursor has more unread positions, the sample tells how many of them
 * are events of its names. If there are more rows of one status, the result is the bound.
 */
export class OutboxStatsEstimateStore {
  private readonly sql: string;

  constructor(private readonly db: EngineDatabase) {
    const log = db.tables.outboxEvent;
    const inbox = db.tables.inboxEvent;
    const partitionOf = db.tables.integrationPartition;
    const wants = (names: string, event: string) => `EXISTS (SELECT FROM unnest(${names}) AS n(name)
      WHERE n.name = ${event} OR (right(n.name, 1) = '*' AND starts_with(${event}, left(n.name, -1))))`;
    this.sql = `
      WITH bounds AS MATERIALIZED (
        SELECT min(position) AS low, max(position) + 1 AS high FROM ${log}
      ), stretch AS MATERIALIZED (
        SELECT low + (high - low) * place / ${PLACES} AS low, low + (high - low) * (place + 1) / ${PLACES} AS high
        FROM bounds CROSS JOIN generate_series(0, ${PLACES - 1}) AS place
      ), sample AS MATERIALIZED (
        SELECT e.position, e.event_name,
          (s.high - s.low)::float8 / (CASE WHEN e.rows < ${ROWS_A_PLACE} THEN s.high ELSE e.last + 1 END - s.low) AS weight
        FROM stretch s CROSS JOIN LATERAL (
          SELECT *, count(*) OVER () AS rows, max(position) OVER () AS last FROM (
            SELECT position, event_name FROM ${log} l WHERE l.position >= s.low AND l.position < s.high
            ORDER BY l.position LIMIT ${ROWS_A_PLACE}
          ) few
        ) e
      ), cursors AS MATERIALIZED (
        SELECT c.consumer_name, c.partition, c.partitions, c.event_names, c.starts_at, written.unread,
          (SELECT coalesce(sum(upper(r) - lower(r)), 0) FROM unnest(written.unread) AS r) AS positions
        FROM ${db.tables.inboxCursor} c CROSS JOIN bounds b
        CROSS JOIN LATERAL (SELECT c.unread * int8multirange(int8range(b.low, b.high)) AS unread) written
      ), consumer AS MATERIALIZED (
        SELECT c.consumer_name, min(c.starts_at) AS starts_at, array_agg(DISTINCT n.name) AS event_names
        FROM cursors c CROSS JOIN unnest(c.event_names) AS n(name) GROUP BY c.consumer_name
      ), named AS MATERIALIZED (
        SELECT event_name FROM sample GROUP BY event_name
      ), asks AS MATERIALIZED (
        SELECT c.consumer_name, c.starts_at, d.event_name FROM consumer c JOIN named d ON ${wants('c.event_names', 'd.event_name')}
      ), asked AS (
        SELECT a.consumer_name, sum(s.weight) FILTER (WHERE s.position >= a.starts_at) AS events, sum(s.weight) AS of_all
        FROM asks a JOIN sample s ON s.event_name = a.event_name GROUP BY a.consumer_name
      ), routed AS (
        SELECT event_name, min(starts_at) AS starts_at FROM asks GROUP BY event_name
      ), size AS MATERIALIZED (
        SELECT coalesce(sum(s.weight), 0) AS total,
          coalesce(sum(s.weight) FILTER (WHERE r.starts_at IS NULL OR s.position < r.starts_at), 0) AS unrouted
        FROM sample s LEFT JOIN routed r ON r.event_name = s.event_name
      ), unread AS MATERIALIZED (
        SELECT c.consumer_name, e.position
        FROM cursors c CROSS JOIN unnest(c.unread) AS r
        CROSS JOIN LATERAL (
          SELECT id, position, event_name, aggregate_type, aggregate_id FROM ${log} l
          WHERE l.position >= greatest(lower(r), c.starts_at) AND l.position < upper(r) OFFSET 0
        ) e
        WHERE c.positions <= ${COUNTED_EXACTLY}
          AND (c.partitions = 1 OR c.partition = ${partitionOf}(e.aggregate_type, e.aggregate_id, c.partitions))
          AND ${wants('c.event_names', 'e.event_name')}
          AND NOT EXISTS (SELECT FROM ${inbox} i WHERE i.outbox_event_id = e.id AND i.consumer_name = c.consumer_name OFFSET 0)
      ), guessed AS (
        SELECT c.consumer_name, sum(c.positions / c.partitions * a.of_all / (b.high - b.low)) AS events
        FROM cursors c JOIN asked a ON a.consumer_name = c.consumer_name CROSS JOIN bounds b
        WHERE c.positions > ${COUNTED_EXACTLY} GROUP BY c.consumer_name
      ), exception AS MATERIALIZED (
        SELECT c.consumer_name, r.status, r.position
        FROM consumer c CROSS JOIN unnest('{received,processing,failed,skipped,dead_letter}'::text[]) AS s(status)
        CROSS JOIN LATERAL (
          SELECT position, ${STATUS_SHOWN} AS status FROM ${inbox} i WHERE i.consumer_name = c.consumer_name AND i.status = s.status AND i.status <> 'processed'
          ORDER BY position LIMIT ${COUNTED_EXACTLY}
        ) r
      ), delivery AS (
        SELECT consumer_name, count(*) AS pending, 0 AS processing, 0 AS failed, 0 AS dead_letter, 0 AS skipped FROM unread GROUP BY 1
        UNION ALL
        SELECT consumer_name, events, 0, 0, 0, 0 FROM guessed
        UNION ALL
        SELECT consumer_name, count(*) FILTER (WHERE status = 'received'), count(*) FILTER (WHERE status = 'processing'),
          count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'dead_letter'),
          count(*) FILTER (WHERE status = 'skipped') FROM exception GROUP BY 1
      ), unsettled AS (
        SELECT consumer_name, round(sum(pending)) AS pending, sum(processing) AS processing, sum(failed) AS failed,
          sum(dead_letter) AS dead_letter, sum(skipped) AS skipped FROM delivery GROUP BY consumer_name
      ), counted AS (
        SELECT c.consumer_name, coalesce(u.pending, 0) AS pending, coalesce(u.processing, 0) AS processing, coalesce(u.failed, 0) AS failed,
          coalesce(u.dead_letter, 0) AS dead_letter, coalesce(u.skipped, 0) AS skipped, round(coalesce(a.events, 0)) AS asked
        FROM consumer c LEFT JOIN asked a USING (consumer_name) LEFT JOIN unsettled u USING (consumer_name)
      ), consumers AS (
        SELECT *, greatest(asked - pending - processing - failed - dead_letter - skipped, 0) AS processed FROM counted
      ), worst AS (${WORST_OF_EACH}), rolled AS (
        SELECT count(*) FILTER (WHERE rank = 1) + (SELECT coalesce(round(max(events)), 0) FROM guessed) AS pending,
          count(*) FILTER (WHERE rank = 2) AS processing, count(*) FILTER (WHERE rank = 3) AS failed,
          count(*) FILTER (WHERE rank = 4) AS dead_letter FROM worst
      )
      SELECT round(s.total)::float8 AS total, round(s.unrouted)::float8 AS unrouted, r.pending::float8 AS pending,
        r.processing::float8 AS processing, r.failed::float8 AS failed, r.dead_letter::float8 AS dead_letter,
        greatest(round(s.total - s.unrouted) - r.pending - r.processing - r.failed - r.dead_letter, 0)::float8 AS processed,
        (SELECT coalesce(json_agg(json_build_object('consumerName', consumer_name,
            'total', processed + pending + processing + failed + dead_letter + skipped, 'pending', pending,
            'processing', processing, 'processed', processed, 'failed', failed, 'dead_letter', dead_letter, 'skipped', skipped)
            ORDER BY consumer_name), '[]') FROM consumers) AS consumers
      FROM rolled r, size s`;
  }

  async estimate(): Promise<OutboxStats> {
    const [stats] = await this.db.query<OutboxStats>(this.sql);
    if (stats === undefined) throw new Error('the estimate returned no row');
    return { ...stats, estimated: true };
  }
}
