import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { backendGone } from '../database/sql/backend-gone.store.js';
import { finiteTime } from '../database/sql/epoch-text.store.js';
import type { CurrentRates } from '../rates/consumer-rates.js';
import { currentRatesSql } from '../rates/consumer-rates.store.js';
import { COUNTED_TO } from '../rates/counted.js';
import { unreadLooks } from './unread-look.store.js';
import { unservedSince } from './unserved.store.js';

/** Rows of the log that are looked at for each partition of one consumer, to count up to 10,000 events. */
const PENDING_LOOKED_AT = 20_000;

/**
 * The state of one partition of a consumer. Counts and seconds are numbers. Times are by the clock of the
 * database.
 */
export interface CursorStatus {
  consumerName: string;
  partition: number;
  partitions: number;
  eventNames: string[];
  /**
   * Number of positions of the log that are not settled, with any event name. Positions that were rolled back
   * count until they are swept.
   */
  pendingPositions: number;
  /**
   * Number of events among them that the consumer asks for. An event whose first attempt runs is one of them
   * until that ends. Null when there are more than 2,000 positions, because then they are not looked at one
   * by one.
   */
  pendingEvents: number | null;
  /**
   * Age in seconds of the oldest unsettled event that the consumer asks for. Null if there is none. When
   * `pendingEvents` is null, it may be the age of an event that the consumer does not ask for.
   */
  lagSeconds: number | null;
  /**
   * Whether the consumer may not be behind by `lagSeconds`: it asks for none of the 2,000 events that were
   * looked at, and there are more.
   */
  lagIsAtMost: boolean;
  /** The position of the event whose age `lagSeconds` is. Null if there is none. */
  oldestPosition: number | null;
  paused: boolean;
  /** Since when it is paused. Null when it is not. */
  pausedSince: Date | null;
  /** Who paused it, and why. Null when that was not said, or when it is not paused. */
  pausedBy: string | null;
  pauseReason: string | null;
  /**
   * Since when and why the consumer's handlers cannot reach something they need (`UnavailableError`). Null
   * when they can.
   */
  unavailable: { since: Date; reason: string } | null;
  /** The number of partitions that the consumer is about to have. Null when no change is running. */
  repartitioningTo: number | null;
  /**
   * The process that holds the lease. Null if nobody holds it. Host and pid are null for a process that is
   * not listed.
   */
  owner: { id: string; host: string | null; pid: number | null } | null;
  /**
   * When the owner was last seen, if its connection to the database is gone. Such an owner has ended without
   * giving the lease back, or is about to connect again. Null when the connection is there, or when nobody
   * holds the lease.
   */
  ownerNotSeenSince: Date | null;
  lastProgressAt: Date | null;
  /** When a live process was last known to be able to work on it. It is noted about once an hour. */
  servedAt: Date;
  /**
   * Number of dead letters. Of a consumer with more than 10,000, the first 10,000 by position are counted,
   * and `deadLettersAtLeast` is true.
   */
  deadLetters: number;
  /** Whether the consumer has more dead letters than were counted. */
  deadLettersAtLeast: boolean;
  /**
   * Since when no process may work on the consumer although some know it, because their code lacks event
   * names that are stored for it. Null when that is not so, or has been so for less than a minute.
   */
  unservedSince: Date | null;
}

/**
 * The events that a consumer has still to handle, in these partitions together. Where they were not counted,
 * its positions stand for them, which may be of other events as well.
 */
export function pendingIn(cursors: readonly Pick<CursorStatus, 'pendingEvents' | 'pendingPositions'>[]): {
  readonly events: number;
  readonly isCounted: boolean;
} {
  return {
    events: cursors.reduce(
      (sum, { pendingEvents, pendingPositions }) => sum + (pendingEvents ?? pendingPositions),
      0,
    ),
    isCounted: cursors.every(({ pendingEvents }) => pendingEvents !== null),
  };
}

interface CursorStatusRow extends Omit<CursorStatus, 'owner' | 'unavailable'> {
  unavailable: { since: string; reason: string } | null;
  ownerId: string | null;
  host: string | null;
  pid: number | null;
}

/** A cursor that another process works on. */
export interface LeftToOther {
  consumerName: string;
  partition: number;
  /** The process that holds the lease. Host and pid are null for a process that is not listed. */
  owner: { id: string; host: string | null; pid: number | null };
  /** When the lease runs out, unless its owner renews it. Another process may take over then. */
  until: Date;
}

/** Which consumers are listed: one, or those with a name after `after`, at most `limit`. */
export interface ConsumerSelection {
  consumerName?: string | undefined;
  /** A text that their names contain. */
  nameContains?: string | undefined;
  /** Only those that are paused, or only the others. */
  paused?: boolean | undefined;
  after?: string | undefined;
  limit?: number | undefined;
}

