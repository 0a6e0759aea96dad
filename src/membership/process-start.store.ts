import type { EngineDatabase } from '../database/engine-database.js';

/** Processes of one version that were started with no five minutes between two of them. */
export interface StartedProcesses {
  version: string | null;
  processes: number;
  /** When the first of them was started. */
  startedAt: Date;
  /** Where the last of them was started. */
  host: string;
  pid: number;
  /** Whether no process of this version is known to have started before, and one of another version is. */
  isNew: boolean;
}

/** With less time between them, starts of the same version are one deployment. */
const ONE_DEPLOYMENT = `interval '5 minutes'`;

/** Reads when processes were started. A process writes it down as it signs in. */
export class ProcessStartStore {
  private readonly sql: string;

  constructor(private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    const { integrationStart } = db.tables;
    const before = (condition: string) => `EXISTS (
      SELECT FROM ${integrationStart} o WHERE o.minute < d.minute AND ${condition})`;
    this.sql = `
      WITH chosen AS (
        SELECT *, CASE WHEN minute - lag(minute) OVER w > ${ONE_DEPLOYMENT} THEN 1 ELSE 0 END AS begins
        FROM ${integrationStart} WHERE first_at > $1 AND first_at <= $2 WINDOW w AS (PARTITION BY version ORDER BY minute)
      ), deployment AS (
        SELECT version, min(minute) AS minute, sum(processes)::int AS processes, min(first_at) AS first_at,
          (array_agg(host ORDER BY minute DESC))[1] AS host, (array_agg(pid ORDER BY minute DESC))[1] AS pid
        FROM (SELECT *, sum(begins) OVER (PARTITION BY version ORDER BY minute) AS number FROM chosen) AS numbered
        GROUP BY version, number ORDER BY min(first_at) DESC LIMIT $3
      )
      SELECT nullif(version, '') AS version, processes, first_at AS "startedAt", host, pid,
        version <> '' AND ${before(`o.version NOT IN ('', d.version)`)} AND NOT ${before('o.version = d.version')} AS "isNew"
      FROM deployment d ORDER BY first_at DESC`;
  }

  /** What was started behind one time and up to another, the latest first. */
  between(from: Date, to: Date, limit: number): Promise<StartedProcesses[]> {
    return this.db.query<StartedProcesses>(this.sql, [from, to, limit]);
  }
}
