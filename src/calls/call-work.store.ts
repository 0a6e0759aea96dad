import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import type { LaneItem } from '../lanes/lane-work.js';

/** A call that is due. */
export interface DueCall extends LaneItem {
  readonly attempt: number;
  /** Not null if the process that had it died. */
  readonly ownerToken: string | null;
}

/** What the lanes read of calls, and the deadlines. Calls that wait without being due are never read. */
export class CallWorkStore {
  private readonly table: string;

  constructor(private readonly db: EngineDatabase) {
    this.table = db.tables.externalCall;
  }

  /** For each target, at most so many calls that are due, the first ones first. */
  due(wanted: ReadonlyMap<string, number>): Promise<DueCall[]> {
    return this.db.query<DueCall>(
      `SELECT c.id::text AS key, c.target::text AS target, c.attempt, c.owner_token::text AS "ownerToken"
       FROM unnest($1::uuid[], $2::int[]) AS w (target, most), LATERAL (
         SELECT * FROM ${this.table} WHERE target = w.target AND due_at <= now() ORDER BY due_at LIMIT w.most) AS c`,
      [[...wanted.keys()], [...wanted.values()]],
    );
  }

  /** When the next call of each target is due. Null if none is. */
  async nextDue(session: EngineSession, targets: readonly string[]): Promise<Map<string, Date | null>> {
    const rows = await session.query<{ target: string; dueAt: Date | null }>(
      `SELECT t.target::text AS target, (SELECT min(due_at) FROM ${this.table} c WHERE c.target = t.target AND c.due_at IS NOT NULL) AS "dueAt"
       FROM unnest($1::uuid[]) AS t (target)`,
      [targets],
    );
    return new Map(rows.map(({ target, dueAt }) => [target, dueAt]));
  }

  /** The targets of these calls, each with its tenant. */
  targetsOf(session: EngineSession, ids: readonly string[]): Promise<{ id: string; tenantId: string }[]> {
    return session.query(
      `SELECT DISTINCT target::text AS id, tenant_id AS "tenantId" FROM ${this.table}
       WHERE id = ANY ($1::uuid[]) AND due_at IS NOT NULL ORDER BY id`,
      [ids],
    );
  }

  /** Makes everything due that is due later. Returns the targets. */
  async makeDue(session: EngineSession, type: string): Promise<{ id: string; tenantId: string }[]> {
    return session.query(
      `WITH due AS (UPDATE ${this.table} SET due_at = now() WHERE type = $1 AND due_at IS NOT NULL RETURNING target, tenant_id)
       SELECT DISTINCT target::text AS id, tenant_id AS "tenantId" FROM due ORDER BY id`,
      [type],
    );
  }

  /** Makes the deadline of every call pass. */
  async passDeadlines(type: string): Promise<void> {
    await this.db.query(`UPDATE ${this.table} SET deadline_at = now() WHERE type = $1 AND ended_at IS NULL`, [
      type,
    ]);
  }

  /** Calls whose deadline has passed, the first ones first. Others are left to those who hold them. */
  async overdue(session: EngineSession, most: number): Promise<string[]> {
    const rows = await session.query<{ id: string }>(
      `SELECT id::text AS id FROM ${this.table} WHERE ended_at IS NULL AND deadline_at <= now()
       ORDER BY deadline_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED`,
      [most],
    );
    return rows.map(({ id }) => id);
  }
}
