import type { EngineDatabase } from '../database/engine-database.js';
import type { RateGrid } from './consumer-rates.store.js';
import { LATENCY_BOUNDS_S, type WorkOfMinute } from './work-counts.js';

/** How many consumers are told apart where all are asked for. */
export const BUSIEST = 5;

const CLASSES = Array.from({ length: LATENCY_BOUNDS_S.length + 1 }, (_, index) => index + 1);
/** SQL of the sums of the classes of latency, over the rows of a group. */
export const LATENCY_SUMS = `ARRAY[${CLASSES.map((index) => `coalesce(sum(latency[${index}]), 0)::int`).join(', ')}]`;

/** What was done in one step of a grid. */
export interface WorkOfStep {
  /** Null for all consumers together. */
  readonly name: string | null;
  /** The number of the step, from 0. */
  readonly n: number;
  readonly handled: number;
  readonly failed: number;
  readonly latency: readonly number[];
}

export interface WorkInSteps {
  /** The end of the time that is known of, in milliseconds since 1970. Null if nothing is known. */
  readonly latest: number | null;
  readonly steps: readonly WorkOfStep[];
}

/**
 * Reads and writes what consumers have done. A process writes rows of its own only, and a row always has all
 * that the process has counted in that minute. So a write that is repeated does no harm, and no process waits
 * for another.
 */
export class WorkStore {
  private readonly writeSql: string;
  private readonly ofAllSql: string;
  private readonly ofNamedSql: string;

  constructor(private readonly db: EngineDatabase) {
    const { integrationSample, integrationWork } = db.tables;
    this.writeSql = `
      INSERT INTO ${integrationWork} (consumer_name, at, process_id, upto, handled, failed, latency)
      SELECT "consumerName", to_timestamp(at / 1000), $1::uuid, to_timestamp(upto / 1000), handled, failed, latency
      FROM jsonb_to_recordset($2::jsonb) AS w("consumerName" text, at float8, upto float8, handled integer, failed integer, latency integer[])
      ON CONFLICT (consumer_name, at, process_id) DO UPDATE
      SET upto = excluded.upto, handled = excluded.handled, failed = excluded.failed, latency = excluded.latency`;
    const inRange = `at >= $1::timestamptz AND at < $1::timestamptz + $2::float8 * $3::int * interval '1 second'`;
    const rows = (name: string, from: string) => `
        SELECT ${name} AS name, n, sum(handled)::int AS handled, sum(failed)::int AS failed, ${LATENCY_SUMS} AS latency
        FROM ${from} GROUP BY 1, n`;
    const read = (condition: string, each: string) => `
      WITH work AS MATERIALIZED (
        SELECT consumer_name, floor(extract(epoch FROM at - $1::timestamptz)::float8 / $2::float8)::int AS n, max(upto) AS upto,
          sum(handled) AS handled, sum(failed) AS failed, ${LATENCY_SUMS} AS latency
        FROM ${integrationWork} WHERE ${condition} AND ${inRange} GROUP BY 1, 2
      ), busiest AS (
        SELECT consumer_name FROM work GROUP BY 1 ORDER BY sum(handled + failed) DESC, consumer_name LIMIT ${BUSIEST}
      )
      SELECT (extract(epoch FROM greatest((SELECT max(upto) FROM work), (SELECT max(at) FROM ${integrationSample} WHERE ${condition} AND ${inRange}))) * 1000)::float8 AS latest,
        (SELECT coalesce(jsonb_agg(step), '[]') FROM (${each}) AS step) AS steps`;
    const ofBusiest = rows('consumer_name', 'work JOIN busiest USING (consumer_name)');
    this.ofAllSql = read('true', `${rows('NULL', 'work')} UNION ALL ${ofBusiest}`);
    this.ofNamedSql = read('consumer_name = ANY ($4::text[])', ofBusiest);
  }

  async write(processId: string, minutes: readonly WorkOfMinute[]): Promise<void> {
    await this.db.query(this.writeSql, [processId, JSON.stringify(minutes)]);
  }

  /** What all consumers have done, and each of the busiest ones. */
  ofAll({ from, step, steps }: RateGrid): Promise<WorkInSteps> {
    return this.read(this.ofAllSql, [from, step, steps]);
  }

  /** What some consumers have done, at most five. */
  ofNamed(consumerNames: readonly string[], { from, step, steps }: RateGrid): Promise<WorkInSteps> {
    return this.read(this.ofNamedSql, [from, step, steps, consumerNames]);
  }

  private async read(sql: string, values: readonly unknown[]): Promise<WorkInSteps> {
    const [row] = await this.db.query<WorkInSteps>(sql, [...values]);
    return row ?? { latest: null, steps: [] };
  }
}
