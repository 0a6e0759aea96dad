import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { InboxEventStore } from '../../src/inbox/inbox-event.store.js';
import { SettlementStore } from '../../src/inbox/settlement.store.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const WAITING = 20_000;
const AGGREGATES = 50;
const KEY = { consumerName: 'worker', partition: 0 };
const TOKEN = '00000000-0000-4000-8000-000000000000';
const FIRST_OF_EACH = Array.from({ length: AGGREGATES }, (_, index) => index + 1);

let database: TestDatabase;
let db: EngineDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  db = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
  // Nobody has analyzed the table yet: the planner takes it for nearly empty.
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, available_at)
     SELECT gen_random_uuid(), n, 'worker', 'thing', (n % ${AGGREGATES})::text, 'received', 'infinity'
     FROM generate_series(1, ${WAITING}) n`,
  );
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, lease_token)
     VALUES ('worker', '{*}', '{}', '${TOKEN}')`,
  );
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

describe('many thousand events that wait behind others', () => {
  it('are looked up, and of each aggregate the first gets its turn, within the time that a statement may take', async () => {
    const aggregates = await new InboxEventStore(db).unresolvedAggregates(KEY);
    expect(aggregates).toHaveLength(AGGREGATES);
    expect(Math.max(...aggregates.map(({ highest }) => highest))).toBe(WAITING);
    const settlement = { positions: '{}', exceptions: [], resolved: [], covered: [], release: aggregates };
    const { stillBlocked } = await new SettlementStore(db).settle(KEY, TOKEN, settlement);
    expect(stillBlocked).toHaveLength(AGGREGATES);
    const { rows } = await database.pool.query<{ position: string }>(
      `SELECT position FROM integration.inbox_event WHERE available_at = '-infinity' ORDER BY position`,
    );
    expect(rows.map((row) => Number(row.position))).toEqual(FIRST_OF_EACH);
  });

  it('are claimed with one probe of the index for each aggregate that is due', async () => {
    const inbox = new InboxEventStore(db);
    const claimed = await inbox.claimDue(KEY, TOKEN, AGGREGATES, true, 'others');
    const heads = claimed.rows.filter((row) => !row.follows).map((row) => row.position);
    expect(heads.sort((a, b) => a - b)).toEqual(FIRST_OF_EACH);
  });
});

describe('a claim that has to wait for a save', () => {
  const CLAIMER = { consumerName: 'claimer', partition: 0 };
  const HEADS = [1, 2, 3];
  const LATER = [11, 12, 13, 21, 22, 23];

  it('claims nothing behind a row that it does not claim, where the save releases those rows once more', async () => {
    const { pool } = database;
    await pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, lease_token)
       VALUES ('claimer', '{*}', '{}', '${TOKEN}')`,
    );
    await pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, available_at)
       SELECT gen_random_uuid(), n, 'claimer', 'thing', (n % 10)::text, 'received',
              CASE WHEN n < 10 THEN '-infinity' ELSE 'infinity' END::timestamptz
       FROM unnest($1::int[]) n`,
      [[...HEADS, ...LATER]],
    );
    const save = await pool.connect();
    await save.query('BEGIN');
    await save.query(
      `UPDATE integration.inbox_cursor SET last_progress_at = now() WHERE consumer_name = 'claimer'`,
    );
    await save.query(
      `UPDATE integration.inbox_event SET updated_at = clock_timestamp() WHERE consumer_name = 'claimer' AND position < 10`,
    );
    const claiming = new InboxEventStore(db).claimDue(CLAIMER, TOKEN, 10, true, 'any');
    await until('the claim waits for the save', async () => {
      const { rows } = await pool.query(
        `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return rows.length > 0;
    });
    await save.query('COMMIT');
    save.release();
    const positions = (await claiming).rows.map(({ position }) => position);
    expect(positions.sort((a, b) => a - b)).toEqual([...HEADS, ...LATER]);
  });
});
