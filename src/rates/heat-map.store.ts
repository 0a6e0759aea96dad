import type { EngineDatabase } from '../database/engine-database.js';
import type { RateGrid } from './consumer-rates.store.js';
import { ALL_CONSUMERS } from './hour.store.js';
import { LATENCY_SUMS } from './work.store.js';

/** The number of a step, and how many attempts failed in it. */
type FailedOfStep = readonly [n: number, failed: number];

export interface HeatRows {
  /** The numbers of the steps in which a process has measured. */
  readonly known: readonly number[];
  readonly steps: readonly {
    readonly n: number;
    readonly handled: number;
    readonly failed: number;
    readonly latency: readonly number[];
  }[];
  /** The worst first. The last one has no name: it is all others together. */
  readonly failing: readonly {
    readonly name: string | null;
    readonly consumers: number;
    readonly failed: number;
    readonly cells: readonly FailedOfStep[];
  }[];
}

/** Which part of a grid is read from the hours, and which from the minutes. */
export interface HeatParts {
  /** The hours end here. */
  readonly edge: Date;
  /** The minutes begin here. */
  readonly begin: Date;
}

/**
 * Reads what each consumer has done, from the hours that are kept and the minutes behind them. While a
 * process runs consumers, it writes samples of all of them. So a step without a sample and without work is
 * not known.
 */
export class HeatMapStore {
  private readonly ofAllSql: string;
  private readonly ofOneSql: string;

  constructor(private readonly db: EngineDatabase) {
    this.ofAllSql = this.sql(`consumer_name <> '${ALL_CONSUMERS}'`);
    this.ofOneSql = this.sql('consumer_name = $7');
  }

  async read(
    { from, step, steps }: RateGrid,
    { edge, begin }: HeatParts,
    limit: number,
    consumerName?: string,
  ): Promise<HeatRows> {
    const values = [from, step, steps, edge, begin, limit];
    const [row] = await (consumerName === undefined
      ? this.db.query<HeatRows>(this.ofAllSql, values)
      : this.db.query<HeatRows>(this.ofOneSql, [...values, consumerName]));
    return row ?? { known: [], steps: [], failing: [] };
  }

  /**
   * SQL of a heat map. $1 to $3: the grid. $4: where the hours end. $5: where the minutes begin. $6: how many
   * consumers are told apart.
   */
  private sql(chosen: string): string {
    const { integrationHour, integrationSample, integrationWork } = this.db.tables;
    const timeOf = (n: string) => `($1::timestamptz + (${n}) * $2::float8 * interval '1 second')`;
    const columns = 'consumer_name, at, handled, failed, latency';
    return `
      WITH work AS MATERIALIZED (
        SELECT consumer_name AS name, floor(extract(epoch FROM at - $1::timestamptz)::float8 / $2::float8)::int AS n,
          sum(handled) AS handled, sum(failed) AS failed, ${LATENCY_SUMS} AS latency
        FROM (
          SELECT ${columns} FROM ${integrationHour} WHERE ${chosen} AND at >= $1::timestamptz AND at < $4::timestamptz
          UNION ALL
          SELECT ${columns} FROM ${integrationWork}
          WHERE ${chosen} AND at >= $5::timestamptz AND at < $1::timestamptz + $2::float8 * $3::int * interval '1 second'
        ) AS part GROUP BY 1, 2
      ), place AS MATERIALIZED (
        SELECT name, least(row_number() OVER (ORDER BY sum(failed) DESC, name), $6::int + 1) AS place
        FROM work GROUP BY name HAVING sum(failed) > 0
      ), cell AS (
        SELECT place, n, min(name) AS name, sum(failed)::float8 AS failed FROM work JOIN place USING (name)
        WHERE failed > 0 GROUP BY place, n
      )
      SELECT (
        SELECT coalesce(jsonb_agg(n), '[]') FROM generate_series(0, $3::int - 1) AS n
        WHERE n IN (SELECT n FROM work)
          OR (SELECT true FROM ${integrationHour} WHERE consumer_name = '${ALL_CONSUMERS}' AND at >= ${timeOf('n')}
            AND at < least(${timeOf('n + 1')}, $4::timestamptz) AND (handled > 0 OR failed > 0 OR published IS NOT NULL) LIMIT 1)
          OR (SELECT true FROM ${integrationSample} WHERE at >= greatest(${timeOf('n')}, $5::timestamptz) AND at < ${timeOf('n + 1')} LIMIT 1)
      ) AS known, (
        SELECT coalesce(jsonb_agg(step), '[]') FROM (
          SELECT n, sum(handled)::float8 AS handled, sum(failed)::float8 AS failed, ${LATENCY_SUMS} AS latency FROM work GROUP BY n
        ) AS step
      ) AS steps, (
        SELECT coalesce(jsonb_agg(row ORDER BY place), '[]') FROM (
          SELECT place, CASE WHEN place <= $6::int THEN min(name) END AS name, sum(failed) AS failed,
            (SELECT count(*) FROM place AS p WHERE p.place = cell.place) AS consumers, jsonb_agg(jsonb_build_array(n, failed)) AS cells
          FROM cell GROUP BY place
        ) AS row
      ) AS failing`;
  }
}
