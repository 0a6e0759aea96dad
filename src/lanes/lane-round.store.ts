import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import type { TargetState } from './lane-work.js';
import type { LaneKind } from './outgoing-target.store.js';

/** A target that may have an item to run. */
export interface ReadyTarget {
  readonly id: string;
  readonly lane: number;
  readonly failures: number;
  /** Milliseconds until its next item may run; 0 or less if it may run now. */
  readonly inMs: number;
}

/** A target as the save has locked it. */
export interface LockedTarget extends TargetState {
  readonly id: string;
  readonly held: boolean;
  readonly notBefore: Date | null;
  /** The clock of the database. */
  readonly now: Date;
}

/** A target as the save leaves it. */
export interface SettledTarget extends TargetState {
  readonly id: string;
  readonly notBefore: Date | null;
  /** When the next of its items is due. */
  readonly nextDue: Date | null;
}

/**
 * What the owner of lanes reads and writes of targets. OutgoingTargetStore says why no wake-up is lost. The
 * caller of `lock` and `settle` has fenced its transaction by the leases of the lanes.
 */
export class LaneRoundStore {
  private readonly table: string;

  constructor(private readonly db: EngineDatabase) {
    this.table = db.tables.outgoingTarget;
  }

  /**
   * Targets of these lanes that are ready now or within `soonMs`, the ones that have waited longest first.
   * `without` are those that the owner would begin nothing for: they must not take the places of others in
   * the answer. It reads the index of what is ready, and never an item.
   */
  ready(
    kind: LaneKind,
    lanes: readonly number[],
    without: readonly string[],
    soonMs: number,
    most: number,
  ): Promise<ReadyTarget[]> {
    return this.db.query<ReadyTarget>(
      `SELECT t.id, l.lane, t.failures, extract(epoch FROM t.ready_at - now())::float8 * 1000 AS "inMs"
       FROM unnest($2::int[]) AS l (lane), LATERAL (
         SELECT id, failures, ready_at FROM ${this.table}
         WHERE kind = $1 AND lane = l.lane AND ready_at <= now() + $4::float8 * interval '1 millisecond' AND id <> ALL ($3::uuid[])
         ORDER BY ready_at LIMIT $5) AS t
       ORDER BY t.ready_at LIMIT $5`,
      [kind, lanes, without, soonMs, most],
    );
  }

  /**
   * Locks these targets in the order of ids, until the transaction ends. Without `wait` it passes over those
   * that somebody holds at this moment, so that a long transaction with one target holds up no other.
   */
  lock(
    session: EngineSession,
    kind: LaneKind,
    ids: readonly string[],
    wait: boolean,
  ): Promise<LockedTarget[]> {
    return session.query<LockedTarget>(
      `SELECT id, held, failures, failing_since AS "failingSince", not_before AS "notBefore", clock_timestamp() AS now
       FROM ${this.table} WHERE kind = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR NO KEY UPDATE ${wait ? '' : 'SKIP LOCKED'}`,
      [kind, ids],
    );
  }

  /** Which of these targets are there, whoever holds them. */
  async existing(session: EngineSession, kind: LaneKind, ids: readonly string[]): Promise<Set<string>> {
    const rows = await session.query<{ id: string }>(
      `SELECT id FROM ${this.table} WHERE kind = $1 AND id = ANY ($2::uuid[])`,
      [kind, ids],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /**
   * Writes how targets stand that this transaction has locked. A Date has no microseconds, so ready_at is
   * rounded up: a look that came before the item is due would find nothing.
   */
  async settle(session: EngineSession, kind: LaneKind, targets: readonly SettledTarget[]): Promise<void> {
    await session.query(
      `UPDATE ${this.table} t SET failures = s.failures, failing_since = s.failing_since, not_before = s.not_before,
         ready_at = CASE WHEN NOT t.held AND s.next_due IS NOT NULL 
           THEN greatest(s.next_due, s.not_before) + interval '1 millisecond' END
       FROM unnest($2::uuid[], $3::int[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[])
         AS s (id, failures, failing_since, not_before, next_due)
       WHERE t.kind = $1 AND t.id = s.id`,
      [
        kind,
        targets.map(({ id }) => id),
        targets.map(({ failures }) => failures),
        targets.map(({ failingSince }) => failingSince),
        targets.map(({ notBefore }) => notBefore),
        targets.map(({ nextDue }) => nextDue),
      ],
    );
  }
}
