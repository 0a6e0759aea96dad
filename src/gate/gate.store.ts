import type { EngineDatabase } from '../database/engine-database.js';

/*
 * Why no window has more requests than a limit allows, whatever processes do:
 *
 * A rate. A place is a moment, and the row says where the next one lies. Each place is given away once,
 * because whoever takes places moves the row under its lock, and two places lie at least perMs / limit apart.
 * A process uses a place only from its moment on, and only for as long as burst places last; what it has not
 * used by then it throws away, and a place never goes back. So what is sent in a window of perMs has its
 * places in that window and the time of burst places before it, and there are at most limit + burst of them.
 * This holds for processes that die (their places pass unused), that stop for a while and go on (theirs have
 * passed), and that take many at once. After a rest the oldest place that is given away lies less far back
 * than a place lasts, because one that has passed when it arrives is of no use.
 *
 * A process reads moments by its own clock, from the answer of the statement. The server read the time at
 * some moment between the question and the answer. So a place begins counted from the answer and ends
 * counted from the question, and both errors make the time of a place shorter. There is one exception: a
 * place can be used for some milliseconds after it has arrived, or a process whose statements take longer
 * than a burst would send nothing at all. Then a window may have as many more as come in the time of one
 * statement.
 *
 * A quota. Places are counted in the row before they are used, in the window in which the server took them,
 * and are thrown away at the end of that window, counted from the question. So at most limit are sent between
 * two ends of a window. The end is what the other system says, and what was counted grows to what it says. It
 * may say an earlier end after places were taken. They last for a second at most, so each process has at most
 * one portion of them in the next window, and only in its first second.
 *
 * A breaker. It opens and closes in the row. Whoever takes places after probe_until moves probe_until, so
 * it is the only one that tries; if it dies, the next one tries after that time. What it learns is
 * written only where probe_until is the one that it has set: an attempt that took longer than its time
 * decides nothing.
 */

/** One row that is asked of. Rows are in the order of their keys and numbers. */
export type AskedRow = { readonly key: string; readonly no: number } & (
  | { readonly kind: 'state'; readonly probeMs: number }
  | { readonly kind: 'rate'; readonly count: number; readonly everyUs: number; readonly backUs: number }
  | { readonly kind: 'quota'; readonly count: number; readonly limit: number; readonly windowMs: number }
);

export type TakenRow =
  | { readonly probe: string | null }
  | { readonly inMs: number; readonly count: number }
  | { readonly count: number; readonly used: number; readonly endsInMs: number };

export type WhyNot = 'open' | 'blocked' | 'limit';

/** What was taken: one for each row that was asked of, or nothing at all. */
export type Taken =
  | { readonly rows: readonly TakenRow[]; readonly why?: undefined }
  | { readonly why: WhyNot; readonly waitMs: number };

/** How long rows are kept that say nothing any more. No window of a limit is as long. */
const KEPT = `interval '40 days'`;

/** The limits that all processes keep together. */
export class GateStore {
  private readonly gate: string;

  constructor(private readonly db: Pick<EngineDatabase, 'tables' | 'query' | 'queryNamed'>) {
    this.gate = db.tables.connectorGate;
  }

  /** Takes places of all rows, or of none. A place of a rate lies at most `aheadMs` in the future. */
  async take(rows: readonly AskedRow[], aheadMs: number): Promise<Taken> {
    const [row] = await this.db.queryNamed<{ taken: Taken }>(
      'connector_gate_take',
      `SELECT ${this.db.tables.connectorGateTake}($1::jsonb, $2::float8) AS taken`,
      [JSON.stringify(rows), aheadMs],
    );
    if (row === undefined) throw new Error('the gate gave no answer');
    return row.taken;
  }

  /** Nobody sends for so long. A block that is longer already stays. */
  async block(key: string, ms: number): Promise<void> {
    await this.db.query(
      `INSERT INTO ${this.gate} AS g (key, limit_no, blocked_until)
       VALUES ($1, 0, clock_timestamp() + $2::float8 * interval '1 millisecond')
       ON CONFLICT (key, limit_no) DO UPDATE SET blocked_until = greatest(g.blocked_until, excluded.blocked_until)`,
      [key, ms],
    );
  }

