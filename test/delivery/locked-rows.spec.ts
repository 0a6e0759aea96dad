import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent, SqlClient, SubscriberContext, Tx } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';

/** Longer than a statement of the engine's waits for a lock, and than a lease lasts. */
const HELD_MS = 4_500;
const LEASE_MS = 3_000;

let database: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => app.close());
afterAll(() => database.drop());

const event = (eventName: string) => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId: 'a',
});

async function lease(consumerName: string): Promise<{ token: string | null; until: Date } | undefined> {
  const { rows } = await database.pool.query<{ token: string | null; until: Date }>(
    'SELECT lease_token AS token, lease_expires_at AS until FROM integration.inbox_cursor WHERE consumer_name = $1',
    [consumerName],
  );
  return rows[0];
}

describe('a row that somebody holds for long', () => {
  it.each([
    [
      'the cursor of one consumer',
      `SELECT 1 FROM integration.inbox_cursor WHERE consumer_name = 'held' FOR UPDATE`,
    ],
    ['the row of the process', 'SELECT 1 FROM integration.integration_process FOR UPDATE'],
  ])(
    '%s: no other consumer drops anything, and the one concerned goes on under its lease',
    async (_, lock) => {
      const released = gate();
      const begun = new Recorder<AbortSignal>();
      const wait = async (_: DomainEvent, { signal }: SubscriberContext) => {
        begun.record(signal);
        await released.opened;
      };
      app = await startApp(
        database,
        ['held', 'innocent'].map((name) => ({ eventName: name, consumerName: name, handler: wait })),
        { settings: { processingLeaseMs: LEASE_MS } },
      );
      await app.api.publishEvents([event('held'), event('innocent')]);
      await begun.first(2);
      const before = { held: await lease('held'), innocent: await lease('innocent') };

      const client = await database.pool.connect();
      try {
        await client.query('BEGIN');
        await client.query(lock);
        const heldUntil = (before.innocent?.until.getTime() ?? 0) + HELD_MS;
        await until('the lease of the other consumer was renewed for so long', async () => {
          const now = await lease('innocent');
          return now !== undefined && now.until.getTime() >= heldUntil;
        });
      } finally {
        await client.query('COMMIT');
        client.release();
      }

      expect(begun.all.map(({ aborted }) => aborted)).toEqual([false, false]);
      expect((await lease('innocent'))?.token).toBe(before.innocent?.token);
      expect((await lease('held'))?.token).toBe(before.held?.token);
      released.open();
      await untilConsumerSettled(database, 'innocent');
      await untilConsumerSettled(database, 'held');
      expect(begun.all).toHaveLength(2);
    },
  );
});

describe('without a client of the host’s own, a statement of the host', () => {
  it('waits for a row as long as the database says, in a transaction and in a handler', async () => {
    const own = await createTestDatabase();
    try {
      await own.pool.query(
        `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET lock_timeout = 7777', current_database()); END $$`,
      );
      const limitOf = async (tx: Tx) =>
        (await (tx as SqlClient).$queryRawUnsafe<{ lock_timeout: string }[]>('SHOW lock_timeout'))[0]
          ?.lock_timeout;
      const limits = new Recorder<unknown>();
      app = await startApp(
        own,
        [
          {
            eventName: 'limit',
            consumerName: 'limit',
            transactional: true,
            handler: async (_: DomainEvent, { transaction }: SubscriberContext) =>
              limits.record(await limitOf(transaction)),
          },
        ],
        { client: undefined },
      );
      expect(await app.api.transaction(limitOf)).toBe('7777ms');
      await app.api.publishEvent(event('limit'));
      expect(await limits.first(1)).toEqual(['7777ms']);
      await untilConsumerSettled(own, 'limit');
      await app.close();
    } finally {
      await own.drop();
    }
  });
});
