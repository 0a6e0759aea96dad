import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { tablesOf } from '../../src/database/sql/tables.js';
import { claimDueSql } from '../../src/inbox/claim-due.store.js';
import { InboxEventStore } from '../../src/inbox/inbox-event.store.js';
import { SettlementStore } from '../../src/inbox/settlement.store.js';
import type { DomainEvent, SubscriberContext } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const NAME = 'worker';
const KEY = { consumerName: NAME, partition: 0 };
const PLACES = 5;
const DUE = 300;
/** So many handlers end at once. From then on the handlers wait, and what is claimed ahead stays where it is. */
const QUICK = 150;

let database: TestDatabase;
const apps: TestApp[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  await database.drop();
});

/** Events that the consumer has read, each of an aggregate of its own, with a row that is due now. */
async function makeDue(count: number, more = ''): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload)
     SELECT 'thing.changed', 'test', 'thing', n::text, '{}' FROM generate_series(1, $1::int) n`,
    [count],
  );
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status, available_at)
     SELECT id, position, $1, aggregate_type, aggregate_id, 'received', clock_timestamp() - interval '1 second' FROM integration.outbox_event ${more}`,
    [NAME],
  );
}

async function addCursor(token: string | null = null): Promise<void> {
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, lease_token)
     SELECT $1, '{thing.*}', int8multirange(int8range(coalesce(max(position), 0) + 1, NULL)), $2 FROM integration.outbox_event`,
    [NAME, token],
  );
}

async function statuses(): Promise<Record<string, number>> {
  const { rows } = await database.pool.query<{ status: string; rows: number }>(
    `SELECT status || ' ' || attempt_count AS status, count(*)::int AS rows FROM integration.inbox_event GROUP BY 1`,
  );
  return Object.fromEntries(rows.map(({ status, rows: count }) => [status, count]));
}

async function start(
  handler: (event: DomainEvent, context: SubscriberContext) => Promise<void>,
): Promise<TestApp> {
  const app = await startApp(database, [
    { eventName: 'thing.*', consumerName: NAME, concurrency: PLACES, handler },
  ]);
  apps.push(app);
  return app;
}

/** Starts an application whose handlers stop when many have ended. Resolves when rows are claimed ahead. */
async function claimAhead(): Promise<{ app: TestApp; begun: string[]; release: () => void }> {
  const begun: string[] = [];
  const hold = gate();
  const app = await start(async ({ aggregateId }) => {
    begun.push(aggregateId);
    if (begun.length > QUICK) await hold.opened;
  });
  await until('rows are claimed that do not run', async () => {
    const processing = (await statuses())['processing 1'] ?? 0;
    return begun.length === QUICK + PLACES && processing > PLACES;
  });
  return { app, begun, release: hold.open };
}

describe('due rows that were claimed before there was a place for them', () => {
  it('are given back, with their attempts, by a process that closes', async () => {
    await makeDue(DUE);
    await addCursor();
    const { app, begun, release } = await claimAhead();
    const closing = app.close();
    await until('it has begun to close', async () => app.workers.active.length === 0);
    release();
    await closing;
    const { 'processed 1': done, ...rest } = await statuses();
    expect(done).toBe(begun.length);
    expect(Object.keys(rest).sort()).toEqual(['failed 0', 'received 0']);
    expect((done ?? 0) + (rest['failed 0'] ?? 0) + (rest['received 0'] ?? 0)).toBe(DUE);
  });

  it('run once under the next owner, alone, if their owner loses its lease; what the old owner saves is refused', async () => {
    await makeDue(DUE);
    await addCursor();
    const { begun, release } = await claimAhead();
    const before = [...begun];
    const saved = (await statuses())['processed 1'] ?? 0;
    // The next owner is here already, and takes over when the lease is gone.
    const handled = new Recorder<string>();
    let running = 0;
    let mostBesideASuspect = 0;
    await start(async ({ aggregateId }, { attempt }) => {
      running++;
      const { rows } = await database.pool.query(
        `SELECT FROM integration.inbox_event WHERE aggregate_id = $1 AND suspicion = 'alone'`,
        [aggregateId],
      );
      if (rows.length > 0) mostBesideASuspect = Math.max(mostBesideASuspect, running);
      expect(attempt).toBe(1);
      running--;
      handled.record(aggregateId);
    });
    await database.pool.query(
      `UPDATE integration.inbox_cursor SET lease_token = gen_random_uuid(), lease_owner = gen_random_uuid(),
         lease_expires_at = clock_timestamp()`,
    );
    await until('every row is processed', async () => (await statuses())['processed 1'] === DUE);
    release();
    const all = handled.all;
    expect(new Set(all).size).toBe(all.length);
    expect(new Set([...before, ...all]).size).toBe(DUE);
    // Nothing runs twice but what ran, or had ended and was not saved, when the lease was lost.
    expect(all.length).toBeLessThanOrEqual(DUE - saved);
    expect(mostBesideASuspect).toBe(1);
    expect(await statuses()).toEqual({ 'processed 1': DUE });
  });
});

describe('a claim', () => {
  let db: EngineDatabase;
  const token = randomUUID();
  beforeEach(async () => {
    db = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
    await database.pool.query(`ALTER TABLE integration.inbox_event SET (autovacuum_enabled = false)`);
  });
  afterEach(() => db.close());

  it('takes rows beyond the places only as far as their payloads fit into memory, and says that there are more', async () => {
    await makeDue(6);
    await addCursor(token);
    await database.pool.query(`UPDATE integration.outbox_event SET payload_bytes = 1536 * 1024`);
    const inbox = new InboxEventStore(db);
    const claim = async (limit: number, places: number) => {
      const { rows, more } = await inbox.claimDue(KEY, token, limit, true, 'any', places);
      return [rows.map(({ position }) => position).sort((a, b) => a - b), more];
    };
    expect(await claim(6, 1)).toEqual([[1, 2], true]);
    expect(await claim(6, 3)).toEqual([[3, 4, 5], true]);
    expect(await claim(6, 3)).toEqual([[6], false]);
  });

  it('finds the row that must run alone by its index, behind many that were due before', async () => {
    await makeDue(2_000);
    await addCursor(token);
    await database.pool.query(
      `UPDATE integration.inbox_event SET suspicion = 'interrupted', status = 'failed', available_at = clock_timestamp() WHERE position = 7`,
    );
    const plan = await planOf(claimDueSql(tablesOf('integration'), true, 'suspects'), [
      NAME,
      0,
      token,
      1,
      true,
      1,
    ]);
    expect(plan).toContain('inbox_event_suspect_idx');
    expect(mostRemoved(plan)).toBeLessThan(10);
  });

  it('and a save find their rows by their ids, although nobody has told the planner that there are many', async () => {
    await makeDue(6_000, 'WHERE false');
    await database.pool.query('ANALYZE integration.inbox_event');
    await makeDue(0);
    await addCursor(token);
    const claim = claimDueSql(tablesOf('integration'), true, 'any');
    findsRowsById(await planOf(claim, [NAME, 0, token, 1_000, false, 1_000]));
    const { rows } = await new InboxEventStore(db).claimDue(KEY, token, 1_000, true, 'any');
    expect(rows).toHaveLength(1_000);
    const plans: string[] = [];
    const explaining = {
      tables: db.tables,
      queryNamed: async (_name: string, sql: string, values: unknown[]) => {
        plans.push(await planOf(sql, values));
        return [];
      },
    } as unknown as EngineDatabase;
    await new SettlementStore(explaining).settle(KEY, token, {
      positions: '{}',
      exceptions: [],
      release: [],
      covered: [],
      resolved: rows.map((row) => ({
        ...row,
        status: 'processed' as const,
        error: undefined,
        fingerprint: undefined,
        availableInMs: undefined,
        failedAttempt: undefined,
        isSuspect: false,
        isPostponed: false,
      })),
    });
    expect(plans).toHaveLength(1);
    for (const plan of plans) findsRowsById(plan);
  });
});

/**
 * How the statement runs when its plan serves any values, as it does once it has run a few times. Nothing that
 * it changes is kept.
 */
async function planOf(sql: string, values: unknown[]): Promise<string> {
  const client = await database.pool.connect();
  try {
    await client.query('BEGIN');
    await client.query(`SET LOCAL plan_cache_mode = force_generic_plan`);
    await client.query(`PREPARE planned AS ${sql}`);
    const { rows } = await client.query(
      `EXPLAIN (ANALYZE, TIMING OFF) EXECUTE planned (${values.map(literal).join()})`,
    );
    await client.query('DEALLOCATE planned');
    await client.query('ROLLBACK');
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  } finally {
    client.release();
  }
}

function literal(value: unknown): string {
  if (value === null) return 'NULL';
  return Array.isArray(value) ? `'{${value.map((each) => each ?? 'NULL').join()}}'` : `'${value}'`;
}

function findsRowsById(plan: string): void {
  expect(plan).toMatch(/Index Scan using inbox_event_pkey on inbox_event i(_\d)? .*loops=1000\)/);
  expect(plan).not.toContain('Rows Removed by Join Filter');
}

/** Of all the plan's nodes, how many rows one has looked at in vain. */
function mostRemoved(plan: string): number {
  return Math.max(
    0,
    ...[...plan.matchAll(/Rows Removed by [A-Za-z ]+: (\d+)/g)].map(([, rows]) => Number(rows)),
  );
}
