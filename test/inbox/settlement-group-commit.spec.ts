import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { firstValueFrom } from 'rxjs';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { SettlementStore } from '../../src/inbox/settlement.store.js';
import { SettlementGroupCommit } from '../../src/inbox/settlement-group-commit.js';
import type { DomainEvent } from '../../src/index.js';
import { startApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let db: EngineDatabase;
let settlements: SettlementGroupCommit;

beforeEach(async () => {
  database = await createTestDatabase();
  db = new EngineDatabase({ connectionString: database.url, schema: 'integration' });
  settlements = new SettlementGroupCommit(new SettlementStore(db), db);
});
afterEach(async () => {
  await db.close();
  await database.drop();
});

/** A cursor with everything unread, under the token that comes back. */
async function aCursor(consumerName: string): Promise<string> {
  const token = randomUUID();
  await database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, lease_token) VALUES ($1, '{*}', '{[1,)}', $2)`,
    [consumerName, token],
  );
  return token;
}

/** Not awaited by itself: whoever is settled in one turn is settled together. */
const settle = (consumerName: string, token: string, positions = '{[1,5)}') =>
  settlements.settlePositions({ consumerName, partition: 0 }, token, positions, 9);

async function stateOf(consumerName: string): Promise<{ unread: string; read_upto: string | null }> {
  const { rows } = await database.pool.query(
    'SELECT unread::text, read_upto FROM integration.inbox_cursor WHERE consumer_name = $1',
    [consumerName],
  );
  return rows[0];
}

const SETTLED = { unread: '{[5,)}', read_upto: '9' };
const UNTOUCHED = { unread: '{[1,)}', read_upto: null };

/** Runs `use` while somebody holds the cursor's row, having changed it by `change` or not; it is committed when `use` is done. */
async function whileHeld(consumerName: string, change: string, use: () => Promise<void>): Promise<void> {
  const holder = await database.pool.connect();
  try {
    await holder.query('BEGIN');
    await holder.query(`UPDATE integration.inbox_cursor SET ${change} WHERE consumer_name = $1`, [
      consumerName,
    ]);
    await use();
    await holder.query('COMMIT');
  } finally {
    // Where `use` has failed, its transaction is still open.
    holder.release(true);
  }
}

const LATCH = 4711;

async function ownPid(): Promise<number> {
  const [row] = await db.query<{ pid: number }>('SELECT pg_backend_pid() AS pid, pg_sleep(0.05)::text');
  return row?.pid ?? 0;
}

/** The sessions that wait for the latch, if there is one. */
async function waitingForTheLatch(): Promise<number[] | undefined> {
  const { rows } = await database.pool.query<{ pid: number }>(
    `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted
       AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [LATCH],
  );
  return rows.length > 0 ? rows.map(({ pid }) => pid) : undefined;
}