/** Reads how far consumers are, without touching what they work on. */
@Injectable()
export class CursorStatusStore {
  private readonly listSql: string;
  private readonly leftSql: string;
  private readonly heldSql: string;
  private readonly pendingSql: string;

  constructor(private readonly db: EngineDatabase) {
    const { schema, tables } = db;
    const looks = unreadLooks(schema);
    this.leftSql = `
      WITH ${looks.head}
      SELECT c.consumer_name AS "consumerName", c.partition, c.lease_owner AS "ownerId", p.host, p.pid, c.lease_expires_at AS until
      FROM ${tables.inboxCursor} c
      CROSS JOIN head
      CROSS JOIN ${looks.asked}
      CROSS JOIN ${looks.positions}
      CROSS JOIN ${looks.oldest}
      LEFT JOIN ${tables.integrationProcess} p ON p.id = c.lease_owner
      WHERE c.consumer_name = ANY ($1) AND c.lease_owner <> $2 AND c.lease_expires_at > clock_timestamp()
        AND (first_unread.position IS NOT NULL
          OR EXISTS (SELECT FROM ${tables.inboxEvent} i WHERE i.consumer_name = c.consumer_name AND i.partition = c.partition
            AND i.status IN ('received', 'failed') AND i.available_at < 'infinity' AND i.available_at <= clock_timestamp())
          OR EXISTS (SELECT FROM ${tables.inboxEvent} i WHERE i.consumer_name = c.consumer_name AND i.partition = c.partition
            AND i.status = 'processing'))
      ORDER BY c.consumer_name, c.partition`;
    this.heldSql = `
      SELECT c.consumer_name AS "consumerName", c.partition, c.lease_owner AS "ownerId", p.host, p.pid, c.lease_expires_at AS until
      FROM ${tables.inboxCursor} c
      LEFT JOIN ${tables.integrationProcess} p ON p.id = c.lease_owner
      WHERE c.consumer_name = ANY ($1) AND c.lease_owner <> $2 AND c.lease_expires_at > clock_timestamp()
      ORDER BY c.consumer_name, c.partition`;
    const many = unreadLooks(schema, PENDING_LOOKED_AT);
    this.pendingSql = `
      WITH ${many.head}
      SELECT coalesce(sum(counted.events), 0)::bigint AS events, coalesce(bool_or(counted.more), false) AS more
      FROM ${tables.inboxCursor} c CROSS JOIN head CROSS JOIN ${many.asked} CROSS JOIN ${many.counted}
      WHERE c.consumer_name = $1`;
    // `IN` with a list that is made once: one consumer, or a page of them by name.
    const chosen = `consumer_name IN (
        SELECT DISTINCT consumer_name FROM ${tables.inboxCursor}
        WHERE ($1::text IS NULL OR consumer_name = $1) AND ($2::text IS NULL OR consumer_name > $2)
          AND ($4::text IS NULL OR position($4 IN consumer_name) > 0)
          AND ($5::boolean IS NULL OR $5 = (paused_at IS NOT NULL))
        ORDER BY consumer_name LIMIT $3::int)`;
    // The backlog is computed from `unread`, cut off at the head of the log. So it costs the same for a log
    // of any length. The dead letters of a consumer with one partition are counted in the index alone.
    this.listSql = `
      WITH ${looks.head}, letters AS MATERIALIZED (
        SELECT consumer.name, first.partition FROM (SELECT DISTINCT consumer_name AS name FROM ${tables.inboxCursor} WHERE partitions > 1 AND ${chosen}) AS consumer
        CROSS JOIN LATERAL (
          SELECT partition FROM ${tables.inboxEvent} WHERE consumer_name = consumer.name AND status = 'dead_letter'
          ORDER BY position LIMIT ${COUNTED_TO + 1}
        ) AS first
      ), dead AS MATERIALIZED (
        SELECT name, partition, count(*) AS count, sum(count(*)) OVER (PARTITION BY name) AS of_consumer FROM letters GROUP BY name, partition
        UNION ALL
        SELECT consumer_name, partition, counted.count, counted.count FROM ${tables.inboxCursor} AS single
        CROSS JOIN LATERAL (
          SELECT count(*) AS count FROM (
            SELECT 1 FROM ${tables.inboxEvent} WHERE consumer_name = single.consumer_name AND status = 'dead_letter' LIMIT ${COUNTED_TO + 1}
          ) AS first
        ) AS counted WHERE single.partitions = 1 AND ${chosen}
      )
      SELECT c.consumer_name AS "consumerName", c.partition, c.partitions, c.event_names AS "eventNames",
        backlog.positions AS "pendingPositions",
        wanted.events AS "pendingEvents",
        CASE WHEN oldest.created_at IS NOT NULL
          THEN greatest(0, extract(epoch FROM clock_timestamp() - ${finiteTime('oldest.created_at')}))::float8 END AS "lagSeconds",
        oldest.created_at IS NOT NULL AND NOT first_unread.is_asked AS "lagIsAtMost",
        c.paused_at IS NOT NULL AS paused, c.paused_at AS "pausedSince",
        c.paused_by AS "pausedBy", c.pause_reason AS "pauseReason", c.repartition_to AS "repartitioningTo",
        CASE WHEN c.lease_expires_at > clock_timestamp() THEN c.lease_owner END AS "ownerId",
        CASE WHEN c.lease_expires_at > clock_timestamp() THEN p.unavailable -> (c.consumer_name || '/' || c.partition) END AS unavailable,
        CASE WHEN c.lease_expires_at > clock_timestamp() AND ${backendGone('p')} THEN p.seen_at END AS "ownerNotSeenSince",
        p.host, p.pid, c.last_progress_at AS "lastProgressAt", c.served_at AS "servedAt", least(coalesce(dead.count, 0), ${COUNTED_TO}) AS "deadLetters",
        coalesce(dead.of_consumer > ${COUNTED_TO}, false) AS "deadLettersAtLeast", oldest.position AS "oldestPosition",
        ${unservedSince(schema, 'c')} AS "unservedSince"
      FROM ${tables.inboxCursor} c
      CROSS JOIN head
      CROSS JOIN ${looks.asked}
      CROSS JOIN ${looks.positions}
      CROSS JOIN ${looks.oldest}
      CROSS JOIN ${looks.wanted}
      LEFT JOIN ${tables.outboxEvent} AS oldest ON oldest.position = first_unread.position
      LEFT JOIN ${tables.integrationProcess} p ON p.id = c.lease_owner
      LEFT JOIN dead ON dead.name = c.consumer_name AND dead.partition = c.partition
      WHERE c.${chosen}
      ORDER BY c.consumer_name, c.partition`;
  }

