import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { PoolClient } from 'pg';
import { CallWorkStore } from '../../src/calls/call-work.store.js';
import type { EngineDatabase } from '../../src/database/engine-database.js';
import type { EngineSession } from '../../src/database/sql/engine-session.js';
import { ENGINE_SESSION } from '../../src/database/sql/session-settings.store.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* What the statements of lanes and of deadlines touch, by the counters of the server, with few calls and with very many that wait. */

const TARGET = randomUUID();
const WAITING = 50_000;

interface Cost {
  readonly rows: number;
  readonly pages: number;
}

let database: TestDatabase;
let few: Cost[];
let many: Cost[];

beforeAll(async () => {
  database = await createTestDatabase();
  await fill(2, 'now()', `now() - interval '1 second'`);
  few = await costs();
  // For a report, for a time, and ended.
  await fill(WAITING, 'NULL', `now() + interval '1 day'`);
  await fill(WAITING, `now() + interval '1 hour'`, `now() + interval '1 day'`);
  await fill(WAITING, 'NULL', `now() - interval '1 day'`, 'completed');
  await database.pool.query('VACUUM (ANALYZE) integration.external_call');
  many = await costs();
});
afterAll(() => database.drop());

async function fill(count: number, dueAt: string, deadline: string, status = 'processing'): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.external_call (id, type, target, status, request, external_id, due_at, deadline_at, ended_at)
     SELECT gen_random_uuid(), 'tts', $1, $2::text, '{}', gen_random_uuid()::text, ${dueAt}, ${deadline},
       CASE WHEN $2::text = 'completed' THEN now() END FROM generate_series(1, $3::int)`,
    [TARGET, status, count],
  );
}

/** Notes what each statement costs, in a transaction that is rolled back. */
function explaining(client: PoolClient, found: Cost[]) {
  return async (sql: string, values: unknown[]) => {
    await client.query('BEGIN');
    const { rows } = await client.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`, values);
    await client.query('ROLLBACK');
    const plan = rows[0]['QUERY PLAN'][0].Plan;
    found.push({
      rows: plan['Actual Rows'],
      pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
    });
    return [];
  };
}

async function costs(): Promise<Cost[]> {
  const found: Cost[] = [];
  const client = await database.pool.connect();
  // The plans are those of the sessions of the engine.
  await client.query(ENGINE_SESSION);
  const query = explaining(client, found);
  const db = { tables: database.engine().tables, query } as unknown as EngineDatabase;
  const session = db as unknown as EngineSession;
  const store = new CallWorkStore(db);
  await store.due(new Map([[TARGET, 10]]));
  await store.nextDue(session, [TARGET]);
  await store.overdue(session, 100);
  client.release(true);
  return found;
}

describe('with fifty thousand calls each that wait for a report, wait for a time, or have ended', () => {
  it.each([
    ['a look at what is due', 0],
    ['when the next one is due', 1],
    ['a look at deadlines', 2],
  ])('%s touches as many rows and pages as without them', (_, i) => {
    expect(few[i]?.rows).toBeGreaterThan(0);
    expect(many[i]?.rows).toBe(few[i]?.rows);
    // Indexes are one or two levels deeper.
    expect((many[i]?.pages ?? Number.NaN) - (few[i]?.pages ?? Number.NaN)).toBeLessThanOrEqual(24);
  });
});
