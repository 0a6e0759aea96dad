import type { EngineDatabase } from '../database/engine-database.js';
import type { EngineSession } from '../database/sql/engine-session.js';
import { ratesOfEachSql } from './consumer-rates.store.js';
import { BUSIEST, LATENCY_SUMS } from './work.store.js';

const HOUR = `interval '1 hour'`;
const HOUR_S = 3_600;
/**
 * An hour is made when it has been over for so long. A process that cannot write keeps an hour of counts, and
 * writes them when it can.
 */
const MADE_AFTER = `interval '3 hours'`;
const HOURS_A_STEP = 6;
/** No sample of an hour that is made is younger than an hour. So this is never what counts. */
const GAP_MS = 35_000;
/** The name of the rows of all consumers together. No consumer has it. */
export const ALL_CONSUMERS = '';

/** One hour of a consumer, or of all together. The levels are null where nobody wrote samples. */
export interface KeptHour {
  readonly name: string;
  readonly at: Date;
  readonly handled: number;
  readonly failed: number;
  readonly latency: readonly number[];
  readonly published: number | null;
  readonly settled: number | null;
  readonly backlog: number | null;
  readonly lag: number | null;
  readonly dead: number | null;
}

/**
 * Makes hours of minutes and samples, and reads them.
 *
 * The hours are made in their order, each once, and all rows of an hour in one statement. So the latest
 * hour that has a row of all consumers is the edge: what is before it is read from the hours, and the rest
 * from the minutes. No time is read from both, and none from neither. There is no other note of how far the
 * work has come that could differ from the rows.
 *
 * Two processes that make the same hour write the same rows, because neither changes the minutes: the second
 * one waits for the first at its first row, and sets what is there already. A process that stops half-way has
 * written nothing of the hours in hand.
 */
export class HourStore {
  private readonly edgeSql: string;
  private readonly spanSql: string;
  private readonly makeSql: string;
  private readonly hour: string;

  constructor(private readonly db: EngineDatabase) {
    const { integrationHour, integrationSample, integrationWork } = db.tables;
    this.hour = integrationHour;
    this.edgeSql = `SELECT max(at) + ${HOUR} AS edge FROM ${integrationHour} WHERE consumer_name = '${ALL_CONSUMERS}'`;
    // An index can only be searched for a time that is the same for every row.
    const first = (table: string) =>
      `(SELECT min(at) FROM ${table} WHERE at >= (SELECT coalesce(edge, '-infinity') FROM (${this.edgeSql}) AS e))`;
    this.spanSql = `
      SELECT began AS "from", least(${HOURS_A_STEP}, extract(epoch FROM ended - began) / ${HOUR_S})::int AS steps FROM (
        SELECT date_bin(${HOUR}, least(${first(integrationWork)}, ${first(integrationSample)}), 'epoch') AS began,
          date_bin(${HOUR}, clock_timestamp() - ${MADE_AFTER}, 'epoch') AS ended) AS span
      WHERE began < ended`;
    this.makeSql = `
      WITH rate AS MATERIALIZED (${ratesOfEachSql(db.tables)}), work AS MATERIALIZED (
        SELECT coalesce(consumer_name, $1::text) AS name, n, sum(handled)::int AS handled, sum(failed)::int AS failed, ${LATENCY_SUMS} AS latency
        FROM (
          SELECT *, floor(extract(epoch FROM at - $2::timestamptz)::float8 / $3::float8)::int AS n FROM ${integrationWork}
          WHERE at >= $2::timestamptz AND at < $2::timestamptz + $3::float8 * $4::int * interval '1 second'
        ) AS minute GROUP BY GROUPING SETS ((consumer_name, n), (n))
      )
      INSERT INTO ${integrationHour} (consumer_name, at, handled, failed, latency, published, settled, backlog, lag_s, dead)
      SELECT name, $2::timestamptz + n * ${HOUR}, coalesce(handled, 0), coalesce(failed, 0), coalesce(latency, '{}'),
        published, settled, backlog, lag, dead
      FROM work FULL JOIN rate USING (name, n) FULL JOIN (SELECT $1::text AS name, $4::int - 1 AS n) AS last USING (name, n) ORDER BY n, name
      ON CONFLICT (consumer_name, at) DO UPDATE SET handled = excluded.handled, failed = excluded.failed, latency = excluded.latency,
        published = excluded.published, settled = excluded.settled, backlog = excluded.backlog, lag_s = excluded.lag_s, dead = excluded.dead`;
  }

  /**
   * Makes some hours that are over. False if none was left. The last of them always has a row of all
   * consumers, also where one sample alone says nothing. So the edge moves with each step.
   */
  async make(session: EngineSession): Promise<boolean> {
    const [span] = await session.query<{ from: Date; steps: number }>(this.spanSql, []);
    if (span === undefined) return false;
    await session.query(this.makeSql, [ALL_CONSUMERS, span.from, HOUR_S, span.steps, GAP_MS]);
    return true;
  }

  /** Where the hours end, and the minutes begin. Undefined if there is no hour. */
  async edge(): Promise<Date | undefined> {
    const [row] = await this.db.query<{ edge: Date | null }>(this.edgeSql, []);
    return row?.edge ?? undefined;
  }

  /** The hours of these names from one time up to another. */
  hours(names: readonly string[], from: Date, to: Date): Promise<KeptHour[]> {
    return this.db.query<KeptHour>(
      `SELECT consumer_name AS name, at, handled, failed, latency, published::float8, settled::float8, backlog::float8, lag_s::float8 AS lag, dead
       FROM ${this.hour} WHERE consumer_name = ANY ($1::text[]) AND at >= $2 AND at < $3
         AND (handled > 0 OR failed > 0 OR published IS NOT NULL)`,
      [names, from, to],
    );
  }

  /** The names of the consumers that have done the most in some time. */
  async busiest(from: Date, to: Date): Promise<string[]> {
    const rows = await this.db.query<{ name: string }>(
      `SELECT consumer_name AS name FROM ${this.hour} WHERE consumer_name <> '${ALL_CONSUMERS}' AND at >= $1 AND at < $2
       GROUP BY 1 ORDER BY sum(handled::bigint + failed) DESC, 1 LIMIT ${BUSIEST}`,
      [from, to],
    );
    return rows.map(({ name }) => name);
  }
}
