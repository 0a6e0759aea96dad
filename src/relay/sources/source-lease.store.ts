import type { EngineDatabase } from '../../database/engine-database.js';
import { SOURCE_LEASES } from './source-definition.js';

/** A source that was run once, and is run by nobody. */
export interface DesertedSource {
  readonly name: string;
  readonly since: Date;
}

/** A deployment may take as long. */
const MINUTES = 5;

/** Reads which sources nobody runs. Each source that was ever run has a row with its lease. */
export async function desertedSources(db: EngineDatabase): Promise<DesertedSource[]> {
  return db.query<DesertedSource>(
    `SELECT substr(name, length($1::text) + 1) AS name, expires_at AS since FROM ${db.tables.integrationLease}
     WHERE starts_with(name, $1::text) AND expires_at < clock_timestamp() - $2::int * interval '1 minute' ORDER BY name LIMIT 100`,
    [SOURCE_LEASES, MINUTES],
  );
}
