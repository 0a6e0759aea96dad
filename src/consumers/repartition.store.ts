/*
 * Changing a consumer's number of partitions while it runs.
 *
 * What must hold: an aggregate changes its partition only when nothing of it is under way, and its new
 * partition knows what the old one has settled. What is settled below the highest tail is known by positions,
 * partition by partition; which position belongs to which partition only the log's rows say. Hence the steps,
 * each of them one transaction that holds all cursor rows of the consumer, taken by whoever looks first (its
 * owners' beats, or the one who asked), and repeatable after a crash:
 *
 *   1. asked: `repartition_to` is noted and the cursors are held back: nobody claims them, owners hand over
 *      cleanly (they finish, save, release). A lease that runs out instead is as good: its token is void from
 *      step 3 on.
 *   2. cut-over: Once nobody holds a lease: where the partitions differ by few events, step 3 follows at
 *      once. Otherwise the highest tail becomes the cut-over position C and the cursors are free again, but a
 *      claim is given what lies below C only: the partitions that are behind work it off, the others wait.
 *      When they differ by few events, they are held back again.
 *   3. change: Nobody holds a lease. For the new partition j a position is unread if it is unread in all old
 *      partitions, or if its event belongs to j and is unread in the partition that it belonged to. Old
 *      cursor rows go; the new ones stay held back.
 *   4. moving: Rows of the inbox that may come back move with their aggregates: order is kept, as their new
 *      owner finds them unresolved. A portion of them in each transaction: there may be millions. The last
 *      one sets the cursors free.
 *
 * Nobody claims a cursor between step 3 and the end of step 4, so it does not matter that rows stand in two
 * numberings meanwhile. That is why another number that is asked for in that time has to wait for the end:
 * its own step 2 would set the cursors free. A process that finds step 4 under way has no memory of it and
 * begins with step 3, which changes nothing the second time.
 *
 * A position that some old partitions have settled and that has no row in the log never will have one:
 * whoever settled it saw the row (retention has deleted it since) or has proved that it was never committed.
 * If the new number is a multiple of the old one, every new partition lies within an old one and takes over
 * its `unread` as it is.
 */
import { Injectable } from '@nestjs/common';
import { EngineDatabase, type EngineSession } from '../database/engine-database.js';
import { waitLongerForLocks } from './inbox-admin.store.js';
import { RepartitionRows, ROUND_BEGINS, type RoundOverRows } from './repartition-rows.store.js';

/** By how many events the partitions may differ at the change: each may become a piece of `unread`. */
const FEW_EVENTS = 2_000;

/**
 * `handing over`: somebody still holds a lease; `catching up`: partitions that are behind work up to the
 * cut-over position; `moving`: the consumer's failed and waiting events are being moved to their new
 * partitions.
 */
export type RepartitionState = 'unknown' | 'done' | 'handing over' | 'catching up' | 'moving';

/** What taking a step has come to. */
export interface RepartitionStep {
  readonly state: RepartitionState;
  /** The new number, if it was this step that changed it. */
  readonly changedTo?: number;
}

interface StoredPartition {
  readonly partition: number;
  readonly partitions: number;
  readonly repartitionTo: number | null;
  readonly heldBack: boolean;
  readonly cutOver: number | null;
  readonly leased: boolean;
  readonly hasToken: boolean;
  readonly askedAt: string;
}

/** A change whose cursors are done and whose rows are not. */
interface Moving {
  readonly askedAt: string;
  readonly round: RoundOverRows;
}

@Injectable()
export class RepartitionStore {
  private readonly cursor: string;
  private readonly log: string;
  private readonly partitionOf: string;
  private readonly rows: RepartitionRows;
  /** By consumer, what this process has begun to move. */
  private readonly moving = new Map<string, Moving>();

  constructor(private readonly db: EngineDatabase) {
    this.cursor = db.tables.inboxCursor;
    this.log = db.tables.outboxEvent;
    this.partitionOf = db.tables.integrationPartition;
    this.rows = new RepartitionRows(db.schema);
  }

  /** Step 1. Asking for the number that is stored calls back what was asked before. */
  async requestChange(consumerName: string, partitions: number): Promise<RepartitionState> {
    for (;;) {
      const state = await this.askUnlessMoving(consumerName, partitions);
      if (state !== 'moving') return state;
      await this.advance(consumerName);
    }
  }

  private askUnlessMoving(consumerName: string, partitions: number): Promise<RepartitionState> {
    return this.db.transaction(async (session) => {
      const stored = await this.lock(session, consumerName);
      const [first] = stored;
      if (first === undefined) return 'unknown';
      if (first.partitions !== partitions && isMoving(stored)) return 'moving';
      if (first.partitions === partitions && first.repartitionTo === null) return 'done';
      await session.query(
        `UPDATE ${this.cursor} SET repartition_to = $2, held_back = true,
           repartition_asked_at = CASE WHEN repartition_to = $2 THEN repartition_asked_at ELSE clock_timestamp() END
         WHERE consumer_name = $1`,
        [consumerName, partitions],
      );
      return 'handing over';
    });
  }