  /**
   * The other system has said when the window of a quota ends, or how many requests were sent in it. What was
   * counted never shrinks in a window, because some of it may not have arrived yet.
   *
   * @param endsInMs undefined if only a number was said
   */
  async learn(key: string, no: number, used: number, endsInMs: number | undefined): Promise<void> {
    await this.db.query(
      `UPDATE ${this.gate} SET
         used = CASE WHEN window_end > clock_timestamp() THEN greatest(used, $3::bigint) ELSE $3::bigint END,
         window_end = coalesce(clock_timestamp() + $4::float8 * interval '1 millisecond', window_end)
       WHERE key = $1 AND limit_no = $2::smallint AND (window_end > clock_timestamp() OR $4::float8 IS NOT NULL)`,
      [key, no, used, endsInMs ?? null],
    );
  }

  /** Opens the breaker for so long. False if it is open already. */
  async open(key: string, ms: number): Promise<boolean> {
    const rows = await this.db.query(
      `INSERT INTO ${this.gate} AS g (key, limit_no, breaker, probe_until)
       VALUES ($1, 0, 'open', clock_timestamp() + $2::float8 * interval '1 millisecond')
       ON CONFLICT (key, limit_no) DO UPDATE SET breaker = excluded.breaker, probe_until = excluded.probe_until
       WHERE g.breaker IS NULL RETURNING 1`,
      [key, ms],
    );
    return rows.length > 0;
  }

  /** The attempt with this mark has found that the other system works. False if it took too long. */
  close(key: string, probe: string): Promise<boolean> {
    return this.afterProbe(key, probe, 'breaker = NULL, probe_until = NULL', []);
  }

  /**
   * The attempt with this mark has failed, so the breaker stays open for so long. False if it took too
   * long.
   */
  stayOpen(key: string, probe: string, ms: number): Promise<boolean> {
    const until = `probe_until = clock_timestamp() + $3::float8 * interval '1 millisecond'`;
    return this.afterProbe(key, probe, until, [ms]);
  }

  /** How many processes are alive, this one included. */
  async processes(): Promise<number> {
    const [row] = await this.db.query<{ count: number }>(
      `SELECT count(*) FROM ${this.db.tables.integrationProcess}
       WHERE seen_at > clock_timestamp() - interval '2 minutes'`,
    );
    return Math.max(1, row?.count ?? 1);
  }

  /** Deletes rows of these keys, whose connection is gone. */
  async remove(keys: readonly string[]): Promise<void> {
    await this.db.query(`DELETE FROM ${this.gate} WHERE key = ANY ($1::text[])`, [keys]);
  }

  private async afterProbe(
    key: string,
    probe: string,
    change: string,
    values: readonly unknown[],
  ): Promise<boolean> {
    const rows = await this.db.query(
      `UPDATE ${this.gate} SET ${change} WHERE key = $1 AND limit_no = 0 AND breaker IS NOT NULL
         AND (extract(epoch FROM probe_until) * 1000000)::bigint = $2::bigint RETURNING 1`,
      [key, probe, ...values],
    );
    return rows.length > 0;
  }
}

/**
 * Deletes rows that say what no row would say: all their times have passed for longer than any window lasts.
 * What somebody works with is passed over. Returns whether there may be more.
 */
export async function deleteSilentGates(
  session: { query(sql: string, params: readonly unknown[]): Promise<unknown[]> },
  { connectorGate }: Pick<EngineDatabase['tables'], 'connectorGate'>,
  batch: number,
): Promise<boolean> {
  const latest = `greatest(next_slot, window_end, blocked_until, probe_until, '-infinity')`;
  const rows = await session.query(
    `DELETE FROM ${connectorGate} WHERE (key, limit_no) IN (
       SELECT key, limit_no FROM ${connectorGate} WHERE ${latest} < clock_timestamp() - ${KEPT}
       LIMIT $1::int FOR UPDATE SKIP LOCKED) RETURNING 1`,
    [batch],
  );
  return rows.length === batch;
}
