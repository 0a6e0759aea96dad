import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CONSUMER_ORDERS, type ConsumerOrder, type ConsumerPlace } from '../../src/status/consumer-order.js';
import { CONSUMER_STATES } from '../../src/status/consumer-summary.js';
import { type AdminApp, startAdminApp } from '../admin/admin-app.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

/* Lists of more consumers than the largest page has, in each order and of each state. */

const CONSUMERS = 1_001;
const PAGE = 400;

let database: TestDatabase;
let app: TestApp;
let admin: AdminApp;

/** Consumer n has settled all events but the last n of 5; some are paused, unknown since long, or have dead letters. */
beforeAll(async () => {
  database = await createTestDatabase();
  app = await startApp(database, [], { role: 'publisher' });
  admin = await startAdminApp(database);
  await app.api.publishEvents(
    ['a', 'b', 'c', 'd', 'e'].map((aggregateId) => ({
      eventName: 'order.placed',
      sourceModule: 'test',
      aggregateType: 'order',
      aggregateId,
    })),
  );
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, paused_at, repartition_to, served_at)
     SELECT 'c-' || lpad(n::text, 4, '0'), '{order.*}', int8multirange(int8range((SELECT max(position) FROM integration.outbox_event) + 1 - n % 6, NULL)),
       CASE WHEN n % 100 = 7 THEN now() END, CASE WHEN n % 100 = 8 THEN 4 END,
       CASE WHEN n % 100 = 9 THEN now() - interval '900 days' ELSE now() END
     FROM generate_series(1, ${CONSUMERS}) AS n`,
  );
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error)
     SELECT gen_random_uuid(), 100000 + n * 10 + m, 'c-' || lpad(n::text, 4, '0'), 'order', 'o', 'dead_letter', 'Error: refused'
     FROM generate_series(${CONSUMERS - 20}, ${CONSUMERS}) AS n CROSS JOIN generate_series(1, n % 7) AS m`,
  );
});
afterAll(async () => {
  await admin.close();
  await app.close();
  await database.drop();
});

async function inPages(request: { order?: ConsumerOrder; state?: (typeof CONSUMER_STATES)[number] }) {
  const found = [];
  let after: ConsumerPlace | undefined;
  do {
    const { consumers, next } = await app.consumers.page({ ...request, limit: PAGE, after });
    found.push(...consumers.map(({ summary }) => summary));
    after = next ?? undefined;
  } while (after !== undefined);
  return found;
}

it.each(CONSUMER_ORDERS)('pages have every consumer once, in the order by %s', async (order) => {
  const found = await inPages({ order });
  expect(new Set(found.map(({ consumerName }) => consumerName)).size).toBe(CONSUMERS);
  expect(found).toHaveLength(CONSUMERS);
  const rankOf = {
    name: () => 0,
    state: (each: (typeof found)[number]) => -CONSUMER_STATES.indexOf(each.state),
    unread: (each: (typeof found)[number]) => each.pendingEvents ?? each.pendingPositions,
    // All events are of one transaction, so what is further behind has more of them to read.
    lag: (each: (typeof found)[number]) => each.pendingEvents ?? each.pendingPositions,
    deadLetters: (each: (typeof found)[number]) => each.deadLetters,
    progress: (each: (typeof found)[number]) => each.settledPerSecond ?? -1,
  }[order];
  const expected = [...found].sort(
    (a, b) => rankOf(b) - rankOf(a) || (a.consumerName < b.consumerName ? -1 : 1),
  );
  expect(found.map(({ consumerName }) => consumerName)).toEqual(
    expected.map(({ consumerName }) => consumerName),
  );
});

it('a state is looked for among all consumers', async () => {
  const ofState = async (state: (typeof CONSUMER_STATES)[number]) =>
    (await inPages({ state, order: 'unread' })).map(
      ({ consumerName }) => Number(consumerName.slice(2)) % 100,
    );
  expect(new Set(await ofState('paused'))).toEqual(new Set([7]));
  expect(new Set(await ofState('repartitioning'))).toEqual(new Set([8]));
  expect(new Set(await ofState('orphaned'))).toEqual(new Set([9]));
  expect(await ofState('unavailable')).toEqual([]);
  expect(await ofState('working')).toHaveLength(CONSUMERS - 30);
});

it('refuses an order, a state and a place that there is not', async () => {
  for (const wrong of [
    { order: 'size' },
    { state: 'ill' },
    { after: { consumerName: 'c', value: Number.NaN } },
  ])
    await expect(app.consumers.page(wrong as never)).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
});

describe('by REST and command', () => {
  it('the order and the state are those of the service', async () => {
    const { json } = await admin.ask('consumers?order=deadLetters&limit=3');
    const first = (await inPages({ order: 'deadLetters' })).map(({ consumerName }) => consumerName);
    expect(json.items.map(({ consumerName }: { consumerName: string }) => consumerName)).toEqual(
      first.slice(0, 3),
    );
    const second = await admin.ask(`consumers?order=deadLetters&limit=3&after=${json.next}`);
    expect(second.json.items[0]).toMatchObject({ consumerName: first[3] });
    const { status, stdout } = await runCommand(['consumers', 'list', '--order', 'deadLetters'], database);
    expect(status).toBe(0);
    expect(stdout.split('\n')[1]).toMatch(new RegExp(`^${first[0]} `));
    const paused = await runJsonCommand(['consumers', 'list', '--state', 'paused'], database);
    expect(paused.result.consumers).toHaveLength(10);
    const none = await runCommand(['consumers', 'list', '--state', 'unserved'], database);
    expect(none.stdout).toBe('No consumer is in this state.\n');
  });

  it('a page of another order is refused', async () => {
    const { json } = await admin.ask('consumers?order=lag&limit=3');
    expect(await admin.ask(`consumers?order=unread&limit=3&after=${json.next}`)).toMatchObject({
      status: 400,
      json: { code: 'INTEGRATION_ADMIN_INVALID' },
    });
  });
});
