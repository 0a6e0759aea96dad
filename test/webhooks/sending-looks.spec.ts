import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SendingStore } from '../../src/webhooks/outgoing/sender/sending.store.js';
import { costsOf, type StatementCost } from '../support/statement-costs.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* What the statements of the sender touch, by the counters of the server, with few rows and with very many that wait. */

const ID = randomUUID();
const OTHER = randomUUID();
const WAITING = 50_000;
const ATTEMPT = {
  before: 0,
  status: 'delivered',
  afterMs: null,
  counts: true,
  at: new Date(),
  durationMs: 1,
  statusCode: 200,
  error: null,
  answer: null,
} as const;

let database: TestDatabase;
const few: StatementCost[] = [];
const many: StatementCost[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  await database.pool.query(
    `INSERT INTO integration.webhook_destination (id, tenant_id, url, event_types, ordered) VALUES ($1, 'acme', 'https://a.example', '{*}', 'entity'), ($2, 'acme', 'https://b.example', '{*}', 'strict')`,
    [ID, OTHER],
  );
  for (const id of [ID, OTHER]) await fill(id, 1, 2, 'now()');
  few.push(...(await costs()));
  // Behind a failing entity, behind a time, delivered, and dead.
  for (const id of [ID, OTHER]) {
    await fill(id, 100, WAITING, `'infinity'`);
    await fill(id, 100_000, WAITING, `now() + interval '1 hour'`);
    await fill(id, 200_000, WAITING, `now()`, 'delivered');
    await fill(id, 300_000, WAITING, `now()`, 'dead');
  }
  await database.pool.query('VACUUM (ANALYZE) integration.webhook_delivery');
  many.push(...(await costs()));
});
afterAll(() => database.drop());

async function addMessages(first: number, count: number): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.webhook_message (position, tenant_id, outbox_event_id, event_name, type, data, event_at)
     SELECT n, 'acme', gen_random_uuid(), 'a', 'a', '{}', now() FROM generate_series($1::int, $2::int) AS n ON CONFLICT DO NOTHING`,
    [first, first + count - 1],
  );
}

async function fill(
  id: string,
  first: number,
  count: number,
  dueAt: string,
  status = 'pending',
): Promise<void> {
  await addMessages(first, Math.min(count, 2));
  await database.pool.query(
    `INSERT INTO integration.webhook_delivery (destination_id, position, tenant_id, entity, status, due_at)
     SELECT $1, n, 'acme', CASE WHEN n < 100 THEN n ELSE 1 END, $4, ${dueAt} FROM generate_series($2::int, $3::int) AS n`,
    [id, first, first + count - 1, status],
  );
}

const costs = () =>
  costsOf(database, async (db) => {
    const store = new SendingStore(db);
    await store.due(
      new Map([
        [ID, 10],
        [OTHER, 10],
      ]),
    );
    await store.nextDue(db, [ID, OTHER]);
    await store.releaseNext(db, 'entity', [{ destinationId: ID, position: 2 }]);
    await store.releaseNext(db, 'strict', [{ destinationId: OTHER, position: 2 }]);
    await store.saveAttempts(db, [{ ...ATTEMPT, destinationId: ID, position: 2 }]);
  });

describe('with fifty thousand deliveries that wait behind another, for a time, or have ended', () => {
  it.each([
    ['a look at what is due', 0],
    ['when the next one is due', 1],
    ['the release of the next one of an entity', 2],
    ['the release of the next one of all', 3],
    ['the save of an attempt', 4],
  ])('%s touches as many rows and pages as without them', (_, i) => {
    expect(many[i]?.rows).toBe(few[i]?.rows);
    // Indexes are one or two levels deeper, at each of a few places where one is entered.
    expect((many[i]?.pages ?? Number.NaN) - (few[i]?.pages ?? Number.NaN)).toBeLessThanOrEqual(24);
  });
});

describe('with a hundred destinations of a tenant that has a hundred messages', () => {
  it('a look reads the messages of what is due, and pairs no destination with the others', async () => {
    const small = await createTestDatabase();
    const { rows } = await small.pool.query<{ id: string }>(
      `INSERT INTO integration.webhook_destination (id, tenant_id, url, event_types)
       SELECT gen_random_uuid(), 'acme', 'https://a.example', '{*}' FROM generate_series(1, 100) RETURNING id`,
    );
    await small.pool.query(
      `INSERT INTO integration.webhook_message (position, tenant_id, outbox_event_id, event_name, type, data, event_at)
       SELECT n, 'acme', gen_random_uuid(), 'a', 'a', '{}', now() FROM generate_series(1, 100) AS n`,
    );
    await small.pool.query(
      `INSERT INTO integration.webhook_delivery (destination_id, position, tenant_id, entity, status)
       SELECT d.id, n, 'acme', n, CASE WHEN n > 66 THEN 'pending' ELSE 'delivered' END
       FROM integration.webhook_destination d, generate_series(1, 100) AS n`,
    );
    // Few destinations are never analyzed.
    await small.pool.query('VACUUM (ANALYZE) integration.webhook_delivery, integration.webhook_message');
    const wanted = new Map(rows.map(({ id }) => [id, 2]));
    const found = await costsOf(small, async (db) => {
      await new SendingStore(db).due(wanted);
    });
    await small.drop();
    expect(found[0]?.rows).toBe(200);
    // For each delivery its index and its row, and the same for its message.
    expect(found[0]?.pages).toBeLessThan(200 * 8);
  });
});
