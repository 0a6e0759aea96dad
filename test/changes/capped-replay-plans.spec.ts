import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OperationService } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { publishOrders } from '../support/orders.js';
import { operationEnded } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let app: TestApp;

beforeEach(async () => {
  database = await createTestDatabase();
  app = await startApp(database, [
    { eventName: 'order.placed', consumerName: 'billing', startFrom: 'earliest', handler: async () => {} },
  ]);
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

const operations = () => app.context.get(OperationService);

/** Dead letters of events that the log does not have any more, at positions behind `from`. */
async function withDeadLetters(count: number, from: number, aggregateId: string): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
     SELECT gen_random_uuid(), $2 + n, 'billing', 'order', $3, 'dead_letter' FROM generate_series(1, $1) AS n`,
    [count, from, aggregateId],
  );
}

async function states(aggregateId: string): Promise<Record<string, number>> {
  const { rows } = await database.pool.query<{ status: string; rows: number }>(
    `SELECT status, count(*)::int AS rows FROM integration.inbox_event WHERE aggregate_id = $1 GROUP BY 1`,
    [aggregateId],
  );
  return Object.fromEntries(rows.map(({ status, rows: number }) => [status, number]));
}

describe('a plan that stopped counting', () => {
  it('takes no event that failed after it, also an older one', async () => {
    await withDeadLetters(200_001, 10_000, 'there');
    const planned = await operations().plan({
      kind: 'discard',
      filter: { consumerName: 'billing' },
      by: 'ann',
      reason: 'too old',
    });
    expect(planned).toMatchObject({ plannedEvents: 200_000, plannedAtLeast: true });
    // The operation takes the lowest positions first, so it comes to these before all that it was planned for.
    await withDeadLetters(1_000, 0, 'late');
    const { id } = await operations().run(planned.id);
    await until('it has discarded some', async () => (await operations().get(id)).changed > 0);
    const ended = await operations().cancel(id);
    expect(await states('late')).toEqual({ dead_letter: 1_000 });
    expect(await states('there')).toMatchObject({ skipped: ended.changed });
  });

  it('ends when nothing is left of what was there', async () => {
    await withDeadLetters(3, 10_000, 'there');
    const { id } = await operations().plan({
      kind: 'discard',
      filter: { consumerName: 'billing' },
      by: 'ann',
      reason: 'too old',
    });
    // It is stored as one of a version that did not note when it counted.
    await database.pool.query(`UPDATE integration.integration_operation SET planned_at_least = true`);
    await withDeadLetters(10, 0, 'late');
    await withDeadLetters(10, 20_000, 'late');
    await operations().run(id);
    expect(await operationEnded(operations(), id)).toMatchObject({ state: 'done', changed: 3 });
    expect(await states('late')).toEqual({ dead_letter: 20 });
  });

  it('of a replay ends where the log ended', async () => {
    await publishOrders(app, 3);
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT 'other.thing', 'test', 'thing', '1' FROM generate_series(1, 100000)`,
    );
    const { rows } = await database.pool.query<{ last: number }>(
      'SELECT max(position)::int AS last FROM integration.outbox_event',
    );
    await until('the consumer is done', async () => {
      const [{ pendingPositions } = { pendingPositions: -1 }] = await app.consumers.list();
      return pendingPositions === 0;
    });
    const planned = await operations().plan({
      kind: 'replay',
      filter: { consumerName: 'billing', from: 1 },
      by: 'ann',
    });
    expect(planned).toMatchObject({ plannedEvents: 3, plannedAtLeast: true });
    await publishOrders(app, 5);
    expect(await operations().run(planned.id)).toMatchObject({ toPosition: rows[0]?.last });
    expect(await operationEnded(operations(), planned.id)).toMatchObject({ state: 'done', changed: 3 });
  });
});