  /** The next step, if it can be taken now. */
  advance(consumerName: string): Promise<RepartitionStep> {
    return this.db.transaction(async (session) => {
      const stored = await this.lock(session, consumerName);
      const [first] = stored;
      if (first === undefined) return { state: 'unknown' };
      if (first.repartitionTo === null) return { state: 'done' };
      const leased = stored.some((each) => each.leased);
      const { partitions: from, repartitionTo: to } = first;
      const { askedAt } = first;
      const moving = isMoving(stored) ? this.moving.get(consumerName) : undefined;
      // What was begun for an earlier request says nothing about this one.
      if (moving?.askedAt === askedAt) return this.move(session, consumerName, to, moving);
      const differ = to % from !== 0 && (await this.differByMore(session, consumerName, FEW_EVENTS));
      if (differ && first.cutOver !== null) {
        if (first.heldBack) await this.hold(session, consumerName, false);
        return { state: 'catching up' };
      }
      if (leased) {
        if (!first.heldBack) await this.hold(session, consumerName, true);
        return { state: 'handing over' };
      }
      if (differ) {
        await this.cutOver(session, consumerName);
        return { state: 'catching up' };
      }
      await this.change(session, consumerName, from, to);
      return this.move(session, consumerName, to, { askedAt, round: ROUND_BEGINS });
    });
  }

  /** Step 4, one portion. */
  private async move(
    session: EngineSession,
    consumerName: string,
    to: number,
    { askedAt, round }: Moving,
  ): Promise<RepartitionStep> {
    const next = await this.rows.move(session, consumerName, to, round);
    if (next === undefined) {
      this.moving.delete(consumerName);
      await session.query(this.freeSql, [consumerName]);
      return { state: 'done', changedTo: to };
    }
    // A round that its transaction does not commit is as good as one that has gone too far: rounds follow
    // until one moves nothing.
    this.moving.set(consumerName, { askedAt, round: next });
    return { state: 'moving' };
  }

  private async lock(session: EngineSession, consumerName: string): Promise<StoredPartition[]> {
    await waitLongerForLocks(session);
    return session.query<StoredPartition>(
      `SELECT partition, partitions, repartition_to AS "repartitionTo", held_back AS "heldBack", cut_over AS "cutOver",
         lease_token IS NOT NULL AND coalesce(lease_expires_at > clock_timestamp(), false) AS leased,
         lease_token IS NOT NULL AS "hasToken", coalesce(repartition_asked_at::text, '') AS "askedAt"
       FROM ${this.cursor} WHERE consumer_name = $1 ORDER BY partition FOR UPDATE`,
      [consumerName],
    );
  }

  private async differByMore(session: EngineSession, consumerName: string, few: number): Promise<boolean> {
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

  private async hold(session: EngineSession, consumerName: string, held: boolean): Promise<void> {
    await session.query(`UPDATE ${this.cursor} SET held_back = $2 WHERE consumer_name = $1`, [
      consumerName,
      held,
    ]);
  }

  /** The tail that is furthest ahead: nobody has read beyond it. */
  private async cutOver(session: EngineSession, consumerName: string): Promise<void> {
    await session.query(
      `UPDATE ${this.cursor} SET held_back = false, cut_over = (
         SELECT max(lower(r)) FROM ${this.cursor} o, unnest(o.unread) r WHERE o.consumer_name = $1 AND upper_inf(r))
       WHERE consumer_name = $1`,
      [consumerName],
    );
  }

  private async change(
    session: EngineSession,
    consumerName: string,
    from: number,
    to: number,
  ): Promise<void> {
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

  /** As ranges: what is unread in some partitions and settled in others. */
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

  // A lease that ran out ended uncleanly; its token goes, so nothing of it can be saved any more.
  private get replaceSql(): string {
    return `
      INSERT INTO ${this.cursor} AS c (consumer_name, partition, partitions, event_names, starts_at, unread, read_upto,
        unclean_takeovers, changed_by_others, paused_at, registered_at, last_progress_at, served_at, repartition_to, repartition_asked_at,
        held_back)
      SELECT $1, n.partition, $2::int, old.event_names, old.starts_at, n.unread::int8multirange, old.read_upto,
        old.unclean_takeovers, old.changed_by_others, old.paused_at, old.registered_at, old.last_progress_at, old.served_at, $2::int, old.asked_at,
        true
      FROM unnest($3::int[], $4::text[]) AS n (partition, unread)
      CROSS JOIN (
        SELECT (SELECT event_names FROM ${this.cursor} WHERE consumer_name = $1 ORDER BY partition LIMIT 1) AS event_names,
          min(starts_at) AS starts_at, max(read_upto) AS read_upto, max(unclean_takeovers + (lease_token IS NOT NULL)::int) AS unclean_takeovers, max(changed_by_others) + 1 AS changed_by_others,
          min(paused_at) AS paused_at, min(registered_at) AS registered_at, max(last_progress_at) AS last_progress_at,
          max(served_at) AS served_at, min(repartition_asked_at) AS asked_at
        FROM ${this.cursor} WHERE consumer_name = $1
      ) old
      ON CONFLICT (consumer_name, partition) DO UPDATE
      SET partitions = excluded.partitions, unread = excluded.unread, starts_at = excluded.starts_at, read_upto = excluded.read_upto,
          unclean_takeovers = excluded.unclean_takeovers, changed_by_others = excluded.changed_by_others,
          lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL,
          replayed = '{}', repartition_to = excluded.repartition_to, repartition_asked_at = excluded.repartition_asked_at,
          held_back = true, cut_over = NULL
      RETURNING 1`;
  }

  private get freeSql(): string {
    return `UPDATE ${this.cursor} SET repartition_to = NULL, repartition_asked_at = NULL, held_back = false
      WHERE consumer_name = $1`;
  }
}

/** Step 3 is done and step 4 is not; or the stored number was asked for, and nobody has a lease. */
function isMoving(stored: readonly StoredPartition[]): boolean {
  return stored.every(
    ({ partitions, repartitionTo, heldBack, hasToken }) =>
      partitions === repartitionTo && heldBack && !hasToken,
  );
}
