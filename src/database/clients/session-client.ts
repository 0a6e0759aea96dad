import type { EngineSession } from '../sql/engine-session.js';
import type { SqlClient } from './sql-client.js';

/** A session of the engine, for stores that take the client of a transaction. */
export function clientOf(session: EngineSession): SqlClient {
  return {
    $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]) => (await session.query(sql, values)) as T,
    $executeRawUnsafe: async (sql, ...values) => (await session.query(sql, values)).length,
  };
}
