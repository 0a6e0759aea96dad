import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { backendGone } from '../database/sql/backend-gone.store.js';
import { finiteTime } from '../database/sql/epoch-text.store.js';
import { unservedSince } from './unserved.store.js';

/** Where one consumer (one partition of it) stands. Counts and seconds are numbers, times the database's. */
export interface CursorStatus {
  consumerName: string;
  partition: number;
  partitions: number;
  eventNames: string[];
  /**
   * Positions of the log that are not settled, whatever their event names; rolled-back ones count until they
   * are swept.
   */
  pendingPositions: number;
  /**
   * Of these, the events that it asks for; null: too many positions to look at them one by one (more than
   * 2,000).
   */
  pendingEvents: number | null;
  /**
   * Age of the oldest event that it asks for and has not settled; null if there is none. Where
   * `pendingEvents` is null, it may be that of an event that it does not ask for.
   */
  lagSeconds: number | null;
  paused: boolean;
  /**
   * Its handlers say that something they need is out of reach (`UnavailableError`): since when and why; null:
   * they do not.
   */
  unavailable: { since: Date; reason: string } | null;
  /** The number of partitions that it is about to have; null: no change is under way. */
  repartitioningTo: number | null;
  /**
   * The process that holds the lease; null if nobody does. Host and pid are null for a process that is not
   * listed.
   */
  owner: { id: string; host: string | null; pid: number | null } | null;
  /**
   * When its owner was last seen, where the owner's connection to the database is gone: it has ended without
   * giving the lease back, or is about to connect anew. Null: the connection is there, or nobody holds the
   * lease.
   */
  ownerNotSeenSince: Date | null;
  lastProgressAt: Date | null;
  /** When a live process was last known to be able to work on it; noted about once an hour. */
  servedAt: Date;
  deadLetters: number;
  /**
   * Since when no process may work on it although some know it, because their code lacks event names that are
   * stored for it; null: it is not so, or has not been so for a minute.
   */
  unservedSince: Date | null;
}

interface CursorStatusRow extends Omit<CursorStatus, 'owner' | 'unavailable'> {
  unavailable: { since: string; reason: string } | null;
  ownerId: string | null;
  host: string | null;
  pid: number | null;
}

/** A cursor that another process works on, with work left to do. */
export interface LeftToOther {
  consumerName: string;
  partition: number;
  /** Who holds the lease. Host and pid are null for a process that is not listed. */
  owner: { id: string; host: string | null; pid: number | null };
  /** When the lease runs out, unless its owner renews it; another process may take over then. */
  until: Date;
}

/** So many rows are looked at for each cursor. */
const LOOKED_AT = 2_000;

/** Reads how far consumers are, without touching what they work on. */
@Injectable()
export class CursorStatusStore {
  private readonly listSql: string;
  private readonly leftSql: string;

