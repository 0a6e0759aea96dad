import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { InboxCursorStore } from '../../src/inbox/inbox-cursor.store.js';
import { SettlementStore } from '../../src/inbox/settlement.store.js';
import { type DomainEvent, NonRetryableError, OperationService } from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { DELIVERY_TABLES, emptyTablesAnew } from '../support/empty-tables.js';
import { inboxRows, unreadOf } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let handled: string[];
let broken: boolean;
const apps: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  handled = [];
  broken = false;
  await emptyTablesAnew(database.pool, ...DELIVERY_TABLES, 'integration.integration_process');
});
afterEach(async () => {
  silenceLog();
  await stopAll();
});
afterAll(() => database.drop());

async function stopAll(): Promise<void> {
  for (const app of apps.splice(0)) await app.close();
}

async function start(...subscribers: AnySubscriberDefinition[]): Promise<TestApp> {
  const app = await startApp(database, subscribers, {
    settings: { retryBaseDelayMs: 60_000, retryMaxDelayMs: 60_000 },
  });
  apps.push(app);
  return app;
}

const consumer = (
  consumerName: string,
  eventName: string | string[] = 'order.placed',
): AnySubscriberDefinition =>
  ({
    eventName,
    consumerName,
    handler: async ({ aggregateId, payload }: DomainEvent) => {
      if (broken && payload === 'dead') throw new NonRetryableError('dead');
      if (broken && payload === 'failing') throw new Error('failing');
      handled.push(`${aggregateId}:${String(payload)}`);
    },
  }) as AnySubscriberDefinition;

const event = (aggregateId: string, payload: string) => ({
  eventName: 'order.placed',
  sourceModule: 'test',
  aggregateType: 'order',
  aggregateId,
  payload,
});

describe('rename', () => {
  it('keeps the place: nothing is handled twice; dead letters, retries and those behind them go along', async () => {
    broken = true;
    const old = await start(consumer('billing'));
    await old.api.publishEvents([
      event('a', '1'),
      event('d', 'dead'),
      event('f', 'failing'),
      event('f', 'behind'),
    ]);
    await old.processor.drain();
    await old.consumers.replay('billing', { eventNames: ['order.lost'] });
    await stopAll();
    const admin = await start();
    await admin.api.publishEvent(event('a', '2'));
    await admin.consumers.rename('billing', 'invoicing');
    expect(await admin.consumers.list()).toMatchObject([
      { consumerName: 'invoicing', owner: null, deadLetters: 1 },
    ]);
    const { operations } = await admin.context.get(OperationService).list({ consumerName: 'invoicing' });
    expect(operations).toMatchObject([{ kind: 'replay', filter: { eventNames: ['order.lost'] } }]);
    expect(await inboxRows(database, 'billing')).toEqual([]);
    expect((await inboxRows(database, 'invoicing')).map(({ status }) => status)).toEqual([
      'dead_letter',
      'failed',
      'received',
    ]);
    broken = false;
    await database.pool.query(
      `UPDATE integration.inbox_event SET available_at = now() WHERE status = 'failed'`,
    );
    const next = await start(consumer('invoicing'));
    await next.consumers.redrive({ consumerName: 'invoicing' });
    await next.processor.drain();
    expect([...handled].sort()).toEqual(['a:1', 'a:2', 'd:dead', 'f:behind', 'f:failing']);
    expect(handled.filter((each) => each.startsWith('f'))).toEqual(['f:failing', 'f:behind']);
  });

  it('is refused while a process works on it, of an unknown one, and where the new name is none or taken', async () => {
    const app = await start(consumer('billing'), consumer('other'));
    await app.processor.drain();
    const code = (text: string) => ({ code: text });
    await expect(app.consumers.rename('billing', 'x')).rejects.toMatchObject(
      code('INTEGRATION_CONSUMER_ACTIVE'),
    );
    await stopAll();
    const admin = await start();
    await expect(admin.consumers.rename('nobody', 'x')).rejects.toMatchObject(
      code('INTEGRATION_CONSUMER_UNKNOWN'),
    );
    for (const name of ['other', 'billing', '', 'x'.repeat(128), 'a\u0000']) {
      await expect(admin.consumers.rename('billing', name)).rejects.toMatchObject(
        code('INTEGRATION_ADMIN_INVALID'),
      );
    }
    expect(await admin.consumers.list()).toMatchObject([
      { consumerName: 'billing' },
      { consumerName: 'other' },
    ]);
  });

  it('fences a stalled owner off, also where the name comes back', async () => {
    const app = await start(consumer('billing'));
    await app.processor.drain();
    await stopAll();
    const admin = await start();
    await admin.api.publishEvent(event('a', '1'));
    const token = '00000000-0000-4000-8000-000000000001';
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET lease_owner = gen_random_uuid(), lease_token = $1, lease_expires_at = now() - interval '1 minute'`,
      [token],
    );
    const before = await unreadOf(database, 'billing');
    await admin.consumers.rename('billing', 'invoicing');
    await admin.consumers.rename('invoicing', 'billing');
    const db = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
    try {
      const key = { consumerName: 'billing', partition: 0 };
      expect(await new SettlementStore(db).settlePositions(key, token, '{[1,2)}', 1)).toBe(false);
      expect(await new InboxCursorStore(db).release(key, token)).toBe(false);
    } finally {
      await db.close();
    }
    expect(await unreadOf(database, 'billing')).toBe(before);
  });

  it("waits for a stalled handler's transaction, so that its row goes along", async () => {
    await start(consumer('billing'));
    await stopAll();
    const admin = await start();
    await admin.api.publishEvent(event('a', '1'));
    const handler = await database.pool.connect();
    try {
      await handler.query('BEGIN');
      await handler.query(
        `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, processed_at)
         SELECT id, position, 'billing', aggregate_type, aggregate_id, 'processed', now() FROM integration.outbox_event`,
      );
      const renamed = admin.consumers.rename('billing', 'invoicing');
      for (;;) {
        const { rows } = await database.pool.query(
          'SELECT 1 FROM integration.inbox_cursor WHERE lease_token IS NOT NULL',
        );
        if (rows.length > 0) break;
      }
      await handler.query('COMMIT');
      await renamed;
    } finally {
      handler.release();
    }
    expect(await inboxRows(database, 'billing')).toEqual([]);
    expect(await inboxRows(database, 'invoicing')).toMatchObject([{ status: 'processed' }]);
  });
});

describe('a new consumer that looks like an abandoned one', () => {
  it('is warned about once, with the command; an ordinary new one is not', async () => {
    await start(consumer('billing'));
    await stopAll();
    const lines = hearLog();
    const said = () => lines.texts('warn').filter((text) => text.includes('rename'));
    await start(consumer('reports', 'report.made'));
    expect(said()).toEqual([]);
    await start(consumer('invoicing', ['order.placed', 'order.paid']));
    expect(said()).toEqual([
      expect.stringMatching(
        /"invoicing".*"billing".*the events of the last hour.*consumers rename billing invoicing/,
      ),
    ]);
    await stopAll();
    const app = await start(consumer('invoicing', ['order.placed', 'order.paid']));
    // Its first beat says that it has handlers for the consumer.
    await app.processor.drain();
    expect(said()).toHaveLength(1);
    await start(consumer('mailing', ['order.placed', 'order.paid']), consumer('billing'));
    expect(said()).toHaveLength(1);
  });
});
