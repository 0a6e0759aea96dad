import type { EngineDatabase } from '../database/engine-database.js';

/** A change of a consumer's number of partitions that gets nowhere. */
export interface StuckRepartition {
  readonly consumerName: string;
  readonly partitions: number;
  readonly repartitionTo: number;
  readonly askedAt: Date;
  readonly paused: boolean;
  /** Partitions whose owners have not handed over. */
  readonly leased: readonly number[];
  /** Partitions that have not reached the cut-over position. */
  readonly behind: readonly number[];
}

/** A replay request that gets nowhere. */
export interface StuckReplay {
  readonly id: string;
  readonly consumerName: string;
  readonly nextPosition: number;
  readonly toPosition: number;
  readonly progressedAt: Date;
  readonly paused: boolean;
  readonly owned: boolean;
}

/** What admins have asked of consumers and what nobody gets on with. */
export class AdminWorkStore {
  private readonly cursor: string;
  private readonly replay: string;

  constructor(private readonly db: EngineDatabase) {
    this.cursor = db.tables.inboxCursor;
    this.replay = db.tables.inboxReplay;
  }

  /** Asked for so many minutes ago, and no partition has saved anything for as long. */
  stuckRepartitions(minutes: number): Promise<StuckRepartition[]> {
    return this.db.query<StuckRepartition>(
      `SELECT consumer_name AS "consumerName", max(partitions) AS partitions, max(repartition_to) AS "repartitionTo",
         max(repartition_asked_at) AS "askedAt", bool_or(paused_at IS NOT NULL) AS paused,
         coalesce(array_agg(partition ORDER BY partition) FILTER (WHERE lease_expires_at > clock_timestamp()), '{}') AS leased,
         coalesce(array_agg(partition ORDER BY partition) FILTER (
           WHERE NOT held_back AND unread && int8multirange(int8range(NULL, cut_over)) AND cut_over IS NOT NULL), '{}') AS behind
       FROM ${this.cursor} WHERE repartition_to IS NOT NULL GROUP BY consumer_name
       HAVING max(repartition_asked_at) < clock_timestamp() - $1 * interval '1 minute'
         AND coalesce(max(last_progress_at), '-infinity') < clock_timestamp() - $1 * interval '1 minute'
       ORDER BY consumer_name`,
      [minutes],
    );
  }

  /**
   * Open, and no window of it was sent for so many minutes, in which the consumer has saved nothing either;
   * or for `longMinutes` whatever else it does. While enough of its events are due it waits for them.
   */
  stuckReplays(minutes: number, longMinutes: number): Promise<StuckReplay[]> {
    return this.db.query<StuckReplay>(
      `SELECT r.id, r.consumer_name AS "consumerName", r.next_position AS "nextPosition", r.to_position AS "toPosition",
         r.progressed_at AS "progressedAt", c.paused, c.owned
       FROM ${this.replay} r CROSS JOIN LATERAL (
         SELECT bool_or(paused_at IS NOT NULL) AS paused, max(last_progress_at) AS last_progress_at,
           coalesce(bool_or(lease_expires_at > clock_timestamp()), false) AS owned
         FROM ${this.cursor} WHERE consumer_name = r.consumer_name
       ) c
       WHERE r.finished_at IS NULL AND r.progressed_at < clock_timestamp() - $1 * interval '1 minute'
         AND (r.progressed_at < clock_timestamp() - $2 * interval '1 minute'
           OR coalesce(c.last_progress_at, '-infinity') < clock_timestamp() - $1 * interval '1 minute')
         AND NOT EXISTS (
           SELECT FROM ${this.replay} o WHERE o.consumer_name = r.consumer_name AND o.finished_at IS NULL
             AND (o.created_at, o.id) < (r.created_at, r.id))
       ORDER BY r.consumer_name, r.created_at`,
      [minutes, longMinutes],
    );
  }
}
