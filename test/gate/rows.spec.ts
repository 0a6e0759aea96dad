import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { deleteSilentGates, GateStore } from '../../src/gate/gate.store.js';
import { emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { gateProcess, rateOf, target, tryOnce } from './processes.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() => emptyTables(database.pool, 'integration.connector_gate'));

const keys = async () => {
  const { rows } = await database.pool.query(
    'SELECT key, limit_no FROM integration.connector_gate ORDER BY 1, 2',
  );
  return rows.map(({ key, limit_no }) => `${key} ${limit_no}`);
};

describe('rows of the gate', () => {
  it('are deleted once all their times have passed for longer than any window lasts', async () => {
    const db = database.engine();
    await database.pool.query(`
      INSERT INTO integration.connector_gate (key, limit_no, next_slot, window_end, blocked_until, breaker, probe_until)
      VALUES ('silent', 0, NULL, NULL, NULL, NULL, NULL),
        ('silent', 1, now() - interval '41 days', NULL, NULL, NULL, NULL),
        ('silent', 2, NULL, now() - interval '41 days', NULL, NULL, NULL),
        ('silent', 3, NULL, NULL, now() - interval '41 days', NULL, NULL),
        ('silent', 4, NULL, NULL, NULL, 'open', now() - interval '41 days'),
        ('said', 1, now() - interval '39 days', NULL, NULL, NULL, NULL),
        ('said', 2, NULL, now() - interval '39 days', NULL, NULL, NULL),
        ('said', 3, now() - interval '41 days', NULL, now() + interval '1 day', NULL, NULL),
        ('said', 4, NULL, NULL, NULL, 'open', now())`);
    const step = (batch: number) => db.transaction((session) => deleteSilentGates(session, db.tables, batch));
    expect(await step(3)).toBe(true);
    expect(await step(3)).toBe(false);
    expect(await keys()).toEqual(['said 1', 'said 2', 'said 3', 'said 4']);
  });

  it('that somebody works with are passed over', async () => {
    const db = database.engine();
    await database.pool.query(
      `INSERT INTO integration.connector_gate (key, limit_no) VALUES ('a', 0), ('b', 0)`,
    );
    const holder = await database.pool.connect();
    await holder.query('BEGIN');
    await holder.query(`SELECT 1 FROM integration.connector_gate WHERE key = 'a' FOR UPDATE`);
    await db.transaction((session) => deleteSilentGates(session, db.tables, 10));
    expect(await keys()).toEqual(['a 0']);
    await holder.query('ROLLBACK');
    holder.release();
  });

  it('that were deleted meanwhile are made again', async () => {
    const of = target(rateOf(100, 1_000, 10));
    const process = gateProcess(database);
    await tryOnce(process, of);
    await new GateStore(database.engine()).remove([of.key]);
    expect(await keys()).toEqual([]);
    for (let n = 0; n < 5; n++) expect((await tryOnce(process, of, { waitMs: 1_000 })).at).toBeDefined();
    expect(await keys()).toEqual([`${of.key} 0`, `${of.key} 1`]);
  });

  it('are taken by many at once in any order without a deadlock', async () => {
    const processes = Array.from({ length: 4 }, () => gateProcess(database));
    const shared = { ...rateOf(1_000_000, 1_000, 100_000), key: 'connector:x' };
    const tries = processes.flatMap((process, p) =>
      Array.from({ length: 25 }, (_, n) => {
        const key = `connection:${(n * 7 + p) % 5}`;
        const own = target({ ...rateOf(1_000_000, 1_000, 100_000), key }, shared);
        return tryOnce(process, { ...own, key, others: ['connector:x'] }, { waitMs: 30_000 });
      }),
    );
    expect((await Promise.all(tries)).every(({ at }) => at !== undefined)).toBe(true);
  });
});

describe('how many processes there are', () => {
  it('is at least one, and leaves out those that have gone', async () => {
    const store = new GateStore(database.engine());
    expect(await store.processes()).toBe(1);
    await database.pool.query(`
      INSERT INTO integration.integration_process (id, role, host, pid, seen_at)
      SELECT gen_random_uuid(), 'all', 'host', n, now() - n * interval '1 minute' FROM generate_series(0, 4) AS n`);
    expect(await store.processes()).toBe(2);
    await database.pool.query('DELETE FROM integration.integration_process');
  });
});
