import type { EngineSession } from '../database/sql/engine-session.js';
import type { Tables } from '../database/sql/tables.js';
import { waitLongerForLocks } from './chosen/inbox-admin.store.js';
import { replaysOfAll } from './replays-column.store.js';

/** A cursor row of a consumer whose number of partitions may be changed. */
export interface StoredPartition {
  readonly partition: number;
  readonly partitions: number;
  readonly repartitionTo: number | null;
  readonly heldBack: boolean;
  readonly cutOver: number | null;
  readonly leased: boolean;
  readonly hasToken: boolean;
  readonly askedAt: string;
}

/**
 * The statements on a consumer's cursor rows while its number of partitions changes. Each statement belongs
 * to a transaction that holds all these rows. `repartition-steps.ts` explains what each one is for.
 */
export class RepartitionCursors {
  private readonly cursor: string;
  private readonly log: string;
  private readonly partitionOf: string;

  constructor(tables: Tables) {
    this.cursor = tables.inboxCursor;
    this.log = tables.outboxEvent;
    this.partitionOf = tables.integrationPartition;
  }

  /** Locks and returns the row of every partition. */
  async lockPartitions(session: EngineSession, consumerName: string): Promise<StoredPartition[]> {
    await waitLongerForLocks(session);
    return session.query<StoredPartition>(
      `SELECT partition, partitions, repartition_to AS "repartitionTo", held_back AS "heldBack", cut_over AS "cutOver",
         lease_token IS NOT NULL AND coalesce(lease_expires_at > clock_timestamp(), false) AS leased,
         lease_token IS NOT NULL AS "hasToken", coalesce(repartition_asked_at::text, '') AS "askedAt"
       FROM ${this.cursor} WHERE consumer_name = $1 ORDER BY partition FOR UPDATE`,
      [consumerName],
    );
  }

  /** Does step 1. A second request for the same number does not begin again. */
  async noteRequest(session: EngineSession, consumerName: string, partitions: number): Promise<void> {
    await session.query(
      `UPDATE ${this.cursor} SET repartition_to = $2, held_back = true,
         repartition_asked_at = CASE WHEN repartition_to = $2 THEN repartition_asked_at ELSE clock_timestamp() END
       WHERE consumer_name = $1`,
      [consumerName, partitions],
    );
  }

  /** Whether more than `few` events are unread in some partitions and settled in others. */
  async differByMore(session: EngineSession, consumerName: string, few: number): Promise<boolean> {
    const [row] = await session.query<{ count: number }>(
      `WITH ${this.difference}
       SELECT count(*) AS count FROM (
         SELECT 1 FROM difference d CROSS JOIN LATERAL (
           SELECT 1 FROM ${this.log} e WHERE e.position >= lower(d.range) AND e.position < coalesce(upper(d.range), 9223372036854775807)
           LIMIT $2
         ) each_row LIMIT $2
       ) counted`,
      [consumerName, few + 1],
    );
    return (row?.count ?? 0) > few;
  }

  /** Sets whether the cursors are held back. While they are, nobody claims them, and owners hand over. */
  async hold(session: EngineSession, consumerName: string, held: boolean): Promise<void> {
    await session.query(`UPDATE ${this.cursor} SET held_back = $2 WHERE consumer_name = $1`, [
      consumerName,
      held,
    ]);
  }

  /** The cut-over is the tail that is furthest ahead. Nobody has read beyond it. */
  async cutOver(session: EngineSession, consumerName: string): Promise<void> {
    await session.query(
      `UPDATE ${this.cursor} SET held_back = false, cut_over = (
         SELECT max(lower(r)) FROM ${this.cursor} o, unnest(o.unread) r WHERE o.consumer_name = $1 AND upper_inf(r))
       WHERE consumer_name = $1`,
      [consumerName],
    );
  }

  /** Does step 3. */
  async change(session: EngineSession, consumerName: string, from: number, to: number): Promise<void> {
    const unread = to % from === 0 ? this.inheritedSql : this.sortedOutSql;
    const cursors = await session.query<{ partition: number; unread: string }>(unread, [
      consumerName,
      from,
      to,
    ]);
    const inserted = await session.query(this.replaceSql, [
      consumerName,
      to,
      cursors.map((cursor) => cursor.partition),
      cursors.map((cursor) => cursor.unread),
    ]);
    if (inserted.length !== to) throw new Error(`repartitioning made ${inserted.length} of ${to} cursors`);
    await session.query(`DELETE FROM ${this.cursor} WHERE consumer_name = $1 AND partition >= $2`, [
      consumerName,
      to,
    ]);
  }

