import type { EngineDatabase } from '../../database/engine-database.js';

/** The time of the database, in milliseconds since 1970. */
export async function databaseTime(db: EngineDatabase): Promise<number> {
  const [row] = await db.query<{ ms: number }>(
    `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms`,
  );
  return Number(row?.ms);
}
