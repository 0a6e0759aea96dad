import type { EngineDatabase } from '../../database/engine-database.js';
import { type Tables } from '../../database/sql/tables.js';
import type { Counted } from './webhook-counts.js';

/** Adds to the counts of today, in the order of the key, so that two processes never wait for each other. */
export async function addCounts(
  db: Pick<EngineDatabase, 'query'>,
  { webhookCount }: Tables,
  counts: readonly Counted[],
): Promise<void> {
  await db.query(
    `INSERT INTO ${webhookCount} AS kept (source, day, outcome, count)
     SELECT c->>'source', (clock_timestamp() AT TIME ZONE 'UTC')::date, c->>'outcome', (c->>'count')::bigint
     FROM jsonb_array_elements($1::text::jsonb) AS c ORDER BY 1, 3
     ON CONFLICT (source, day, outcome) DO UPDATE SET count = kept.count + excluded.count`,
    [JSON.stringify(counts)],
  );
}

export interface SourceCount {
  /** Empty for requests to names that are not a source. */
  readonly source: string;
  readonly outcome: string;
  readonly count: number;
}

/** How many requests of each source came to which end within this number of days, today among them. */
export function readCounts(
  db: Pick<EngineDatabase, 'query'>,
  { webhookCount }: Tables,
  days: number,
): Promise<SourceCount[]> {
  return db.query<SourceCount>(
    `SELECT source, outcome, sum(count)::float8 AS count FROM ${webhookCount}
     WHERE day > (clock_timestamp() AT TIME ZONE 'UTC')::date - $1::int
     GROUP BY source, outcome ORDER BY source, outcome`,
    [days],
  );
}

/** Deletes counts that are older than `days`. */
export async function deleteOutdatedCounts(
  db: Pick<EngineDatabase, 'query'>,
  { webhookCount }: Tables,
  days: number,
): Promise<void> {
  await db.query(
    `DELETE FROM ${webhookCount} WHERE day < (clock_timestamp() AT TIME ZONE 'UTC')::date - $1::int`,
    [days],
  );
}
