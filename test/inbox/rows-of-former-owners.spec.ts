import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { tablesOf } from '../../src/database/sql/tables.js';
import { InboxCursorStore } from '../../src/inbox/inbox-cursor.store.js';
import { InboxEventStore } from '../../src/inbox/inbox-event.store.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

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

  it('is found although its last claim commits while the takeover is under way', async () => {
    const key = { consumerName: 'late claim', partition: 0 };
    const [former, next] = [randomUUID(), randomUUID()];
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, lease_token, lease_owner, lease_expires_at)
       VALUES ($1, '{x}', '{[2,)}', $2, gen_random_uuid(), clock_timestamp())`,
      [key.consumerName, former],
    );
    await database.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, attempt_count, available_at)
       VALUES (gen_random_uuid(), 1, $1, 'order', 'o1', 'failed', 1, clock_timestamp())`,
      [key.consumerName],
    );
    // The former owner's claim, its commit still to come.
    const client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const ofClient = {
      schema: 'integration',
      tables: tablesOf('integration'),
      queryNamed: async (_name: string, sql: string, values: unknown[]) =>
        (await client.query(sql, values)).rows,
    } as unknown as EngineDatabase;
    await client.query('BEGIN');
    const lastClaim = await new InboxEventStore(ofClient).claimDue(key, former, 10, true, 'any');
    expect(lastClaim.rows).toHaveLength(1);

    const cursors = new InboxCursorStore(engine);
    let answered = false;
    const early = cursors.claim([key], next, 30_000, []).finally(() => {
      answered = true;
    });
    await until('the takeover is answered, or waits', async () => {
      const { rowCount } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
      );
      return answered || rowCount === 1;
    });
    await client.query('COMMIT');
    await client.end();
    const [claimed] = await early;
    const cursor = claimed ?? (await cursors.claim([key], next, 30_000, []))[0];
    await new InboxEventStore(engine).interruptLeftovers(key, cursor?.leaseToken ?? '', [], false);
    const { rows } = await database.pool.query(
      'SELECT status FROM integration.inbox_event WHERE consumer_name = $1',
      [key.consumerName],
    );
    expect(rows).toEqual([{ status: 'failed' }]);
  });
});
