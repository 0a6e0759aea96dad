import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
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
/** How many rows of one index a page looks at for the other filters. */
const MOST_LOOKED_AT = 100_000;
/** The filters that have an index, the one that usually has the fewest rows first. */
const BY_INDEX = ['target', 'actor', 'action', 'outcome'] as const;

/** The last row that a page has looked at. */
interface LookedTo {
  readonly id: number;
  readonly at: Date;
}

export interface AuditRows {
  readonly entries: AuditEntry[];
  /** Undefined if it is the last entry, or if nothing is left to look at. */
  readonly lookedTo: LookedTo | undefined;
}

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
   * Some rows, the latest first. Each filter that may stand alone has an index in this order, also with
   * times. With several of them, the index of one is read, and at most 100,000 of its rows are looked at.
   * `behind` is the id of the last row of the page before. Rows that have the same time are told apart by
   * their ids.
   */
  async list(filter: AuditFilter, behind: number | undefined, limit: number): Promise<AuditRows> {
    const values: unknown[] = [];
    const given = (value: unknown) => `$${values.push(value)}`;
    const [first, ...others] = BY_INDEX.filter((field) => filter[field] !== undefined);
    const { since, until } = filter;
    const conditions = [
      ...(first === undefined ? [] : [`${first} = ${given(filter[first])}`]),
      ...(since === undefined ? [] : [`at >= ${given(since)}`]),
      ...(until === undefined ? [] : [`at < ${given(until)}`]),
      ...(behind === undefined
        ? []
        : [`(at, id) < (SELECT at, id FROM ${this.table} WHERE id = ${given(behind)})`]),
    ];
    const order = 'ORDER BY at DESC, id DESC';
    const looked = `FROM ${this.table} ${conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`} ${order}`;
    const ofLooked = [...values];
    const chosen =
      others.length === 0
        ? looked
        : `FROM (SELECT * ${looked} LIMIT ${MOST_LOOKED_AT}) AS looked
           WHERE ${others.map((field) => `${field} = ${given(filter[field])}`).join(' AND ')} ${order}`;
    const entries = await this.db.query<AuditEntry>(
      `SELECT id, at, actor, via, action, target, before, after, reason, affected, outcome, idempotency_key AS "idempotencyKey"
       ${chosen} LIMIT ${given(limit)}`,
      values,
    );
    if (entries.length >= limit || others.length === 0) return { entries, lookedTo: undefined };
    const [lookedTo] = await this.db.query<LookedTo>(
      `SELECT id, at ${looked} LIMIT 1 OFFSET ${MOST_LOOKED_AT - 1}`,
      ofLooked,
    );
    return { entries, lookedTo };
  }
}

function jsonOf(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value);
}
