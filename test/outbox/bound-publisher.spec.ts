import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AggregatePublisher, IntegrationError, PgSqlClient } from '../../src/index.js';
import type { PrismaClient } from '../generated/prisma/client.js';
import { startApp, type TestApp } from '../support/app.js';
import { emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
let app: TestApp;
let prisma: PrismaClient;
let invoices: AggregatePublisher;

beforeAll(async () => {
  database = await createTestDatabase();
  app = await startApp(database, [], { settings: { 'processor.enabled': false } });
  prisma = app.prisma;
  invoices = app.api.for('finance', 'invoice');
});
beforeEach(() => emptyTables(database.pool, 'integration.outbox_event'));
afterAll(async () => {
  await app.close();
  await database.drop();
});

async function stored(): Promise<Record<string, unknown>[]> {
  const { rows } = await database.pool.query(
    'SELECT event_name, source_module, aggregate_type, aggregate_id, payload FROM integration.outbox_event ORDER BY position',
  );
  return rows;
}

const row = (event_name: string, aggregate_id: string, payload: unknown) => ({
  event_name,
  source_module: 'finance',
  aggregate_type: 'invoice',
  aggregate_id,
  payload,
});
const ROLLBACK = new Error('rolled back on purpose');

describe('a publisher bound to module and aggregate type', () => {
  it('is made by publisher and facade alike', () => {
    expect(invoices).toBeInstanceOf(AggregatePublisher);
    expect(invoices).toMatchObject({ sourceModule: 'finance', aggregateType: 'invoice' });
  });

  it('publishes in the transaction that it is given, whichever client that is of', async () => {
    await prisma.$transaction(async (tx) => {
      await invoices.publish('invoice.created', 'i1', { total: 7 }, tx);
    });
    await app.api.transaction(async (tx) => {
      await invoices.publish('invoice.created', 'i2', { total: 8 }, tx);
    });
    const client = await database.pool.connect();
    await client.query('BEGIN');
    await invoices.publish('invoice.created', 'i3', { total: 9 }, new PgSqlClient(client));
    await client.query('COMMIT');
    client.release();
    expect(await stored()).toEqual([
      row('invoice.created', 'i1', { total: 7 }),
      row('invoice.created', 'i2', { total: 8 }),
      row('invoice.created', 'i3', { total: 9 }),
    ]);
  });

  it('publishes nothing where that transaction rolls back', async () => {
    const rolledBack = prisma.$transaction(async (tx) => {
      await invoices.publish('invoice.created', 'i1', {}, tx);
      await invoices.publishMany([{ eventName: 'invoice.paid', aggregateId: 'i1' }], tx);
      throw ROLLBACK;
    });
    await expect(rolledBack).rejects.toBe(ROLLBACK);
    expect(await stored()).toEqual([]);
  });

  it('takes options in the same place, and a payload may be left out', async () => {
    const first = await invoices.publish('reminder.due', 'i1', undefined, { deduplicationKey: 'k' });
    const again = await invoices.publish('reminder.due', 'i1', undefined, { deduplicationKey: 'k' });
    expect(again).toEqual({ ...first, duplicate: true });
    await prisma.$transaction(async (tx) => {
      await invoices.publish('reminder.sent', 'i1', {}, { persistenceClient: tx, delayMs: 5 });
    });
    await invoices.publish('invoice.seen', 'i1');
    expect(await stored()).toEqual([
      row('reminder.due', 'i1', {}),
      row('reminder.sent', 'i1', {}),
      row('invoice.seen', 'i1', {}),
    ]);
  });

  it('publishes many in one statement, in their order', async () => {
    const receipts = await prisma.$transaction((tx) =>
      invoices.publishMany(
        [
          { eventName: 'invoice.created', aggregateId: 'i1', payload: { total: 1 } },
          { eventName: 'invoice.paid', aggregateId: 'i2', metadata: { tenantId: 't' } },
        ],
        tx,
      ),
    );
    expect((receipts[1]?.position ?? 0) - (receipts[0]?.position ?? 0)).toBe(1);
    expect(await stored()).toEqual([
      row('invoice.created', 'i1', { total: 1 }),
      row('invoice.paid', 'i2', {}),
    ]);
  });

  it.each<[string, () => unknown, string]>([
    ['a name that no module can have', () => app.api.for('', 'invoice'), 'INTEGRATION_EVENT_INVALID'],
    ['a type that is too long', () => app.api.for('finance', 'x'.repeat(128)), 'INTEGRATION_EVENT_INVALID'],
    ['the root client', () => invoices.publish('a', '1', {}, app.prisma), 'INTEGRATION_CLIENT_IS_ROOT'],
    [
      'a pool, which is no transaction',
      () => invoices.publish('a', '1', {}, database.pool as never),
      'INTEGRATION_CLIENT_INVALID',
    ],
    [
      'text in the place of a transaction',
      () => invoices.publish('a', '1', {}, 'tx' as never),
      'INTEGRATION_CLIENT_INVALID',
    ],
    [
      'a misspelt option',
      () => invoices.publish('a', '1', {}, { delay: 5 } as never),
      'INTEGRATION_EVENT_INVALID',
    ],
    ['what is no list', () => invoices.publishMany('a' as never), 'INTEGRATION_EVENT_INVALID'],
    [
      'a transaction under another name',
      () => app.api.transaction((tx) => invoices.publish('a', '1', {}, { tx } as never)),
      'INTEGRATION_CLIENT_INVALID',
    ],
    [
      'a transaction that was forgotten',
      () => app.api.transaction(() => invoices.publish('a', '1', {})),
      'INTEGRATION_TRANSACTION_FORGOTTEN',
    ],
  ])('refuses %s', async (_, call, code) => {
    const error = await Promise.resolve()
      .then(call)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(IntegrationError);
    expect((error as IntegrationError).code).toBe(code);
    expect(await stored()).toEqual([]);
  });
});
