import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../src/database/engine-database.js';
import { InboxEventStore } from '../src/inbox/inbox-event.store.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

const KEY = { consumerName: 'operations', partition: 0 };

let database: TestDatabase;
let engine: EngineDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
  engine = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
});
afterAll(async () => {
  await engine.close();
  await database.drop();
});

describe('what a former owner left behind', () => {
  it('is marked as interrupted by the present owner alone: a stale one would take running handlers for leftovers', async () => {
    const [present, stale] = [randomUUID(), randomUUID()];
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, lease_token) VALUES ($1, '{x}', '{[1,)}', $2)`,
      [KEY.consumerName, present],
    );
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, attempt_count)
       VALUES (gen_random_uuid(), 1, $1, 'order', 'o1', 'processing', 1)`,
      [KEY.consumerName],
    );
    const inbox = new InboxEventStore(engine);
    expect(await inbox.interruptLeftovers(KEY, stale, [], false)).toBe(0);
    expect(await inbox.interruptLeftovers(KEY, present, [], false)).toBe(1);
  });
});