  constructor(private readonly db: EngineDatabase) {
    const { schema, tables } = db;
    const head = `head AS MATERIALIZED (
        SELECT int8multirange(int8range(NULL, coalesce(max(position), 0), '[]')) AS written FROM ${tables.outboxEvent}
      )`;
    // The ranges come out of unnest in ascending order, and each takes one index probe, up to so many rows.
    const looked = `LATERAL (
        SELECT count(*) AS rows, count(*) FILTER (WHERE wanted) AS wanted, min(position) AS first,
          min(position) FILTER (WHERE wanted) AS first_wanted
        FROM (
          SELECT e.position, (c.partitions = 1
              OR c.partition = ${tables.integrationPartition}(e.aggregate_type, e.aggregate_id, c.partitions))
            AND EXISTS (SELECT FROM unnest(c.event_names) AS n(name)
              WHERE n.name = e.event_name OR (right(n.name, 1) = '*' AND starts_with(e.event_name, left(n.name, -1)))) AS wanted
          FROM unnest(c.unread * head.written) AS r
          CROSS JOIN LATERAL (
            SELECT position, event_name, aggregate_type, aggregate_id FROM ${tables.outboxEvent}
            WHERE position >= lower(r) AND position < upper(r) ORDER BY position LIMIT ${LOOKED_AT + 1}
          ) AS e LIMIT ${LOOKED_AT + 1}
        ) AS each_row
      ) AS looked`;
    this.leftSql = `
      WITH ${head}
      SELECT c.consumer_name AS "consumerName", c.partition, c.lease_owner AS "ownerId", p.host, p.pid, c.lease_expires_at AS until
      FROM ${tables.inboxCursor} c
      CROSS JOIN head
      CROSS JOIN ${looked}
      LEFT JOIN ${tables.integrationProcess} p ON p.id = c.lease_owner
      WHERE c.consumer_name = ANY ($1) AND c.lease_owner <> $2 AND c.lease_expires_at > clock_timestamp()
        AND (looked.wanted > 0 OR looked.rows > ${LOOKED_AT}
          OR EXISTS (SELECT FROM ${tables.inboxEvent} i WHERE i.consumer_name = c.consumer_name AND i.partition = c.partition
            AND i.status IN ('received', 'failed') AND i.available_at < 'infinity' AND i.available_at <= clock_timestamp())
          OR EXISTS (SELECT FROM ${tables.inboxEvent} i WHERE i.consumer_name = c.consumer_name AND i.partition = c.partition
            AND i.status = 'processing'))
      ORDER BY c.consumer_name, c.partition`;
    // The backlog is arithmetic on `unread` cut off at the log's head: it costs the same however long the log
    // is.
    this.listSql = `
      WITH ${head}, dead AS MATERIALIZED (
        SELECT consumer.name AS consumer_name, letters.partition, letters.count
        FROM (SELECT DISTINCT consumer_name AS name FROM ${tables.inboxCursor}) AS consumer
        CROSS JOIN LATERAL (
          SELECT partition, count(*) AS count FROM ${tables.inboxEvent}
          WHERE consumer_name = consumer.name AND status = 'dead_letter' GROUP BY partition
        ) AS letters
      )
      SELECT c.consumer_name AS "consumerName", c.partition, c.partitions, c.event_names AS "eventNames",
        backlog.positions AS "pendingPositions",
        CASE WHEN looked.rows <= ${LOOKED_AT} THEN looked.wanted END AS "pendingEvents",
        CASE WHEN oldest.created_at IS NOT NULL
          THEN greatest(0, extract(epoch FROM clock_timestamp() - ${finiteTime('oldest.created_at')}))::float8 END AS "lagSeconds",
        c.paused_at IS NOT NULL AS paused, c.repartition_to AS "repartitioningTo",
        CASE WHEN c.lease_expires_at > clock_timestamp() THEN c.lease_owner END AS "ownerId",
        CASE WHEN c.lease_expires_at > clock_timestamp() THEN p.unavailable -> (c.consumer_name || '/' || c.partition) END AS unavailable,
        CASE WHEN c.lease_expires_at > clock_timestamp() AND ${backendGone('p')} THEN p.seen_at END AS "ownerNotSeenSince",
        p.host, p.pid, c.last_progress_at AS "lastProgressAt", c.served_at AS "servedAt", coalesce(dead.count, 0) AS "deadLetters",
        ${unservedSince(schema, 'c')} AS "unservedSince"
      FROM ${tables.inboxCursor} c
      CROSS JOIN head
      CROSS JOIN LATERAL (
        SELECT coalesce(sum(upper(r) - lower(r)), 0)::bigint AS positions FROM unnest(c.unread * head.written) AS r
      ) AS backlog
      CROSS JOIN ${looked}
      LEFT JOIN ${tables.outboxEvent} AS oldest
        ON oldest.position = coalesce(looked.first_wanted, CASE WHEN looked.rows > ${LOOKED_AT} THEN looked.first END)
      LEFT JOIN ${tables.integrationProcess} p ON p.id = c.lease_owner
      LEFT JOIN dead ON dead.consumer_name = c.consumer_name AND dead.partition = c.partition
      ORDER BY c.consumer_name, c.partition`;
  }

  /**
   * Those of these consumers' cursors that another process than this one works on, and that have something to
   * do.
   */
  async leftToOthers(consumerNames: readonly string[], processId: string): Promise<LeftToOther[]> {
    const rows = await this.db.query<
      Omit<LeftToOther, 'owner'> & { ownerId: string; host: string | null; pid: number | null }
    >(this.leftSql, [consumerNames, processId]);
    return rows.map(({ ownerId, host, pid, ...row }) => ({ ...row, owner: { id: ownerId, host, pid } }));
  }

  /** Every registered consumer, by name and partition. */
  async cursorStatuses(): Promise<CursorStatus[]> {
    const rows = await this.db.query<CursorStatusRow>(this.listSql);
    return rows.map(({ ownerId, host, pid, unavailable, ...row }) => ({
      ...row,
      unavailable: unavailable && { since: new Date(unavailable.since), reason: unavailable.reason },
      owner: ownerId === null ? null : { id: ownerId, host, pid },
    }));
  }
}
