import { AsyncLocalStorage } from 'node:async_hooks';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { TransactionalSqlClient } from '../../src/database/clients/sql-client.js';
import { type DomainEventInput, PgSqlClient } from '../../src/index.js';
import type { PrismaClient } from '../generated/prisma/client.js';
import { type OutboxRoom, openOutbox } from '../support/outbox-room.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const EVENT: DomainEventInput = { eventName: 'a', sourceModule: 's', aggregateType: 't', aggregateId: '1' };

let database: TestDatabase;
let prisma: PrismaClient;
let room: OutboxRoom;

beforeAll(async () => {
  database = await createTestDatabase();
  prisma = database.prisma();
  room = openOutbox({ url: database.url, client: prisma });
});
afterAll(async () => {
  await room?.close();
  await database?.drop();
});

/** As `@InjectTransaction()` of @nestjs-cls/transactional gives it: made from the root client, standing for the current transaction. */
function transactionProxy<Root extends object>(root: Root) {
  const current = new AsyncLocalStorage<object>();
  const proxy = new Proxy(root, {
    get: (_, name) => {
      const standsFor = current.getStore() ?? root;
      const value = (standsFor as Record<string | symbol, unknown>)[name];
      return typeof value === 'function' ? value.bind(standsFor) : value;
    },
  });
  return { proxy, within: <R>(transaction: object, run: () => Promise<R>) => current.run(transaction, run) };
}

async function isStored(id: string): Promise<boolean> {
  const { rowCount } = await database.pool.query('SELECT 1 FROM integration.outbox_event WHERE id = $1', [
    id,
  ]);
  return rowCount === 1;
}

describe('a proxy of the current transaction', () => {
  it('of Prisma publishes in the transaction, and is the root client outside of one', async () => {
    const { proxy, within } = transactionProxy(prisma);
    const publish = () => room.publisher.publishEvent(EVENT, { persistenceClient: proxy });
    let rolledBack = '';
    await prisma
      .$transaction((tx) =>
        within(tx, async () => {
          rolledBack = (await publish()).outboxEventId;
          throw new Error('no');
        }),
      )
      .catch(() => {});
    expect(rolledBack).not.toBe('');
    expect(await isStored(rolledBack)).toBe(false);
    const { outboxEventId } = await prisma.$transaction((tx) => within(tx, publish));
    expect(await isStored(outboxEventId)).toBe(true);
    await expect(publish()).rejects.toMatchObject({ code: 'INTEGRATION_CLIENT_IS_ROOT' });
  });

  it('may be the host’s client itself', async () => {
    const { proxy, within } = transactionProxy(prisma);
    const other = openOutbox({ url: database.url, client: proxy });
    const publish = () => other.publisher.publishEvent(EVENT, { persistenceClient: proxy });
    const { outboxEventId } = await prisma.$transaction((tx) => within(tx, publish));
    expect(await isStored(outboxEventId)).toBe(true);
    await expect(publish()).rejects.toMatchObject({ code: 'INTEGRATION_CLIENT_IS_ROOT' });
    await other.close();
  });

  it('of a transaction that the package opened is announced with its commit', async () => {
    const { proxy, within } = transactionProxy(prisma);
    // A process of its own: the other one still looks for the commits of the tests before.
    const other = openOutbox({ url: database.url, client: prisma });
    await other.transactions.run((tx) =>
      within(tx, async () => {
        await other.publisher.publishEvent(EVENT, { persistenceClient: proxy });
        expect(other.wakeups).toEqual([]);
      }),
    );
    expect(other.wakeups).toMatchObject([{ source: 'commit' }]);
    await other.close();
  });

  it('of a client that neither connects nor is Prisma is told by what it stands for', async () => {
    const plain: TransactionalSqlClient = {
      $queryRawUnsafe: (sql, ...values) => prisma.$queryRawUnsafe(sql, ...values),
      $executeRawUnsafe: (sql, ...values) => prisma.$executeRawUnsafe(sql, ...values),
      $transaction: (run) => prisma.$transaction(run),
    };
    const { proxy, within } = transactionProxy(plain);
    const other = openOutbox({ url: database.url, client: plain });
    const publish = () => other.publisher.publishEvent(EVENT, { persistenceClient: proxy });
    await expect(publish()).rejects.toMatchObject({ code: 'INTEGRATION_CLIENT_IS_ROOT' });
    const { outboxEventId } = await plain.$transaction((tx) => within(tx, publish));
    expect(await isStored(outboxEventId)).toBe(true);
    await other.close();
  });

  it('of node-postgres may be wrapped by PgSqlClient inside the transaction, and is a pool outside of it', async () => {
    const pool = new pg.Pool({ connectionString: database.url, max: 1 });
    const { proxy, within } = transactionProxy(pool);
    const publish = (client: PgSqlClient) =>
      room.publisher.publishEvent(EVENT, { persistenceClient: client });
    expect(() => new PgSqlClient(proxy)).toThrow(
      expect.objectContaining({ code: 'INTEGRATION_CLIENT_IS_ROOT' }),
    );
    const client = await pool.connect();
    await client.query('BEGIN');
    const kept = await within(client, async () => new PgSqlClient(proxy));
    const { outboxEventId } = await within(client, () => publish(kept));
    expect(await isStored(outboxEventId)).toBe(false);
    await client.query('COMMIT');
    client.release();
    expect(await isStored(outboxEventId)).toBe(true);
    await expect(publish(kept)).rejects.toMatchObject({ code: 'INTEGRATION_CLIENT_IS_ROOT' });
    await pool.end();
  });
});
