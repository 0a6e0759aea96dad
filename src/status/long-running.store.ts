import type { EngineDatabase } from '../database/engine-database.js';
import type { Tables } from '../database/sql/tables.js';
import { namedProcess, ownedAttempts } from '../log/owned-attempts.store.js';
import { durationText } from '../words/duration-text.js';
import type { NamedProcess } from './why-not-yet.js';
import { processName } from './why-sentences.js';

/** Attempts that people are told of have run for longer than this. */
const LONGER_THAN = `interval '1 minute'`;
/** The most consumers that an overview names. They are those with the longest attempts. */
const MOST_CONSUMERS = 5;

/** Attempts of one consumer that have run for more than a minute, and the longest of them. */
export interface LongRunning {
  consumerName: string;
  attempts: number;
  since: Date;
  position: number;
  attempt: number;
  process: NamedProcess;
  /** All of this in plain words, without a full stop. */
  sentence: string;
}

/** The same as JSON has it. */
export interface LongRunningRow {
  readonly consumerName: string;
  readonly attempts: number;
  readonly since: string;
  readonly seconds: number;
  readonly position: number;
  readonly attempt: number;
  readonly process: NamedProcess;
}

/**
 * SQL of one value: the consumers whose attempts have run for more than a minute, as JSON. It reads what
 * processes say of themselves, and only of cursors that they own.
 */
export function longRunningSql(tables: Tables, most = MOST_CONSUMERS): string {
  return `(SELECT coalesce(jsonb_agg(to_jsonb(longest) ORDER BY longest.since), '[]') FROM (
      SELECT * FROM (
        SELECT DISTINCT ON (c.consumer_name) c.consumer_name AS "consumerName", count(*) OVER (PARTITION BY c.consumer_name) AS attempts,
          run.since, extract(epoch FROM clock_timestamp() - run.since)::float8 AS seconds, (w.attempt ->> 'position')::bigint AS position,
          (w.attempt ->> 'attempt')::int AS attempt, ${namedProcess('p')} AS process
        FROM ${ownedAttempts(tables)}
        CROSS JOIN LATERAL (SELECT (w.attempt ->> 'since')::timestamptz AS since) AS run
        WHERE run.since < clock_timestamp() - ${LONGER_THAN}
        ORDER BY c.consumer_name, run.since
      ) AS each_consumer ORDER BY since LIMIT ${most}
    ) AS longest)`;
}

/** The consumers with the longest attempts, of those that have run for more than a minute. */
export async function longRunning(db: EngineDatabase, most = MOST_CONSUMERS): Promise<LongRunning[]> {
  const [row] = await db.query<{ running: LongRunningRow[] }>(
    `SELECT ${longRunningSql(db.tables, most)} AS running`,
  );
  return (row?.running ?? []).map(longRunningOf);
}

/** Gives what was found its sentence. REST, commands and the page show the same. */
export function longRunningOf({ seconds, since, ...run }: LongRunningRow): LongRunning {
  const { consumerName, attempts, position, attempt, process } = run;
  const what = attempts === 1 ? 'one attempt for' : `${attempts} attempts for up to`;
  const where = `position ${position}, attempt ${attempt}, in process ${processName(process)}`;
  const sentence = `${consumerName} has run ${what} ${durationText(seconds * 1_000)} (${where})`;
  return { ...run, since: new Date(since), sentence };
}
