import type { PoolClient } from 'pg';
import type { EngineDatabase } from '../../src/database/engine-database.js';
import type { EngineSession } from '../../src/database/sql/engine-session.js';
import { ENGINE_SESSION } from '../../src/database/sql/session-settings.store.js';
import type { TestDatabase } from './test-database.js';

/** What a statement touches, by the counters of the server. */
export interface StatementCost {
  readonly rows: number;
  readonly pages: number;
}

/** A store takes it for its database, and for the session of its transaction. */
export type ExplainedDatabase = EngineDatabase & EngineSession;

/**
 * What each statement costs that `work` runs, planned as in the sessions of the engine. Each is rolled back,
 * and answers no rows.
 */
export async function costsOf(
  database: TestDatabase,
  work: (db: ExplainedDatabase) => Promise<void>,
): Promise<StatementCost[]> {
  const found: StatementCost[] = [];
  const client = await database.pool.connect();
  await client.query(ENGINE_SESSION);
  const query = async (sql: string, values: unknown[]) => {
    found.push(await costOf(client, sql, values));
    return [];
  };
  await work({ tables: database.engine().tables, query } as unknown as ExplainedDatabase);
  client.release(true);
  return found;
}

async function costOf(client: PoolClient, sql: string, values: unknown[]): Promise<StatementCost> {
  await client.query('BEGIN');
  const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`, values);
  await client.query('ROLLBACK');
  const plan = rows[0]['QUERY PLAN'][0].Plan;
  return { rows: plan['Actual Rows'], pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'] };
}
