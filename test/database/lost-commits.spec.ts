import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { OperationService } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { type CommitProxy, startCommitProxy } from '../support/commit-proxy.js';
import { publishOrders } from '../support/orders.js';
import { operationEnded } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

/*
 * Transactions of delivery and of publishers whose COMMIT is carried out while its answer is lost.
 * test/admin/lost-commits.spec.ts has those of admins.
 */

const EVENTS = 20;

let database: TestDatabase;
let proxy: CommitProxy;
let app: TestApp | undefined;

beforeEach(async () => {
  database = await createTestDatabase();
  proxy = await startCommitProxy(database.url);
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  await proxy.close();
  await database.drop();
});

const through = (): TestDatabase => ({
  ...database,
  url: proxy.url,
  prisma: () => database.prisma({ url: proxy.url }),
});

async function count(table: string, condition = 'true'): Promise<number> {
  const { rows } = await database.pool.query(`SELECT count(*)::int AS n FROM ${table} WHERE ${condition}`);
  return rows[0].n;
}

/** With the client of the host, and with the engine's own. */
const CLIENTS = [
  ['the client of the host', {}],
  ['the engine’s own client', { client: undefined }],
] as const;

describe.each(CLIENTS)('a lost commit with %s', (_, options) => {
  it('of a publisher is an error to its caller, and its event is delivered once', async () => {
    const handled: string[] = [];
    app = await startApp(
      through(),
      [
        {
          eventName: 'order.placed',
          consumerName: 'billing',
          handler: async ({ aggregateId }) => {
            handled.push(aggregateId);
          },
        },
      ],
      options,
    );
    const { api } = app;
    const lost = proxy.loseCommitOf('INSERT INTO invoice');
    const published = api.transaction(async (tx) => {
      await (tx as unknown as { $executeRawUnsafe(sql: string): Promise<number> }).$executeRawUnsafe(
        `INSERT INTO invoice (id) VALUES ('i1')`,
      );
      await api.publishEvent(
        {
          eventName: 'order.placed',
          sourceModule: 'test',
          aggregateType: 'order',
          aggregateId: 'o1',
        },
        { persistenceClient: tx },
      );
    });
    await Promise.all([expect(published).rejects.toThrow(), lost]);
    await publishOrders(app, 1);
    await until('both are handled', async () => handled.length === 2);
    await until(
      'both are saved',
      async () => (await count('integration.inbox_cursor', `unread = '{[3,)}'`)) === 1,
    );
    expect([handled.sort(), await count('invoice'), await count('integration.outbox_event')]).toEqual([
      ['o0', 'o1'],
      1,
      2,
    ]);
  });

  it('of an attempt leaves one effect of its event', async () => {
    app = await startApp(
      through(),
      [
        {
          eventName: 'order.placed',
          consumerName: 'billing',
          transactional: true,
          handler: async ({ aggregateId }, context) => {
            await (
              context.transaction as unknown as {
                $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>;
              }
            ).$executeRawUnsafe(
              `INSERT INTO effect (consumer, event_id) VALUES ('billing', $1)`,
              aggregateId,
            );
          },
        },
      ],
      options,
    );
    const lost = proxy.loseCommitOf('INSERT INTO effect');
    await publishOrders(app, EVENTS);
    await lost;
    await until('all are handled', async () => (await count('effect')) >= EVENTS);
    await until(
      'all are saved',
      async () => (await count('integration.inbox_cursor', `unread = '{[${EVENTS + 1},)}'`)) === 1,
    );
    await until(
      'nothing is tried again',
      async () =>
        (await count('integration.inbox_event', `status IN ('received', 'processing', 'failed')`)) === 0,
    );
    expect([await count('effect'), await count('integration.inbox_event', `status = 'dead_letter'`)]).toEqual(
      [EVENTS, 0],
    );
  });
});

describe.each([
  ['a portion', { kind: 'redrive', filter: { consumerName: 'billing' } }, 'SET changed = changed + $2'],
  [
    'a window of a replay',
    { kind: 'replay', filter: { consumerName: 'billing', from: 1 } },
    'sent = sent + $3',
  ],
] as const)('the lost commit of %s', (_, request, text) => {
  it('neither repeats what it has done nor counts it twice', async () => {
    app = await startApp(through(), [
      { eventName: 'order.placed', consumerName: 'billing', handler: async () => {} },
    ]);
    await publishOrders(app, EVENTS);
    await until(
      'all are handled',
      async () => (await count('integration.inbox_cursor', `unread = '{[${EVENTS + 1},)}'`)) === 1,
    );
    await database.pool.query(`
      INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, last_error)
        SELECT id, position, 'billing', aggregate_type, aggregate_id, 'dead_letter', 'boom' FROM integration.outbox_event;
      CREATE TABLE sent (id uuid UNIQUE);
      CREATE FUNCTION note_sent() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO sent VALUES (NEW.outbox_event_id); RETURN NULL; END $$;
      CREATE TRIGGER note_sent AFTER UPDATE ON integration.inbox_event FOR EACH ROW
        WHEN (OLD.status = 'dead_letter' AND NEW.status <> 'dead_letter') EXECUTE FUNCTION note_sent()`);
    const operations = app.context.get(OperationService);
    const { id } = await operations.plan({ ...request, rate: 10 });
    const lost = proxy.loseCommitOf(text);
    await operations.run(id);
    await lost;
    expect(await operationEnded(operations, id)).toMatchObject({
      state: 'done',
      changed: EVENTS,
      error: null,
    });
    expect([await count('sent'), await count('integration.integration_audit')]).toEqual([EVENTS, 1]);
  });
});
