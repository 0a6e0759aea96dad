import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { InboxCursorStore } from '../../src/inbox/inbox-cursor.store.js';
import { SettlementStore } from '../../src/inbox/settlement.store.js';
import { OutboxLogStore } from '../../src/log/outbox-log.store.js';
import { PositionSet } from '../../src/log/position-set.js';
import { startApp, type TestApp } from '../support/app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { processMs, TurnWatch } from '../support/turn-watch.js';
import { until } from '../support/until.js';
import { startWorker, type WorkerProcess } from '../support/worker-process.js';

const HOLES = 100_000;
const KEY = { consumerName: 'consumer', partition: 0 };
const OWNER = '0193a000-0000-7000-8000-000000000001';
const CONSUMER = { consumerName: 'consumer', eventName: 'thing.*' };

let database: TestDatabase;
let app: TestApp | undefined;
let workers: WorkerProcess[];

beforeEach(async () => {
  database = await createTestDatabase();
  workers = [];
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  for (const worker of workers) worker.kill('SIGTERM');
  await Promise.all(workers.map((worker) => worker.ended));
  await database.drop();
});

/** A consumer that has followed along while every other position was drawn in vain, and a transaction stayed open that has ended since. */
async function withHoles(holes: number): Promise<void> {
  const { pool } = database;
  await pool.query(`SELECT setval(pg_get_serial_sequence('integration.outbox_event', 'position'), $1)`, [
    2 * holes,
  ]);
  await pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread)
     SELECT 'consumer', '{thing.*}', range_agg(int8range(i, i + 1)) + int8multirange(int8range(max(i) + 2, NULL))
     FROM generate_series(1::bigint, $1::bigint, 2) i`,
    [2 * holes - 1],
  );
}

async function publish(aggregateId: string): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
     VALUES ('thing.happened', 'test', 'thing', $1)`,
    [aggregateId],
  );
}

interface CursorState {
  readonly bytes: number;
  readonly unclean: number;
}

async function cursor(): Promise<CursorState | undefined> {
  const { rows } = await database.pool.query<CursorState>(
    `SELECT pg_column_size(unread) AS bytes, unclean_takeovers AS unclean FROM integration.inbox_cursor`,
  );
  return rows[0];
}

/** One range, or a few. */
const isSmall = (state: CursorState | undefined) => state !== undefined && state.bytes < 500;

describe('a consumer with very many holes', () => {
  it('is rid of them soon, for little, and never keeps the event loop', async () => {
    await withHoles(2 * HOLES);
    const handled: string[] = [];
    const handler = async (event: { aggregateId: string }) => void handled.push(event.aggregateId);
    app = await startApp(database, [{ ...CONSUMER, handler }]);
    const before = processMs();
    const watch = new TurnWatch();
    await until('the holes are gone', async () => isSmall(await cursor()));
    // It is some 30 ms, and almost five seconds if the holes are taken out one by one. What the test's own
    // compiler and collector take in one turn counts as well: 263 ms have been seen.
    expect(watch.end()).toBeLessThan(1_000);
    expect(processMs() - before).toBeLessThan(5_000);
    await publish('after');
    await until('the event is handled', async () => handled.length > 0);
    expect(handled).toEqual(['after']);
  });

  it('is taken over by nobody meanwhile, beside another process', async () => {
    await withHoles(HOLES);
    workers = [1, 2].map(() => startWorker(database.url, [CONSUMER], { processingLeaseMs: 3_000 }));
    const unclean: number[] = [];
    await until('the holes are gone', async () => {
      const state = await cursor();
      unclean.push(state?.unclean ?? 0);
      return isSmall(state);
    });
    expect(Math.max(...unclean)).toBe(0);
  });
});

describe('very many ranges', () => {
  let db: EngineDatabase;
  beforeEach(() => {
    db = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
  });
  afterEach(() => db.close());

  it('come from a claim as they are stored, be there none, and are taken out by one statement', async () => {
    const store = new InboxCursorStore(db);
    await withHoles(25_000);
    await database.pool.query(
      `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread) VALUES ('none', '{*}', '{}')`,
    );
    const claimed = await store.claim([KEY, { ...KEY, consumerName: 'none' }], OWNER, 60_000, []);
    const unread = claimed.find(({ consumerName }) => consumerName === 'consumer')?.unread;
    expect(claimed.find(({ consumerName }) => consumerName === 'none')?.unread.isEmpty).toBe(true);
    expect(unread?.rangeCount).toBe(25_001);
    const { rows } = await database.pool.query<{ unread: string }>(
      `SELECT unread::text FROM integration.inbox_cursor WHERE consumer_name = 'consumer'`,
    );
    expect(unread?.toString()).toBe(rows[0]?.unread);
    const token = claimed.find(({ consumerName }) => consumerName === 'consumer')?.leaseToken ?? '';
    const settled = unread?.below(50_000) ?? PositionSet.empty();
    const settlements = new SettlementStore(db);
    expect(await settlements.settleMany(KEY, OWNER, settled)).toBe(false);
    expect(await settlements.settleMany(KEY, token, settled)).toBe(true);
    const { rows: after } = await database.pool.query<{ unread: string }>(
      `SELECT unread::text FROM integration.inbox_cursor WHERE consumer_name = 'consumer'`,
    );
    expect(after[0]?.unread).toBe('{[50001,)}');
  });

  it('are read as a page of few is, by statements none of which asks for too many', async () => {
    await publish('1');
    await publish('2');
    await withHoles(25_000);
    await publish('50001');
    const statements = countParts(db);
    const log = new OutboxLogStore(db);
    const filter = { eventNames: ['*'], partitions: 1, chosen: [0] };
    const wanted = PositionSet.parse(
      `{${Array.from({ length: 25_000 }, (_, i) => `[${2 * i + 1},${2 * i + 2})`)},[50001,)}`,
    );
    const read = (rows: number, bytes = 1_000_000) => log.readPage(wanted, rows, bytes, filter);
    const all = await read(100);
    expect(all.events.map(({ aggregateId }) => aggregateId)).toEqual(['1', '50001']);
    expect([all.positions.toString(), all.cut]).toEqual(['{[1,2),[50001,50002)}', false]);
    expect(statements()).toBe(3);
    const first = await read(1);
    expect([first.positions.toString(), first.cut]).toEqual(['{[1,2)}', true]);
    const small = await read(100, 1);
    expect([small.positions.toString(), small.cut]).toEqual(['{[1,2)}', true]);
    expect(statements()).toBe(3 + 1 + 3);
  });
});

/** How many statements were asked within snapshots. */
function countParts(db: EngineDatabase): () => number {
  let statements = 0;
  const { readInSnapshot: snapshot } = db;
  db.readInSnapshot = (fn) =>
    snapshot.call(db, (source) =>
      fn({
        forEachRow: (...args) => {
          statements++;
          return source.forEachRow(...args);
        },
      }),
    ) as ReturnType<typeof fn>;
  return () => statements;
}
