import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { EngineSession } from '../../src/database/sql/engine-session.js';
import { LaneRoundStore } from '../../src/lanes/lane-round.store.js';
import type { LaneRunner } from '../../src/lanes/lane-runner.js';
import { OutgoingTargetStore } from '../../src/lanes/outgoing-target.store.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { addItems, createItems, type Hooks, type Item, itemsOf, runnerOf, stateOf } from './lane-stage.js';

/* Nobody tells the owner here: what is found is found by what stands in the table. */

const TARGET = randomUUID();

let database: TestDatabase;
let app: TestApp | undefined;
let runner: LaneRunner<Item> | undefined;

beforeEach(async () => {
  database = await createTestDatabase();
  await createItems(database);
});
afterEach(async () => {
  await app?.close();
  await runner?.stop();
  app = undefined;
  runner = undefined;
  await database.drop();
});

async function start(hooks: Hooks): Promise<EngineDatabase> {
  app = await startApp(database, []);
  runner = runnerOf(app, hooks);
  runner.start();
  return app.context.get(EngineDatabase, { strict: false });
}

/** What a router does: an item and its readiness, in one transaction. */
async function route(session: EngineSession, n: number): Promise<void> {
  const store = new OutgoingTargetStore({ tables: database.engine().tables });
  await session.query('INSERT INTO public.item (target, n) VALUES ($1, $2)', [TARGET, n]);
  await store.makeReady(session, 'webhook', [TARGET]);
}

const waitsForALock = async () => {
  const { rows } = await database.pool.query(
    `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  );
  return rows.length > 0;
};
const isAllDone = async () => (await itemsOf(database)).every(({ status }) => status === 'done');

describe('an item that is added while the last one is saved', () => {
  it('is found where its transaction had the target first', async () => {
    const go = gate();
    const begun = new Recorder<number>();
    const db = await start({
      run: async ({ n }) => {
        begun.record(n);
        if (n === 1) await go.opened;
        return { is: 'done' };
      },
    });
    await addItems(db, [TARGET], 1);
    await begun.first(1);
    const commit = gate();
    const routed = db.transaction(async (session) => {
      await route(session, 2);
      go.open();
      await commit.opened;
    });
    await until('the save waits for the router', waitsForALock);
    commit.open();
    await routed;
    await until('both are done', isAllDone);
    expect(begun.all).toEqual([1, 2]);
  });

  it('is found where the save had the target first', async () => {
    const computed = gate();
    const go = gate();
    let first = true;
    const db = await start({
      run: async () => ({ is: 'done' }),
      afterNextDue: async () => {
        if (!first) return;
        first = false;
        computed.open();
        await go.opened;
      },
    });
    await addItems(db, [TARGET], 1);
    await computed.opened;
    let isRouted = false;
    const routed = db
      .transaction((session) => route(session, 2))
      .then(() => {
        isRouted = true;
      });
    await until(
      'the router waits for the save, or has not waited',
      async () => isRouted || (await waitsForALock()),
    );
    go.open();
    await routed;
    await until('both are done', isAllDone);
  });

  it('holds up no other target while its transaction goes on', async () => {
    const [other = ''] = [randomUUID()];
    const go = gate();
    const begun = new Recorder<string>();
    const db = await start({
      run: async ({ target }) => {
        begun.record(target);
        await go.opened;
        return { is: 'done' };
      },
    });
    await addItems(db, [TARGET, other], 1);
    await begun.first(2);
    const commit = gate();
    const routed = db.transaction(async (session) => {
      await route(session, 2);
      go.open();
      await commit.opened;
    });
    await until('the other is done', async () => (await itemsOf(database, other))[0]?.status === 'done');
    expect((await itemsOf(database, TARGET)).map(({ status }) => status)).toEqual(['pending']);
    commit.open();
    await routed;
    await until('both are done', isAllDone);
  });
});

describe('a look', () => {
  /** Rows and pages that the statement of a look touches. */
  async function cost(): Promise<{ rows: number; pages: number }> {
    const plans: { rows: number; pages: number }[] = [];
    const explaining = {
      tables: database.engine().tables,
      query: async (sql: string, values: unknown[]) => {
        const { rows } = await database.pool.query(`EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ${sql}`, values);
        const plan = rows[0]['QUERY PLAN'][0].Plan;
        plans.push({
          rows: plan['Actual Rows'],
          pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'],
        });
        return [];
      },
    } as unknown as EngineDatabase;
    await new LaneRoundStore(explaining).ready(
      'webhook',
      Array.from({ length: 64 }, (_, lane) => lane),
      [],
      2_000,
      500,
    );
    return plans[0] ?? { rows: Number.NaN, pages: Number.NaN };
  }

  it('touches as many rows and pages with a hundred thousand targets that wait as with a thousand', async () => {
    const fill = (count: number) =>
      database.pool.query(
        `INSERT INTO integration.outgoing_target (kind, id, lane, ready_at)
         SELECT 'webhook', gen_random_uuid(), n % 64, clock_timestamp() + interval '1 hour' FROM generate_series(1, $1::int) AS n`,
        [count],
      );
    await fill(1_000);
    const db = database.engine();
    await addItems(db, [TARGET], 1);
    await database.pool.query('VACUUM (ANALYZE) integration.outgoing_target');
    const few = await cost();
    await fill(100_000);
    await database.pool.query('VACUUM (ANALYZE) integration.outgoing_target');
    const many = await cost();
    expect(many.rows).toBe(1);
    expect(few.rows).toBe(1);
    // The index is one level deeper: a page more for each of the 64 lanes.
    expect(many.pages - few.pages).toBeLessThanOrEqual(128);
    expect(await stateOf(database, TARGET)).toMatchObject({ ready: true });
  });
});
