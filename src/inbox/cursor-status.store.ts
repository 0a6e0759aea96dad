import type { EngineSession } from '../database/engine-database.js';
import { finiteTime } from '../database/epoch-text.store.js';

/** Where one consumer (one partition of it) stands. Counts and seconds are numbers, times the database's. */
export interface CursorStatus {
  consumerName: string;
  partition: number;
  partitions: number;
  eventNames: string[];
  /** Positions of the log that are not settled, whatever their event names; rolled-back ones count until they are swept. */
  pendingPositions: number;
  /** Age of the oldest event that is not settled; null if there is none. */
  lagSeconds: number | null;
  paused: boolean;
  /** Its handlers say that something they need is out of reach (`UnavailableError`): since when and why; null: they do not. */
  unavailable: { since: Date; reason: string } | null;
  /** The number of partitions that it is about to have; null: no change is under way. */
  repartitioningTo: number | null;
  /** The process that holds the lease; null if nobody does. Host and pid are null for a process that is not listed. */
  owner: { id: string; host: string | null; pid: number | null } | null;
  lastProgressAt: Date | null;
  /** When a live process was last known to be able to work on it; noted about once an hour. */
  servedAt: Date;
  deadLetters: number;
}

interface CursorStatusRow extends Omit<CursorStatus, 'owner' | 'unavailable'> {
  unavailable: { since: string; reason: string } | null;
  ownerId: string | null;
  host: string | null;
  pid: number | null;
}

/** Reads how far consumers are, without touching what they work on. */
export class CursorStatusStore {
  private readonly listSql: string;

  constructor(
    private readonly db: EngineSession,
    schema: string,
  ) {
    // The backlog is arithmetic on `unread` cut off at the log's head: it costs the same however long the log is. The age
    // takes one index probe per range of `unread`, which come out of unnest in ascending order, up to the first that still has an event.
    this.listSql = `
      WITH head AS MATERIALIZED (
        SELECT int8multirange(int8range(NULL, coalesce(max(position), 0), '[]')) AS written FROM "${schema}".outbox_event
      ), dead AS MATERIALIZED (
        SELECT consumer.name AS consumer_name, letters.partition, letters.count
        FROM (SELECT DISTINCT consumer_name AS name FROM "${schema}".inbox_cursor) AS consumer
        CROSS JOIN LATERAL (
          SELECT partition, count(*) AS count FROM "${schema}".inbox_event
          WHERE consumer_name = consumer.name AND status = 'dead_letter' GROUP BY partition
        ) AS letters
      )
      SELECT c.consumer_name AS "consumerName", c.partition, c.partitions, c.event_names AS "eventNames",
        backlog.positions AS "pendingPositions",
        greatest(0, extract(epoch FROM clock_timestamp() - ${finiteTime('oldest.created_at')}))::float8 AS "lagSeconds",
        c.paused_at IS NOT NULL AS paused, c.repartition_to AS "repartitioningTo",
        CASE WHEN c.lease_expires_at > clock_timestamp() THEN c.lease_owner END AS "ownerId",
        CASE WHEN c.lease_expires_at > clock_timestamp() THEN p.unavailable -> (c.consumer_name || '/' || c.partition) END AS unavailable,
        p.host, p.pid, c.last_progress_at AS "lastProgressAt", c.served_at AS "servedAt", coalesce(dead.count, 0) AS "deadLetters"
      FROM "${schema}".inbox_cursor c
      CROSS JOIN head
      CROSS JOIN LATERAL (
        SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint AS positions FROM unnest(c.unread * head.written) AS r
      ) AS backlog
      LEFT JOIN LATERAL (
        SELECT e.created_at FROM unnest(c.unread * head.written) AS r
        CROSS JOIN LATERAL (
          SELECT created_at FROM "${schema}".outbox_event
          WHERE position >= lower(r) AND position < upper(r) ORDER BY position LIMIT 1
        ) AS e LIMIT 1
      ) AS oldest ON true
      LEFT JOIN "${schema}".integration_process p ON p.id = c.lease_owner
      LEFT JOIN dead ON dead.consumer_name = c.consumer_name AND dead.partition = c.partition
      ORDER BY c.consumer_name, c.partition`;
  }

  /** Every registered consumer, by name and partition. */
  async list(): Promise<CursorStatus[]> {
    const rows = await this.db.query<CursorStatusRow>(this.listSql);
    return rows.map(({ ownerId, host, pid, unavailable, ...row }) => ({
      ...row,
      unavailable: unavailable && { since: new Date(unavailable.since), reason: unavailable.reason },
      owner: ownerId === null ? null : { id: ownerId, host, pid },
    }));
  }
}