  /** Returns the cursors of these consumers that another process works on and that have something to do. */
  async leftToOthers(consumerNames: readonly string[], processId: string): Promise<LeftToOther[]> {
    return this.ofOthers(this.leftSql, consumerNames, processId);
  }

  /** Returns the cursors of these consumers that another process works on. */
  async heldByOthers(consumerNames: readonly string[], processId: string): Promise<LeftToOther[]> {
    return this.ofOthers(this.heldSql, consumerNames, processId);
  }

  private async ofOthers(sql: string, names: readonly string[], processId: string): Promise<LeftToOther[]> {
    const rows = await this.db.query<
      Omit<LeftToOther, 'owner'> & { ownerId: string; host: string | null; pid: number | null }
    >(sql, [names, processId]);
    return rows.map(({ ownerId, host, pid, ...row }) => ({ ...row, owner: { id: ownerId, host, pid } }));
  }

  /**
   * Counts the events that one consumer asks for and has not settled, among 20,000 rows of the log for each
   * partition. `more` tells that there are more rows.
   */
  async countPending(consumerName: string): Promise<{ events: number; more: boolean }> {
    const [row] = await this.db.query<{ events: number; more: boolean }>(this.pendingSql, [consumerName]);
    return row ?? { events: 0, more: false };
  }

  /**
   * Returns the partitions of one registered consumer, of some, or of all, and the rates of the last minute,
   * by one statement. `gapMs` is the longest time between two samples. Without consumers there are no rates.
   */
  async withRates(
    gapMs: number,
    selection: ConsumerSelection = {},
  ): Promise<{ statuses: CursorStatus[]; rates: CurrentRates | undefined }> {
    const gap = `$6::float8 * interval '1 millisecond'`;
    const rows = await this.db.query<CursorStatusRow & { rates: CurrentRates }>(
      `SELECT s.*, r.rates FROM (${this.listSql}) AS s CROSS JOIN (SELECT ${currentRatesSql(this.db.tables, gap)} AS rates) AS r`,
      [...valuesOf(selection), gapMs],
    );
    return { statuses: rows.map(({ rates: _, ...row }) => statusOf(row)), rates: rows[0]?.rates };
  }

  /** Returns the partitions of one registered consumer, of some, or of all, by name and partition. */
  async cursorStatuses(selection: ConsumerSelection = {}): Promise<CursorStatus[]> {
    const rows = await this.db.query<CursorStatusRow>(this.listSql, valuesOf(selection));
    return rows.map(statusOf);
  }
}

function statusOf({ ownerId, host, pid, unavailable, ...row }: CursorStatusRow): CursorStatus {
  return {
    ...row,
    unavailable: unavailable && { since: new Date(unavailable.since), reason: unavailable.reason },
    owner: ownerId === null ? null : { id: ownerId, host, pid },
  };
}

function valuesOf({ consumerName, after, limit, nameContains, paused }: ConsumerSelection): unknown[] {
  return [consumerName ?? null, after ?? null, limit ?? null, nameContains ?? null, paused ?? null];
}
