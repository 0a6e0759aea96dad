import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { ASK_TRANSACTION_START } from '../../src/database/sql/transaction-start.store.js';
import { InboxCursorStore } from '../../src/inbox/inbox-cursor.store.js';
import { SettlementStore } from '../../src/inbox/settlement.store.js';
import type { SqlClient } from '../../src/index.js';
import { PositionSet } from '../../src/log/position-set.js';
import { startApp } from '../support/app.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

/* A save of one's own is proof of life: see src/inbox/kept-lease.store.ts. */

const KEY = { consumerName: 'c', partition: 0 };
const LEASE_MS = 600_000;
const OWNER = randomUUID();

let database: TestDatabase;
let cursors: InboxCursorStore;
let settlements: SettlementStore;

beforeAll(async () => {
  database = await createTestDatabase();
  const db = database.engine();
  cursors = new InboxCursorStore(db);
  settlements = new SettlementStore(db);
});
beforeEach(async () => {
  await database.pool.query('DELETE FROM integration.inbox_event');
  await database.pool.query('DELETE FROM integration.inbox_cursor');
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread) VALUES ('c', '{*}', '{[1,)}')`,
  );
});
afterAll(() => database.drop());

/** The token of a lease that has just run out. */
async function claimed(): Promise<string> {
  const [cursor] = await cursors.claim([KEY], OWNER, LEASE_MS, []);
  await database.pool.query(
    `UPDATE integration.inbox_cursor SET lease_expires_at = clock_timestamp() - interval '1 second'`,
  );
  return cursor?.leaseToken ?? '';
}

/** Seconds that the lease still lasts, rounded. Negative if it has run out. */
async function left(): Promise<number> {
  const { rows } = await database.pool.query<{ left: number }>(
    'SELECT round(extract(epoch FROM lease_expires_at - clock_timestamp()) / 60)::int * 60 AS left FROM integration.inbox_cursor',
  );
  return rows[0]?.left ?? Number.NaN;
}

const asSqlClient = (client: pg.PoolClient): SqlClient => ({
  $queryRawUnsafe: async <T>(sql: string, ...values: unknown[]) =>
    (await client.query(sql, values)).rows as T,
  $executeRawUnsafe: async (sql, ...values) => (await client.query(sql, values)).rowCount ?? 0,
});

/** A batch's transaction up to its commit. */
async function settledInTransaction(token: string, position: number): Promise<pg.PoolClient> {
  const client = await database.pool.connect();
  await client.query('BEGIN');
  const { rows } = await client.query<{ start: string }>(ASK_TRANSACTION_START);
  const positions = PositionSet.of([position]).toString();
  await cursors.settleInTransaction(asSqlClient(client), KEY, token, positions, rows[0]?.start ?? '');
  return client;
}

async function end(client: pg.PoolClient, how: 'COMMIT' | 'ROLLBACK'): Promise<void> {
  await client.query(how);
  client.release();
}

const NOTHING = { positions: '{}', exceptions: [], resolved: [], release: [], covered: [] };
const SAVES: [string, (token: string) => Promise<unknown>][] = [
  ['of positions', (token) => settlements.settlePositions(KEY, token, '{[1,2)}', 1)],
  ['of very many ranges', (token) => settlements.settleMany(KEY, token, PositionSet.of([1, 3]))],
  [
    'of several cursors',
    (token) => settlements.settleTogether([{ key: KEY, token, positions: '{[1,2)}', readUpto: 1 }]),
  ],
  ['of a transactional consumer', (token) => settlements.settleCovered(KEY, token, '{[1,2)}', [])],
  ['with everything', (token) => settlements.settle(KEY, token, NOTHING)],
  ['of a batch', async (token) => end(await settledInTransaction(token, 1), 'COMMIT')],
  ['of what is about to be read', (token) => cursors.saveReadUpto(KEY, token, 5)],
  ['of a group of suspects', (token) => cursors.saveSuspectsBelow(KEY, token, 5)],
  [
    'of a suspect',
    (token) =>
      cursors.moveToInbox(KEY, token, {
        outboxEventId: randomUUID(),
        position: 1,
        aggregateType: 't',
        aggregateId: 'a',
      }),
  ],
];

describe.each(SAVES)('a save %s', (_, save) => {
  it('renews the lease, also one that has run out and nobody has taken', async () => {
    await save(await claimed());
    expect(await left()).toBe(LEASE_MS / 1000);
  });

  it('under another token renews nothing', async () => {
    await claimed();
    await save(randomUUID());
    expect(await left()).toBeLessThanOrEqual(0);
  });

  it('makes no lease shorter', async () => {
    const token = await claimed();
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET lease_expires_at = clock_timestamp() + interval '1 hour'`,
    );
    await save(token);
    expect(await left()).toBe(3_600);
  });
});

describe('saves whose transactions hold the cursor without a gap', () => {
  it('keep the lease from the first commit on, though it could be renewed and taken at no moment', async () => {
    const token = await claimed();
    let holder = await settledInTransaction(token, 1);
    for (let position = 2; position <= 6; position++) {
      const next = settledInTransaction(token, position);
      await until('the next save waits for this one', async () => {
        const { rows } = await database.pool.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return rows.length > 0;
      });
      expect(await cursors.claim([KEY], randomUUID(), LEASE_MS, [])).toEqual([]);
      await end(holder, 'COMMIT');
      holder = await next;
      expect(await left()).toBe(LEASE_MS / 1000);
    }
    await end(holder, 'COMMIT');
    expect(await cursors.claim([KEY], randomUUID(), LEASE_MS, [])).toEqual([]);
  });

  it('that are rolled back have renewed nothing: another process takes the cursor', async () => {
    const token = await claimed();
    await end(await settledInTransaction(token, 1), 'ROLLBACK');
    expect(await cursors.claim([KEY], randomUUID(), LEASE_MS, [])).toHaveLength(1);
  });
});

it('an owner goes on for as long as its saves have renewed its lease, though somebody always holds the row', async () => {
  const handled = new Recorder<string>();
  const leaseMs = 2_000;
  const app = await startApp(
    database,
    [
      {
        eventName: 'thing.changed',
        consumerName: 'owner',
        handler: async ({ aggregateId }: { aggregateId: string }) => handled.record(aggregateId),
      },
    ],
    { settings: { processingLeaseMs: leaseMs } },
  );
  const publish = (aggregateId: string) =>
    app.api.publishEvent({
      eventName: 'thing.changed',
      sourceModule: 'test',
      aggregateType: 'thing',
      aggregateId,
    });
  const holder = await database.pool.connect();
  try {
    await publish('before');
    await handled.first(1);
    // What a save does, and the next one that has the row before a renewal can have it.
    await holder.query(
      `UPDATE integration.inbox_cursor SET lease_expires_at = clock_timestamp() + interval '1 hour' WHERE consumer_name = 'owner'`,
    );
    await holder.query('BEGIN');
    const { rows } = await holder.query<{ since: Date }>(
      `SELECT clock_timestamp() AS since FROM integration.inbox_cursor WHERE consumer_name = 'owner' FOR UPDATE`,
    );
    const since = rows[0]?.since ?? new Date(0);
    await until('the last renewal is longer ago than a lease', async () => {
      const { rows } = await database.pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
      return (rows[0]?.now ?? since).getTime() - since.getTime() > 1.5 * leaseMs;
    });
    await publish('after');
    await handled.first(2);
    expect(handled.all).toEqual(['before', 'after']);
  } finally {
    await holder.query('ROLLBACK');
    holder.release();
    await app.close();
  }
});
