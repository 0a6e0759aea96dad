import type { EngineDatabase, EngineSession } from '../database/engine-database.js';
import type { AuditEntry, AuditFilter, AuditOutcome } from './audit.js';
import type { Author } from './change-author.js';

/** What a change did. Values are stored as JSON. */
export interface AuditedChange {
  /** What was done: `consumers.pause`. */
  readonly action: string;
  /** To what: `consumer/billing`. */
  readonly target: string;
  readonly before?: unknown;
  readonly after?: unknown;
  /** How many rows or events were changed. */
  readonly affected?: number;
  readonly outcome?: AuditOutcome;
}

const LONGEST_TARGET = 511;

/** The audit of what admins change. Rows are only added. Retention deletes those that are very old. */
export class AuditStore {
  private readonly table: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    this.table = db.tables.integrationAudit;
  }

  /** Adds one row in the transaction of the change, so that both are committed or neither is. */
  async add(session: EngineSession, author: Author, change: AuditedChange): Promise<void> {
    const { action, target, before, after, affected, outcome = 'done' } = change;
    await session.query(
      `INSERT INTO ${this.table} (actor, via, action, target, before, after, reason, affected, outcome, idempotency_key)
       VALUES ($1, $2, $3, $4, $5::jsonb, $6::jsonb, $7, $8, $9, $10)`,
      [
        author.actor,
        author.via,
        action,
        [...target].slice(0, LONGEST_TARGET).join(''),
        jsonOf(before),
        jsonOf(after),
        author.reason,
        affected ?? null,
        outcome,
        author.idempotencyKey,
      ],
    );
  }

  /**
   * Some rows, the latest first. Each filter that may stand alone has an index in this order. `behind` is the
   * id of the last row of the page before. Rows that have the same time are told apart by their ids.
   */
  list(filter: AuditFilter, behind: number | undefined, limit: number): Promise<AuditEntry[]> {
    const values: unknown[] = [limit];
    const given = (value: unknown) => `$${values.push(value)}`;
    const { actor, action, target, outcome, since, until } = filter;
    const conditions = [
      ...(actor === undefined ? [] : [`actor = ${given(actor)}`]),
      ...(action === undefined ? [] : [`action = ${given(action)}`]),
      ...(target === undefined ? [] : [`target = ${given(target)}`]),
      ...(outcome === undefined ? [] : [`outcome = ${given(outcome)}`]),
      ...(since === undefined ? [] : [`at >= ${given(since)}`]),
      ...(until === undefined ? [] : [`at < ${given(until)}`]),
      ...(behind === undefined
        ? []
        : [`(at, id) < (SELECT at, id FROM ${this.table} WHERE id = ${given(behind)})`]),
    ];
    return this.db.query<AuditEntry>(
      `SELECT id, at, actor, via, action, target, before, after, reason, affected, outcome, idempotency_key AS "idempotencyKey"
       FROM ${this.table} ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`}
       ORDER BY at DESC, id DESC LIMIT $1`,
      values,
    );
  }
}

function jsonOf(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