  /** Ends step 4. */
  async free(session: EngineSession, consumerName: string): Promise<void> {
    await session.query(
      `UPDATE ${this.cursor} SET repartition_to = NULL, repartition_asked_at = NULL, held_back = false
       WHERE consumer_name = $1`,
      [consumerName],
    );
  }

  /** The ranges that are unread in some partitions and settled in others. */
  private get difference(): string {
    return `old AS MATERIALIZED (SELECT partition, unread FROM ${this.cursor} WHERE consumer_name = $1),
      common AS MATERIALIZED (SELECT range_intersect_agg(unread) AS positions FROM old),
      difference AS MATERIALIZED (
        SELECT unnest((SELECT range_agg(r) FROM old, unnest(old.unread) r) - common.positions) AS range FROM common
      )`;
  }

  private get inheritedSql(): string {
    return `
      SELECT n.partition, c.unread::text AS unread FROM generate_series(0, $3::int - 1) AS n (partition)
      JOIN ${this.cursor} c ON c.consumer_name = $1 AND c.partition = n.partition % $2::int`;
  }

  private get sortedOutSql(): string {
    return `
      WITH ${this.difference}, pending AS (
        SELECT CASE WHEN $3::int = 1 THEN 0 ELSE ${this.partitionOf}(e.aggregate_type, e.aggregate_id, $3::int) END AS partition,
               range_agg(int8range(e.position, e.position, '[]')) AS positions
        FROM difference d
        CROSS JOIN LATERAL (
          SELECT position, aggregate_type, aggregate_id FROM ${this.log}
          WHERE position >= lower(d.range) AND position < coalesce(upper(d.range), 9223372036854775807) OFFSET 0
        ) e
        JOIN old ON old.partition = CASE WHEN $2::int = 1 THEN 0 ELSE ${this.partitionOf}(e.aggregate_type, e.aggregate_id, $2::int) END
        WHERE e.position <@ old.unread
        GROUP BY 1
      )
      SELECT n.partition, (common.positions + coalesce(pending.positions, '{}'))::text AS unread
      FROM generate_series(0, $3::int - 1) AS n (partition)
      CROSS JOIN common LEFT JOIN pending ON pending.partition = n.partition`;
  }

  // A lease that ran out ended uncleanly. Its token is removed, so nothing under it can be saved any more.
  private get replaceSql(): string {
    return `
      INSERT INTO ${this.cursor} AS c (consumer_name, partition, partitions, event_names, starts_at, unread, read_upto,
        unclean_takeovers, changed_by_others, paused_at, paused_by, pause_reason, registered_at, last_progress_at, served_at,
        repartition_to, repartition_asked_at, replays,
        held_back)
      SELECT $1, n.partition, $2::int, old.event_names, old.starts_at, n.unread::int8multirange, old.read_upto,
        old.unclean_takeovers, old.changed_by_others, old.paused_at, old.paused_by, old.pause_reason, old.registered_at, old.last_progress_at,
        old.served_at, $2::int, old.asked_at, old.replays,
        true
      FROM unnest($3::int[], $4::text[]) AS n (partition, unread)
      CROSS JOIN (
        SELECT (SELECT event_names FROM ${this.cursor} WHERE consumer_name = $1 ORDER BY partition LIMIT 1) AS event_names,
          min(starts_at) AS starts_at, max(read_upto) AS read_upto, max(unclean_takeovers + (lease_token IS NOT NULL)::int) AS unclean_takeovers, max(changed_by_others) + 1 AS changed_by_others,
          min(paused_at) AS paused_at, min(paused_by) AS paused_by, min(pause_reason) AS pause_reason,
          min(registered_at) AS registered_at, max(last_progress_at) AS last_progress_at,
          max(served_at) AS served_at, min(repartition_asked_at) AS asked_at, ${replaysOfAll(this.cursor)} AS replays
        FROM ${this.cursor} WHERE consumer_name = $1
      ) old
      ON CONFLICT (consumer_name, partition) DO UPDATE
      SET partitions = excluded.partitions, unread = excluded.unread, starts_at = excluded.starts_at, read_upto = excluded.read_upto,
          unclean_takeovers = excluded.unclean_takeovers, changed_by_others = excluded.changed_by_others,
          lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL,
          replayed = '{}', replays = excluded.replays, repartition_to = excluded.repartition_to, repartition_asked_at = excluded.repartition_asked_at,
          held_back = true, cut_over = NULL
      RETURNING 1`;
  }
}
