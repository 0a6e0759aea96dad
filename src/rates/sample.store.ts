import type { EngineDatabase } from '../database/engine-database.js';
import { finiteTime } from '../database/sql/epoch-text.store.js';
import { COUNTED_TO } from './counted.js';

/** How many events and rows are looked at to find the oldest one that a consumer still has to handle. */
const LOOKED_AT = 100;

/**
 * Writes samples of how far consumers are. Every process may ask for one as often as it likes. The statement
 * writes nothing if there is a recent sample, or if another process is writing one at this moment. Two
 * processes can still write at almost the same time: the second looked before the first had committed. Both
 * samples are true then, so nothing that is computed from them is wrong.
 */
export class SampleStore {
  private readonly sql: string;

  constructor(private readonly db: EngineDatabase) {
    const { inboxCursor, inboxEvent, integrationPartition, integrationSample, outboxEvent } = db.tables;
    // Of each status, the first rows are looked at. In the inbox, only the partition of the oldest row has
    // its age as a lag.
    const oldestOf = (status: string, condition: string) => `(SELECT * FROM (
        SELECT position, partition, available_at FROM ${inboxEvent} i
        WHERE i.consumer_name = consumer.name AND i.status = '${status}' ORDER BY i.position LIMIT ${LOOKED_AT}
      ) AS first WHERE ${condition} ORDER BY position LIMIT 1)`;
    // The dead letters of a consumer with one partition are counted in the index alone.
    this.sql = `
      WITH due AS MATERIALIZED (
        SELECT clock_timestamp() AS at WHERE pg_try_advisory_xact_lock(hashtextextended($2, 0)) AND NOT EXISTS (
          SELECT FROM ${integrationSample}
          WHERE at > (SELECT clock_timestamp() - $1::float8 * interval '1 millisecond') AND at <= (SELECT clock_timestamp()))
      ), head AS MATERIALIZED (
        SELECT position, int8multirange(int8range(NULL, position, '[]')) AS written
        FROM due CROSS JOIN (SELECT coalesce(max(position), 0) AS position FROM ${outboxEvent}) AS log
      ), consumer AS MATERIALIZED (
        SELECT consumer_name AS name, max(partitions) AS partitions FROM due CROSS JOIN ${inboxCursor} GROUP BY consumer_name
      ), dead AS MATERIALIZED (
        SELECT c.consumer_name AS name, c.partition, counted.count FROM due CROSS JOIN ${inboxCursor} c CROSS JOIN LATERAL (
          SELECT count(*) AS count FROM (
            SELECT 1 FROM ${inboxEvent} i WHERE i.consumer_name = c.consumer_name AND i.status = 'dead_letter' LIMIT ${COUNTED_TO + 1}
          ) AS letters
        ) AS counted WHERE c.partitions = 1
        UNION ALL
        SELECT consumer.name, letter.partition, count(*) FROM consumer CROSS JOIN LATERAL (
          SELECT partition FROM ${inboxEvent} i WHERE i.consumer_name = consumer.name AND i.status = 'dead_letter' LIMIT ${COUNTED_TO + 1}
        ) AS letter WHERE consumer.partitions > 1 GROUP BY consumer.name, letter.partition
      ), waiting AS MATERIALIZED (
        SELECT consumer.name, oldest.partition, e.created_at FROM consumer CROSS JOIN LATERAL (
          SELECT * FROM (
            ${oldestOf('processing', 'true')} UNION ALL ${oldestOf('failed', 'available_at IS NOT NULL')}
            UNION ALL ${oldestOf('received', 'NOT isfinite(available_at)')}
          ) AS each_status ORDER BY position LIMIT 1
        ) AS oldest JOIN ${outboxEvent} e ON e.position = oldest.position
      )
      INSERT INTO ${integrationSample} (at, consumer_name, partition, head, backlog, lag_s, dead)
      SELECT due.at, c.consumer_name, c.partition, head.position, backlog.positions,
        CASE WHEN coalesce(unread.created_at, waiting.created_at) IS NOT NULL
          THEN greatest(0, extract(epoch FROM due.at - ${finiteTime('least(unread.created_at, waiting.created_at)')})) END,
        coalesce(dead.count, 0)
      FROM due CROSS JOIN head CROSS JOIN ${inboxCursor} c
      CROSS JOIN LATERAL (
        SELECT coalesce(sum(upper(r) - lower(r)), 0) AS positions FROM unnest(c.unread * head.written) AS r
      ) AS backlog
      LEFT JOIN LATERAL (
        SELECT first.created_at FROM (
          SELECT e.* FROM unnest(c.unread * head.written) AS r CROSS JOIN LATERAL (
            SELECT position, created_at, event_name, aggregate_type, aggregate_id FROM ${outboxEvent}
            WHERE position >= lower(r) AND position < upper(r) ORDER BY position LIMIT ${LOOKED_AT}
          ) AS e LIMIT ${LOOKED_AT}
        ) AS first
        WHERE (c.partitions = 1 OR c.partition = ${integrationPartition}(first.aggregate_type, first.aggregate_id, c.partitions))
          AND EXISTS (SELECT FROM unnest(c.event_names) AS n(name)
            WHERE n.name = first.event_name OR (right(n.name, 1) = '*' AND starts_with(first.event_name, left(n.name, -1))))
        LIMIT 1
      ) AS unread ON true
      LEFT JOIN waiting ON waiting.name = c.consumer_name AND waiting.partition = c.partition
      LEFT JOIN dead ON dead.name = c.consumer_name AND dead.partition = c.partition
      ON CONFLICT DO NOTHING RETURNING 1`;
  }

  /** Writes one row for each partition of each consumer, unless a sample is younger than this. */
  async take(youngerThanMs: number): Promise<number> {
    const lock = `nestjs-integration sample ${this.db.schema}`;
    return (await this.db.query(this.sql, [youngerThanMs, lock])).length;
  }
}
