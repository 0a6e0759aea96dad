import { isNotPaused } from '../changes/chosen/replay-request.store.js';
import type { EngineDatabase } from '../database/engine-database.js';

/** A change of a consumer's number of partitions that makes no progress. */
export interface StuckRepartition {
  readonly consumerName: string;
  readonly partitions: number;
  readonly repartitionTo: number;
  readonly askedAt: Date;
  readonly paused: boolean;
  /** Partitions whose owners have not handed over yet. */
  readonly leased: readonly number[];
  /** Partitions that have not reached the cut-over position yet. */
  readonly behind: readonly number[];
}

/** A replay request that makes no progress. */
export interface StuckReplay {
  readonly id: string;
  readonly consumerName: string;
  readonly nextPosition: number;
  readonly toPosition: number;
  readonly progressedAt: Date;
  readonly paused: boolean;
  readonly owned: boolean;
}

/** A redrive or a discard that runs and has had no portion for long. */
export interface StuckOperation {
  readonly id: string;
  readonly kind: string;
  readonly changed: number;
  readonly plannedEvents: number;
  readonly progressedAt: Date;
  /** Whether a process holds it at this moment. Then each of its portions fails. */
  readonly held: boolean;
}

/** Reads the work that admins have asked of consumers and that makes no progress. */
export class AdminWorkStore {
  private readonly cursor: string;
  private readonly replay: string;
  private readonly operation: string;

  constructor(private readonly db: EngineDatabase) {
    this.operation = db.tables.integrationOperation;
    this.cursor = db.tables.inboxCursor;
    this.replay = db.tables.inboxReplay;
  }

  /**
   * Changes that were asked for at least this many minutes ago, while no partition has saved anything for as
   * long.
   */
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
   * Requests that nobody has paused, that are open and have sent no window for `minutes`, while the consumer
   * has saved nothing either. A request that has sent none for `longMinutes` counts whatever else the
   * consumer does. While many of its events are due, a request waits for them.
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
       WHERE r.finished_at IS NULL AND ${isNotPaused('r', this.db.tables)} AND r.progressed_at < clock_timestamp() - $1 * interval '1 minute'
         AND (r.progressed_at < clock_timestamp() - $2 * interval '1 minute'
           OR coalesce(c.last_progress_at, '-infinity') < clock_timestamp() - $1 * interval '1 minute')
         AND NOT EXISTS (
           SELECT FROM ${this.replay} o WHERE o.consumer_name = r.consumer_name AND o.finished_at IS NULL
             AND ${isNotPaused('o', this.db.tables)} AND (o.created_at, o.id) < (r.created_at, r.id))
       ORDER BY r.consumer_name, r.created_at`,
      [minutes, longMinutes],
    );
  }

  /**
   * Operations that run and have had no portion for `minutes`. Whoever works on one notes each portion, also
   * an empty one. A replay is not among them: the owner of its consumer works it off, see `stuckReplays`.
   */
  stuckOperations(minutes: number): Promise<StuckOperation[]> {
    return this.db.query<StuckOperation>(
      `SELECT id, kind, changed, planned_events AS "plannedEvents", coalesce(progressed_at, started_at) AS "progressedAt",
         coalesce(lease_expires_at > clock_timestamp(), false) AS held
       FROM ${this.operation}
       WHERE state = 'running' AND kind <> 'replay'
         AND coalesce(progressed_at, started_at) < clock_timestamp() - $1 * interval '1 minute'
       ORDER BY created_at, id LIMIT 100`,
      [minutes],
    );
  }
}
