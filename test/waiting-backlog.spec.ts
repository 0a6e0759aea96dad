import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../src/database/engine-database.js';
import { InboxEventStore } from '../src/inbox/inbox-event.store.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

const WAITING = 20_000;
const AGGREGATES = 50;
const KEY = { consumerName: 'worker', partition: 0 };

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
     VALUES ('worker', '{*}', '{}', '00000000-0000-4000-8000-000000000000')`,
  );
});

afterAll(async () => {
  await db.close();
  await database.drop();
});

describe('many thousand events that wait behind others', () => {
  it('are taken over within the time that a statement may take, and of each aggregate the first gets its turn', async () => {
    const inbox = new InboxEventStore(db);
    await inbox.releaseLowest(KEY);
    const { rows } = await database.pool.query<{ position: string }>(
      `SELECT position FROM integration.inbox_event WHERE available_at = '-infinity' ORDER BY position`,
    );
    expect(rows.map((row) => Number(row.position))).toEqual(
      Array.from({ length: AGGREGATES }, (_, index) => index + 1),
    );
    expect(await inbox.unresolvedAggregates(KEY)).toHaveLength(AGGREGATES);
  });

  it('are claimed with one probe of the index for each aggregate that is due', async () => {
    const inbox = new InboxEventStore(db);
    const claimed = await inbox.claimDue(KEY, '00000000-0000-4000-8000-000000000000', AGGREGATES, true, true);
    expect(claimed.map((row) => row.position).sort((a, b) => a - b)).toEqual(
      Array.from({ length: AGGREGATES }, (_, index) => index + 1),
    );
  });
});
