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

/** SQL of the samples that a grid needs: $2 is its beginning, $3 its step and $4 the number of steps. */
const IN_TIME = `at > $2::timestamptz - ${THINNED_GAP}
      AND at < $2::timestamptz + $3::float8 * $4::int * interval '1 second' + ${THINNED_GAP}`;

/** SQL of the samples of all consumers, as one with the name $1. Rows of one sample have the same head. */
const togetherSql = (sample: string) =>
  `(SELECT $1::text AS consumer_name, 0 AS partition, at, max(head) AS head, sum(backlog) AS backlog, max(lag_s) AS lag_s, sum(dead) AS dead
        FROM ${sample} WHERE ${IN_TIME} GROUP BY at) AS sample`;

/**
 * SQL of the rates of each consumer in each step `n` of a grid that has samples. $5 is the longest time
 * between two samples in milliseconds.
 */
function ratesInStepsSql(samples: string, condition: string): string {
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
        SELECT consumer_name, n, partition, sum(published * part) / sum(seconds * part) AS published,
          sum(settled * part) / nullif(sum(seconds * part) FILTER (WHERE settled IS NOT NULL), 0) AS settled,
          max(backlog) AS backlog, max(lag_s) AS lag, max(dead) AS dead
        FROM held WHERE part > 0 GROUP BY consumer_name, n, partition
      )
      SELECT consumer_name AS name, n, avg(published)::float8 AS published, avg(settled)::float8 AS settled,
        avg(backlog)::float8 AS backlog, max(lag)::float8 AS lag, sum(dead)::int AS dead
      FROM of_partition GROUP BY consumer_name, n`;
}

/** SQL of the rates of each consumer, and of all of them with the name $1 (see `ratesInStepsSql`). */
export function ratesOfEachSql({ integrationSample }: Pick<Tables, 'integrationSample'>): string {
  return `(${ratesInStepsSql(integrationSample, IN_TIME)}) UNION ALL (${ratesInStepsSql(togetherSql(integrationSample), 'true')})`;
}

/** Computes rates from samples. */
export class ConsumerRatesStore {
  private readonly ofOneSql: string;
  private readonly ofAllSql: string;

  constructor(private readonly db: EngineDatabase) {
    const { integrationSample } = db.tables;
    const pointsSql = (rates: string) => `
      SELECT $2::timestamptz + n * $3::float8 * interval '1 second' AS at, published AS "publishedPerSecond",
        settled AS "settledPerSecond", backlog, lag AS "lagSeconds", dead AS "deadLetters"
      FROM generate_series(0, $4::int - 1) AS n LEFT JOIN (${rates}) AS rate USING (n) ORDER BY n`;
    this.ofOneSql = pointsSql(ratesInStepsSql(integrationSample, `consumer_name = $1 AND ${IN_TIME}`));
    this.ofAllSql = pointsSql(ratesInStepsSql(togetherSql(integrationSample), 'true'));
  }

  /** Returns a point for each step of the grid. `gapMs` is the longest time between two samples. */
  points(consumerName: string, { from, step, steps }: RateGrid, gapMs: number): Promise<RatePoint[]> {
    return this.db.query<RatePoint>(this.ofOneSql, [consumerName, from, step, steps, gapMs]);
  }

  /** The same of all consumers together. What is settled has no meaning then. */
  pointsOfAll({ from, step, steps }: RateGrid, gapMs: number): Promise<RatePoint[]> {
    return this.db.query<RatePoint>(this.ofAllSql, ['', from, step, steps, gapMs]);
  }
}
