import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CallWorkStore } from '../../src/calls/call-work.store.js';
import { costsOf, type StatementCost } from '../support/statement-costs.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* What the statements of lanes and of deadlines touch, by the counters of the server, with few calls and with very many that wait. */

const TARGET = randomUUID();
const WAITING = 50_000;

let database: TestDatabase;
let few: StatementCost[];
let many: StatementCost[];

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

const costs = () =>
  costsOf(database, async (db) => {
    const store = new CallWorkStore(db);
    await store.due(new Map([[TARGET, 10]]));
    await store.nextDue(db, [TARGET]);
    await store.overdue(db, 100);
  });

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
