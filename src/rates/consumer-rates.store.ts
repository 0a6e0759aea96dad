import type { EngineDatabase } from '../database/engine-database.js';
import type { Tables } from '../database/sql/tables.js';
import type { RatePoint } from './consumer-rates.js';

/** Samples that are older than this are thinned out to one a minute (see `OperatingRecords`). */
const DETAILED = `interval '1 hour'`;
/** Between two samples of those, nobody has failed to write one if there is less time than this. */
const THINNED_GAP = `interval '150 seconds'`;
/** The rates of this moment are those of the samples of this time. */
const CURRENT = `interval '1 minute'`;

/**
 * SQL of the times between two samples of one partition that follow each other. A longer time than `gap` is
 * left out, because nobody knows what happened in it. `settled` is null if a replay has put back more than
 * was settled, and times in which the log became shorter are left out.
 */
const timesBetween = (sample: string, condition: string, gap: string) => `
  SELECT *, extract(epoch FROM at - since)::float8 AS seconds FROM (
    SELECT consumer_name, partition, at, backlog, lag_s, dead, lag(at) OVER w AS since, head - lag(head) OVER w AS published,
      CASE WHEN head - backlog >= lag(head - backlog) OVER w THEN (head - backlog) - lag(head - backlog) OVER w END AS settled
    FROM ${sample} WHERE ${condition} WINDOW w AS (PARTITION BY consumer_name, partition ORDER BY at)
  ) AS each WHERE published >= 0 AND at > since AND at - since <= CASE WHEN since < clock_timestamp() - ${DETAILED} THEN ${THINNED_GAP} ELSE ${gap} END`;

/** SQL of one value: `CurrentRates` as JSON. `gap` is the longest time between two samples. */
export function currentRatesSql(
  { integrationSample }: Pick<Tables, 'integrationSample'>,
  gap: string,
): string {
  // The index of `at` can only be searched for times that are the same for every row.
  const condition = `at > (SELECT clock_timestamp() - ${CURRENT}) AND at <= (SELECT clock_timestamp())`;
  return `(SELECT jsonb_build_object('publishedPerSecond', avg(p.published), 'settledPerSecond', coalesce(jsonb_object_agg(p.name, p.settled) FILTER (WHERE p.name IS NOT NULL), '{}'))
    FROM (
      SELECT consumer_name AS name, avg(published) AS published, avg(settled) AS settled FROM (
        SELECT consumer_name, partition, sum(published) / sum(seconds) AS published,
          sum(settled) / sum(seconds) FILTER (WHERE settled IS NOT NULL) AS settled
        FROM (${timesBetween(integrationSample, condition, gap)}) AS t GROUP BY consumer_name, partition
        HAVING max(at) > clock_timestamp() - ${gap}
      ) AS of_partition GROUP BY consumer_name
    ) AS p)`;
}

/** The grid of time that rates are shown on. */
export interface RateGrid {
  readonly from: Date;
  /** Seconds. */
  readonly step: number;
  readonly steps: number;
}

/** Computes rates from samples. */
export class ConsumerRatesStore {
  private readonly ofOneSql: string;
  private readonly ofAllSql: string;

  constructor(private readonly db: EngineDatabase) {
    const { integrationSample } = db.tables;
    const inTime = `at > $2::timestamptz - ${THINNED_GAP}
      AND at < $2::timestamptz + $3::float8 * $4::int * interval '1 second' + ${THINNED_GAP}`;
    this.ofOneSql = this.pointsSql(integrationSample, `consumer_name = $1 AND ${inTime}`);
    // All the rows of one sample have the same time and the same head.
    const together = `(SELECT $1::text AS consumer_name, 0 AS partition, at, max(head) AS head, sum(backlog) AS backlog, max(lag_s) AS lag_s, sum(dead) AS dead
        FROM ${integrationSample} WHERE ${inTime} GROUP BY at) AS sample`;
    this.ofAllSql = this.pointsSql(together, 'true');
  }

  /** Returns a point for each step of the grid. `gapMs` is the longest time between two samples. */
  points(consumerName: string, { from, step, steps }: RateGrid, gapMs: number): Promise<RatePoint[]> {
    return this.db.query<RatePoint>(this.ofOneSql, [consumerName, from, step, steps, gapMs]);
  }

  /** The same of all consumers together. What is settled has no meaning then. */
  pointsOfAll({ from, step, steps }: RateGrid, gapMs: number): Promise<RatePoint[]> {
    return this.db.query<RatePoint>(this.ofAllSql, ['', from, step, steps, gapMs]);
  }

  private pointsSql(samples: string, condition: string): string {
    // A rate holds for the whole time between two samples. So each step has the mean of the rates that hold
    // in it, each for as long as it does. Times are counted in steps from the beginning of the grid.
    const gap = `$5::float8 * interval '1 millisecond'`;
    const inSteps = (time: string) => `extract(epoch FROM ${time} - $2::timestamptz)::float8 / $3::float8`;
    return `
      WITH t AS MATERIALIZED (
        SELECT *, ${inSteps('since')} AS first, ${inSteps('at')} AS last
        FROM (${timesBetween(samples, condition, gap)}) AS t
      ), held AS (
        SELECT n, t.*, (least(last, n + 1) - greatest(first, n)) / (last - first) AS part
        FROM t CROSS JOIN LATERAL generate_series(greatest(0, floor(first))::int, least($4::int - 1, ceil(last) - 1)::int) AS n
      ), of_partition AS (
        SELECT n, partition, sum(published * part) / sum(seconds * part) AS published,
          sum(settled * part) / nullif(sum(seconds * part) FILTER (WHERE settled IS NOT NULL), 0) AS settled,
          max(backlog) AS backlog, max(lag_s) AS lag, max(dead) AS dead
        FROM held WHERE part > 0 GROUP BY n, partition
      )
      SELECT $2::timestamptz + n * $3::float8 * interval '1 second' AS at, avg(published)::float8 AS "publishedPerSecond",
        avg(settled)::float8 AS "settledPerSecond", avg(backlog)::float8 AS backlog, max(lag)::float8 AS "lagSeconds", sum(dead)::int AS "deadLetters"
      FROM generate_series(0, $4::int - 1) AS n LEFT JOIN of_partition USING (n) GROUP BY n ORDER BY n`;
  }
}
