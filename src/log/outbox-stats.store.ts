import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import type { OutboxStats } from './outbox-event.js';
import { OutboxStatsEstimateStore, STATUS_SHOWN, WORST_OF_EACH } from './outbox-stats-estimate.store.js';

/** A log that spans more positions than this is estimated, not counted. */
const EXACT_UP_TO = 100_000;

/**
 * Counts the events of the log and of its consumers. It uses estimates where counting would take too long.
 */
@Injectable()
export class OutboxStatsStore {
  private readonly sql: string;
  private readonly estimates: OutboxStatsEstimateStore;

  constructor(private readonly db: EngineDatabase) {
    this.estimates = new OutboxStatsEstimateStore(db);
    const log = db.tables.outboxEvent;
    const inbox = db.tables.inboxEvent;
    const cursors = db.tables.inboxCursor;
    this.sql = `
      WITH consumer AS (
        SELECT c.consumer_name, min(c.starts_at) AS starts_at, array_agg(DISTINCT n.name) AS event_names
        FROM ${cursors} c CROSS JOIN unnest(c.event_names) AS n(name) GROUP BY c.consumer_name
      ), starts AS (
        SELECT coalesce(array_agg(DISTINCT starts_at ORDER BY starts_at), '{}') AS at FROM consumer
      ), volume AS (
        -- One pass over the log. Bucket b holds the positions from the b-th start to the next one.
        SELECT event_name, width_bucket(position, (SELECT at FROM starts)) AS bucket, count(*) AS events FROM ${log} GROUP BY 1, 2
      ), wants AS (
        SELECT c.consumer_name, v.event_name, c.starts_at, width_bucket(c.starts_at, (SELECT at FROM starts)) AS bucket
        FROM consumer c JOIN (SELECT DISTINCT event_name FROM volume) v ON EXISTS (
          SELECT FROM unnest(c.event_names) AS n(name)
          WHERE n.name = v.event_name OR (right(n.name, 1) = '*' AND starts_with(v.event_name, left(n.name, -1))))
      ), asked AS (
        SELECT w.consumer_name, sum(v.events) AS events
        FROM wants w JOIN volume v ON v.event_name = w.event_name AND v.bucket >= w.bucket GROUP BY 1
      ), unrouted AS (
        SELECT coalesce(sum(v.events), 0) AS events FROM volume v
        WHERE NOT EXISTS (SELECT FROM wants w WHERE w.event_name = v.event_name AND w.bucket <= v.bucket)
      ), span AS MATERIALIZED (
        SELECT c.consumer_name, c.partition, c.partitions, greatest(lower(r.range), c.starts_at) AS low,
          coalesce(upper(r.range), 9223372036854775807) AS high
        FROM ${cursors} c CROSS JOIN unnest(c.unread) AS r(range)
      ), unread AS (
        -- One index scan per range. OFFSET 0 keeps it so, because a test of each event against all ranges
        -- would cost the product of their numbers.
        SELECT f.consumer_name, f.position
        FROM (
          SELECT s.consumer_name, e.position, e.id, e.event_name
          FROM span s CROSS JOIN LATERAL (
            SELECT position, id, event_name, aggregate_type, aggregate_id FROM ${log} l
            WHERE l.position >= s.low AND l.position < s.high OFFSET 0
          ) e
          WHERE s.partitions = 1
            OR s.partition = ${db.tables.integrationPartition}(e.aggregate_type, e.aggregate_id, s.partitions)
          OFFSET 0
        ) f
        JOIN wants w ON w.consumer_name = f.consumer_name AND w.event_name = f.event_name
        LEFT JOIN ${inbox} i ON i.outbox_event_id = f.id AND i.consumer_name = f.consumer_name
        WHERE i.id IS NULL
      ), exception AS (
        SELECT i.consumer_name, e.position, ${STATUS_SHOWN} AS status, w.event_name IS NOT NULL AND e.position >= w.starts_at AS asked
        FROM ${inbox} i JOIN consumer c ON c.consumer_name = i.consumer_name
        JOIN ${log} e ON e.position = i.position AND e.id = i.outbox_event_id
        LEFT JOIN wants w ON w.consumer_name = i.consumer_name AND w.event_name = e.event_name
        WHERE i.status <> 'processed'
      ), delivery AS (
        SELECT consumer_name, count(*) AS pending, 0 AS processing, 0 AS failed, 0 AS dead_letter, 0 AS skipped, 0 AS unasked
        FROM unread GROUP BY consumer_name
        UNION ALL
        SELECT consumer_name, count(*) FILTER (WHERE status = 'received'), count(*) FILTER (WHERE status = 'processing'),
          count(*) FILTER (WHERE status = 'failed'), count(*) FILTER (WHERE status = 'dead_letter'),
          count(*) FILTER (WHERE status = 'skipped'), count(*) FILTER (WHERE NOT asked)
        FROM exception GROUP BY consumer_name
      ), counted AS (
        SELECT c.consumer_name, coalesce(max(a.events), 0) + coalesce(sum(d.unasked), 0) AS total,
          coalesce(sum(d.pending), 0) AS pending, coalesce(sum(d.processing), 0) AS processing, coalesce(sum(d.failed), 0) AS failed,
          coalesce(sum(d.dead_letter), 0) AS dead_letter, coalesce(sum(d.skipped), 0) AS skipped
        FROM consumer c LEFT JOIN asked a USING (consumer_name) LEFT JOIN delivery d USING (consumer_name) GROUP BY c.consumer_name
      ), worst AS (${WORST_OF_EACH}), rolled AS (
        SELECT count(*) AS unsettled, count(*) FILTER (WHERE rank = 1) AS pending, count(*) FILTER (WHERE rank = 2) AS processing,
          count(*) FILTER (WHERE rank = 3) AS failed, count(*) FILTER (WHERE rank = 4) AS dead_letter FROM worst
      )
      SELECT (SELECT coalesce(sum(events), 0) FROM volume)::float8 AS total, u.events::float8 AS unrouted, r.unsettled::float8 AS unsettled,
        r.pending::float8 AS pending, r.processing::float8 AS processing, r.failed::float8 AS failed,
        r.dead_letter::float8 AS dead_letter,
        (SELECT coalesce(json_agg(json_build_object('consumerName', consumer_name, 'total', total, 'pending', pending,
            'processing', processing, 'processed', total - pending - processing - failed - dead_letter - skipped,
            'failed', failed, 'dead_letter', dead_letter, 'skipped', skipped) ORDER BY consumer_name), '[]') FROM counted) AS consumers
      FROM rolled r, unrouted u`;
  }

  /** All numbers are of one moment. They are estimates when the log spans many positions. */
  async count(exactUpTo = EXACT_UP_TO): Promise<OutboxStats> {
    const [row] = await this.db.query<{ span: number | null }>(
      `SELECT max(position) - min(position) + 1 AS span FROM ${this.db.tables.outboxEvent}`,
    );
    return (row?.span ?? 0) > exactUpTo ? this.estimates.estimate() : this.countExactly();
  }

  /**
   * Counts with one statement. It reads the log once for its event names, and the unread events once per
   * consumer. The rest is processed.
   */
  private async countExactly(): Promise<OutboxStats> {
    const rows = await this.db.query<Omit<OutboxStats, 'processed'> & { unsettled: number }>(this.sql);
    const row = rows[0];
    if (row === undefined) throw new Error('the count returned no row');
    const { unsettled, ...counts } = row;
    return { ...counts, processed: Math.max(counts.total - counts.unrouted - unsettled, 0) };
  }
}