describe('cursors that are settled in one turn', () => {
  it('are settled by one statement', async () => {
    const [first, second] = [await aCursor('first'), await aCursor('second')];

    expect(await Promise.all([settle('first', first), settle('second', second)])).toEqual([true, true]);

    expect([await stateOf('first'), await stateOf('second')]).toEqual([SETTLED, SETTLED]);
    const { rows } = await database.pool.query('SELECT DISTINCT xmin FROM integration.inbox_cursor');
    expect(rows).toHaveLength(1);
  });

  it('are settled one by one where one of them is named twice', async () => {
    const [first, second] = [await aCursor('first'), await aCursor('second')];
    const settling = [settle('first', first), settle('second', second), settle('first', first, '{[7,8)}')];

    expect(await Promise.all(settling)).toEqual([true, true, true]);

    expect([await stateOf('first'), await stateOf('second')]).toEqual([
      { unread: '{[5,7),[8,)}', read_upto: '9' },
      SETTLED,
    ]);
  });

  it('are told apart by their tokens, the former owner of one included', async () => {
    const [first, second] = [await aCursor('first'), await aCursor('second')];
    const settling = [settle('first', second), settle('first', first), settle('second', second, '{}')];

    expect(await Promise.all(settling)).toEqual([false, true, true]);
  });

  it('are each behind the fence of their own token', async () => {
    await aCursor('first');
    const second = await aCursor('second');

    expect(await Promise.all([settle('first', randomUUID()), settle('second', second)])).toEqual([
      false,
      true,
    ]);

    expect([await stateOf('first'), await stateOf('second')]).toEqual([UNTOUCHED, SETTLED]);
  });

  it('do not wait for one whose row is held, which is settled once it can be', async () => {
    const [held, free] = [await aCursor('held'), await aCursor('free')];
    let settling: Promise<boolean> | undefined;

    await whileHeld('held', 'held_back = held_back', async () => {
      settling = settle('held', held);
      expect(await settle('free', free)).toBe(true);
      expect(await stateOf('held')).toEqual(UNTOUCHED);
    });

    expect(await settling).toBe(true);
    expect(await stateOf('held')).toEqual(SETTLED);
  });

  it('are not settled where the token changes while the row is waited for', async () => {
    const [taken, free] = [await aCursor('taken'), await aCursor('free')];
    let settling: Promise<boolean> | undefined;

    await whileHeld('taken', 'lease_token = gen_random_uuid()', async () => {
      settling = settle('taken', taken);
      expect(await settle('free', free)).toBe(true);
    });

    expect(await settling).toBe(false);
    expect(await stateOf('taken')).toEqual(UNTOUCHED);
  });

  it('lose nothing that others write into the same rows at the same moment', async () => {
    const names = ['first', 'second', 'third'];
    const tokens = await Promise.all(names.map(aCursor));
    const others: Promise<unknown>[] = [];
    for (let position = 1; position <= 200; position++) {
      // Each puts one position back, as a replay does.
      for (const name of names)
        others.push(
          database.pool.query(
            `UPDATE integration.inbox_cursor SET unread = unread + int8multirange(int8range($2::bigint, $2::bigint + 1)) WHERE consumer_name = $1`,
            [name, -position],
          ),
        );
      const positions = `{[${position},${position + 1})}`;
      const settled = await Promise.all(names.map((name, i) => settle(name, tokens[i] ?? '', positions)));
      expect(settled).toEqual([true, true, true]);
    }
    await Promise.all(others);
    for (const name of names) expect((await stateOf(name)).unread).toBe('{[-200,0),[201,)}');
  });

  it('keep what they had to save where their statement fails', async () => {
    const [first, second] = [await aCursor('first'), await aCursor('second')];
    await database.pool.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$;
      CREATE TRIGGER refuse BEFORE UPDATE ON integration.inbox_cursor FOR EACH STATEMENT EXECUTE FUNCTION refuse()`);

    const results = await Promise.allSettled([settle('first', first), settle('second', second)]);

    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect([await stateOf('first'), await stateOf('second')]).toEqual([UNTOUCHED, UNTOUCHED]);
  });

  it('are not settled one by one behind a loss: the server may have handed out their positions again', async () => {
    const [held, free] = [await aCursor('held'), await aCursor('free')];
    await database.pool.query(`
      CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        PERFORM pg_advisory_xact_lock(${LATCH}); RETURN NEW;
      END $$;
      CREATE TRIGGER wait BEFORE UPDATE ON integration.inbox_cursor FOR EACH ROW
        WHEN (NEW.consumer_name = 'free') EXECUTE FUNCTION wait()`);
    const latch = await database.pool.connect();
    await latch.query('SELECT pg_advisory_lock($1)', [LATCH]);
    // Both of them are open at once, and one is idle while the other saves.
    const pids = await Promise.all([ownPid(), ownPid()]);
    const lost = firstValueFrom(db.losses$);
    let settling: Promise<PromiseSettledResult<boolean>[]> | undefined;

    await whileHeld('held', 'held_back = held_back', async () => {
      settling = Promise.allSettled([settle('held', held)]);
      const saved = settle('free', free);
      const [saver] = await until('the save of both waits', () => waitingForTheLatch());
      await database.pool.query('SELECT pg_terminate_backend($1)', [pids.find((pid) => pid !== saver)]);
      await lost;
      await latch.query('SELECT pg_advisory_unlock($1)', [LATCH]);
      expect(await saved).toBe(true);
    });
    latch.release();

    expect((await settling)?.[0]?.status).toBe('rejected');
    expect(await stateOf('held')).toEqual(UNTOUCHED);
  });
});

it('consumers that work off the same backlog are saved together', async () => {
  const EVENTS = 3_000;
  const CONSUMERS = ['first', 'second', 'third'];
  // How many cursors each statement has taken positions out of.
  await database.pool.query(`
    CREATE TABLE saves (cursors bigint);
    CREATE FUNCTION count_saved() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      INSERT INTO saves SELECT count(*) FROM before JOIN after USING (consumer_name) WHERE before.unread <> after.unread;
      RETURN NULL;
    END $$;
    CREATE TRIGGER count_saved AFTER UPDATE ON integration.inbox_cursor
      REFERENCING OLD TABLE AS before NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION count_saved()`);
  const handled = new Map(CONSUMERS.map((name) => [name, 0]));
  // They begin together, however long each of them takes to take over.
  const begun = new Set<string>();
  const allHaveBegun = gate();
  const subscribers = CONSUMERS.map((consumerName) => ({
    consumerName,
    eventName: 'order.placed',
    startFrom: 'earliest' as const,
    handler: async (_: DomainEvent) => {
      if (begun.add(consumerName).size === CONSUMERS.length) allHaveBegun.open();
      await allHaveBegun.opened;
      handled.set(consumerName, (handled.get(consumerName) ?? 0) + 1);
    },
  }));
  const app = await startApp(database, subscribers, { settings: { 'processor.enabled': false } });
  try {
    await app.api.publishEvents(
      Array.from({ length: EVENTS }, (_, i) => ({
        eventName: 'order.placed',
        sourceModule: 'test',
        aggregateType: 'order',
        aggregateId: `order-${i}`,
      })),
    );
    await app.processor.drain();

    expect([...handled.values()]).toEqual(CONSUMERS.map(() => EVENTS));
    const { rows } = await database.pool.query('SELECT max(cursors)::int AS most FROM saves');
    expect(rows).toEqual([{ most: CONSUMERS.length }]);
    for (const name of CONSUMERS) expect((await stateOf(name)).unread).toBe(`{[${EVENTS + 1},)}`);
  } finally {
    await app.close();
  }
});
