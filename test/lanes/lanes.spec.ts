import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import type { LaneRunner } from '../../src/lanes/lane-runner.js';
import type { Outcome } from '../../src/lanes/lane-work.js';
import { OutgoingTargetStore } from '../../src/lanes/outgoing-target.store.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import {
  addItems,
  createItems,
  type Hooks,
  type Item,
  itemsOf,
  runnerOf,
  stateOf,
  targetIn,
} from './lane-stage.js';

let database: TestDatabase;
let apps: TestApp[] = [];
let runners: LaneRunner<Item>[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
  await createItems(database);
});
afterEach(async () => {
  const open = apps;
  apps = [];
  // As Nest does it: delivery ends first, which gives the lanes back.
  await Promise.all(open.map((app) => app.close()));
  await Promise.all(runners.map((runner) => runner.stop()));
  runners = [];
  await database.drop();
});

async function start(hooks: Hooks, { isOn = true, shutdownTimeoutMs = 2_000 } = {}) {
  const app = await startApp(database, [], { settings: { 'processor.enabled': isOn }, shutdownTimeoutMs });
  apps.push(app);
  const runner = runnerOf(app, hooks, { shutdownTimeoutMs });
  runners.push(runner);
  runner.start();
  const db = app.context.get(EngineDatabase, { strict: false });
  const add = async (targets: readonly string[], count: number, first = 1) => {
    await addItems(db, targets, count, first);
    runner.wake(targets);
  };
  return { app, runner, db, add };
}

const done: Outcome = { is: 'done' };
const failed: Outcome = { is: 'again', afterMs: 0, isFailure: true };
const targets = (count: number): string[] => Array.from({ length: count }, () => randomUUID());
const pending = async () => (await itemsOf(database)).filter(({ status }) => status === 'pending').length;

/** Resolves when so many lanes of the kind have an owner. */
const ownedLanes = async (count: number) => {
  const { rows } = await database.pool.query(
    `SELECT count(*)::int AS n FROM integration.integration_lease WHERE name LIKE 'lanes.webhook.%' AND owner IS NOT NULL`,
  );
  return rows[0].n === count;
};

describe('work in lanes', () => {
  it('runs every item once, for many targets, and nothing is ready afterwards', async () => {
    const ran = new Recorder<string>();
    const { add } = await start({
      run: async ({ key }) => {
        ran.record(key);
        return done;
      },
    });
    const ids = targets(50);
    await add(ids, 20);
    await until('everything is done', async () => (await pending()) === 0);
    expect(new Set(ran.all).size).toBe(1_000);
    expect(ran.all).toHaveLength(1_000);
    const { rows } = await database.pool.query(
      'SELECT count(*)::int AS n FROM integration.outgoing_target WHERE ready_at IS NOT NULL',
    );
    expect(rows[0].n).toBe(0);
  });

  it('does not run again what a look read as due while its save was under way', async () => {
    const [target = ''] = targets(1);
    const [saving, looked, saved] = [gate(), gate(), gate()];
    const [maySave, mayBegin] = [gate(), gate()];
    let isSaving = false;
    const ran = new Recorder<number>();
    const { add, runner } = await start({
      run: async ({ n }) => {
        ran.record(n);
        return done;
      },
      beforeSave: async () => {
        isSaving = true;
        saving.open();
        await maySave.opened;
      },
      saved: () => saved.open(),
      afterDue: async (due) => {
        if (!isSaving || due.length === 0) return;
        looked.open();
        await mayBegin.opened;
      },
    });
    await add([target], 1);
    await saving.opened;
    runner.wake([target]);
    await looked.opened;
    maySave.open();
    await saved.opened;
    mayBegin.open();
    await add([target], 1, 2);
    await until('both are done', async () => (await pending()) === 0);
    expect(ran.all).toEqual([1, 2]);
  });

  it('is not held up by a target that hangs', async () => {
    const hanging = targets(8);
    const hang = gate();
    const { add } = await start({
      run: async ({ target }) => {
        if (hanging.includes(target)) await hang.opened;
        return done;
      },
      limits: { maxInFlight: 40, maxInFlightPerTarget: 5, timeoutMs: 100 },
    });
    await add(hanging, 100);
    const others = targets(30);
    await add(others, 5);
    await until('the others are done', async () => {
      const items = await itemsOf(database);
      return (
        items.filter(({ target, status }) => others.includes(target) && status === 'done').length === 150
      );
    });
    expect(await pending()).toBe(800);
    hang.open();
  });

  it('is not held up by very many targets that are at their limit', async () => {
    const hang = gate();
    const hanging = targets(520);
    const begun = new Recorder<string>();
    const { add } = await start({
      run: async ({ target }) => {
        begun.record(target);
        if (hanging.includes(target)) await hang.opened;
        return done;
      },
      limits: { maxInFlight: 2_000, maxInFlightPerTarget: 1, timeoutMs: 100 },
    });
    await add(hanging, 2);
    await begun.first(520);
    const [other = ''] = targets(1);
    await add([other], 1);
    await begun.find((target) => target === other);
    hang.open();
  });

  it('gives the places that a target does not use to others, while all of them hang', async () => {
    const hang = gate();
    const begun = new Recorder<string>();
    const { add } = await start({
      run: async ({ target }) => {
        begun.record(target);
        await hang.opened;
        return done;
      },
      // One of them alone may have all places.
      limits: { maxInFlight: 40, maxInFlightPerTarget: 40, timeoutMs: 100 },
    });
    await add(targets(3), 5);
    await begun.first(15);
    hang.open();
  });

  it('keeps the places of a target and of the process', async () => {
    const busy = new Map<string, number>();
    let most = 0;
    let mostOfOne = 0;
    const { add } = await start({
      limits: { maxInFlight: 10, maxInFlightPerTarget: 3 },
      run: async ({ target }) => {
        busy.set(target, (busy.get(target) ?? 0) + 1);
        mostOfOne = Math.max(mostOfOne, busy.get(target) ?? 0);
        most = Math.max(
          most,
          [...busy.values()].reduce((a, b) => a + b),
        );
        await new Promise((resolve) => setImmediate(resolve));
        busy.set(target, (busy.get(target) ?? 0) - 1);
        return done;
      },
    });
    await add(targets(12), 30);
    await until('everything is done', async () => (await pending()) === 0);
    expect([most <= 10, mostOfOne <= 3, most > 3]).toEqual([true, true, true]);
  });

  it('begins no more items of a target in a second than its rate', async () => {
    const at: number[] = [];
    const { add } = await start({
      limitsOf: (ids) => new Map(ids.map((id) => [id, { maxInFlight: 5, ratePerSecond: 10 }])),
      run: async () => {
        at.push(performance.now());
        return done;
      },
    });
    await add(targets(1), 12);
    await until('everything is done', async () => (await pending()) === 0);
    // The first has a token, and each of the other eleven waits for a tenth of a second.
    expect((at.at(-1) ?? 0) - (at[0] ?? 0)).toBeGreaterThan(1_000);
  });

  it('is tried again when it is due, and ends dead when its kind says so', async () => {
    const { add } = await start({
      run: async ({ attempts }) =>
        attempts < 2 ? failed : { is: 'dead', reason: 'used up', isFailure: true },
      limits: { probeAfterFailures: 99 },
    });
    const [id = ''] = targets(1);
    await add([id], 2);
    await until('nothing is pending', async () => (await pending()) === 0);
    expect((await itemsOf(database)).map(({ status, attempts }) => [status, attempts])).toEqual([
      ['dead', 3],
      ['dead', 3],
    ]);
    expect(await stateOf(database, id)).toMatchObject({ failures: 6, failing: true, ready: false });
  });
});

describe('a target that fails', () => {
  it('is probed by one item at a time, and the others burn no attempt', async () => {
    const [id = ''] = targets(1);
    let works = false;
    let busy = 0;
    const most: number[] = [];
    const saved = new Recorder<number>();
    const { add } = await start({
      limits: { maxInFlightPerTarget: 3 },
      run: async () => {
        busy++;
        most.push(busy);
        await new Promise((resolve) => setImmediate(resolve));
        busy--;
        return works ? done : { is: 'again', afterMs: 1, isFailure: true };
      },
      saved: (_, changes) => saved.record(changes.get(id)?.after.failures ?? -1),
    });
    await add([id], 50);
    await saved.find((failures) => failures >= 8);
    const burnt = (await itemsOf(database)).reduce((sum, { attempts }) => sum + attempts, 0);
    const { failures } = await stateOf(database, id);
    expect(Math.abs(burnt - failures)).toBeLessThanOrEqual(1);
    // After the first three, which ran together, one at a time.
    expect(Math.max(...most.slice(3))).toBe(1);
    works = true;
    await until('everything is done', async () => (await pending()) === 0);
    expect(await stateOf(database, id)).toMatchObject({ failures: 0, failing: false });
  });

  it('is probed with pauses, which new items do not shorten', async () => {
    const [id = ''] = targets(1);
    const ran = new Recorder<string>();
    const { add, runner } = await start({
      limits: { probeAfterFailures: 1 },
      run: async ({ key }) => {
        ran.record(key);
        return { is: 'again', afterMs: 60_000, isFailure: true };
      },
    });
    await add([id], 1);
    await until('it has failed', async () => (await stateOf(database, id)).failures === 1);
    await add([id], 5, 2);
    await add(targets(1), 1);
    await ran.first(2);
    expect(await stateOf(database, id)).toMatchObject({ failures: 1, ready: true });
    expect((await stateOf(database, id)).pauseSeconds).toBeGreaterThan(30);
    await runner.stop();
    expect((await itemsOf(database, id)).map(({ attempts }) => attempts)).toEqual([1, 0, 0, 0, 0, 0]);
  });

  it('is probed on by the next owner', async () => {
    const [id = ''] = targets(1);
    const first = await start({ run: async () => ({ is: 'again', afterMs: 1, isFailure: true }) });
    await first.add([id], 20);
    await until('it is probed', async () => (await stateOf(database, id)).failures >= 4);
    apps = [];
    await first.app.close();
    await first.runner.stop();
    let busy = 0;
    let most = 0;
    const ran = new Recorder<number>();
    await start({
      run: async () => {
        most = Math.max(most, ++busy);
        await new Promise((resolve) => setImmediate(resolve));
        ran.record(--busy);
        return { is: 'again', afterMs: 1, isFailure: true };
      },
    });
    await ran.first(4);
    expect(most).toBe(1);
  });

  it('that asks for a pause gets it, at no attempt, and fails since then', async () => {
    const [id = ''] = targets(1);
    let isOff = true;
    const { add, db } = await start({
      run: async () => (isOff ? { is: 'target-off', forMs: 3_600_000 } : done),
    });
    await add([id], 3);
    await until('it is off', async () => ((await stateOf(database, id)).pauseSeconds ?? 0) > 3_000);
    expect(await stateOf(database, id)).toMatchObject({ failures: 0, failing: true });
    await add([id], 1, 4);
    expect((await itemsOf(database, id)).map(({ attempts }) => attempts)).toEqual([0, 0, 0, 0]);
    isOff = false;
    await db.transaction(async (session) => {
      const store = new OutgoingTargetStore(db);
      await store.hold(session, 'webhook', id);
      await store.release(session, 'webhook', id);
    });
    await until('everything is done', async () => (await pending()) === 0);
  });
});

describe('a target that is held', () => {
  it('begins nothing, whatever comes, until it is released', async () => {
    const [held = '', other = ''] = targets(2);
    const ran = new Recorder<string>();
    const { add, db } = await start({
      run: async ({ target }) => {
        ran.record(target);
        return done;
      },
    });
    const store = new OutgoingTargetStore(db);
    await db.transaction((session) => store.add(session, 'webhook', held, { held: true }));
    await add([held], 3);
    await add([other], 1);
    await ran.find((target) => target === other);
    expect(await stateOf(database, held)).toMatchObject({ ready: false, held: true });
    await db.transaction((session) => store.release(session, 'webhook', held));
    await until('everything is done', async () => (await pending()) === 0);
    expect(ran.all.filter((target) => target === held)).toHaveLength(3);
  });

  it('that is taken away while an item runs drops its outcome, and nothing else', async () => {
    const [gone = '', other = ''] = targets(2);
    const running = new Recorder<string>();
    const go = gate();
    const { add, db } = await start({
      run: async ({ target }) => {
        running.record(target);
        await go.opened;
        return done;
      },
    });
    await add([gone, other], 1);
    await running.first(2);
    await db.transaction(async (session) => {
      await new OutgoingTargetStore(db).remove(session, 'webhook', gone);
      await session.query('DELETE FROM public.item WHERE target = $1', [gone]);
    });
    go.open();
    await until('the other is done', async () => (await pending()) === 0);
    expect((await itemsOf(database)).map(({ target, status }) => [target, status])).toEqual([
      [other, 'done'],
    ]);
  });
});

describe('lanes of several processes', () => {
  it('are shared, and each item runs once', async () => {
    const ran: string[][] = [[], []];
    const run = (process: number) => async (item: Item) => {
      ran[process]?.push(item.key);
      return done;
    };
    const first = await start({ run: run(0) });
    await start({ run: run(1) });
    await until('both have lanes', async () => {
      const { rows } = await database.pool.query(
        `SELECT count(*)::int AS n FROM integration.integration_lease WHERE name LIKE 'lanes.%' AND owner IS NOT NULL GROUP BY owner`,
      );
      return rows.length === 2 && rows.every(({ n }) => n >= 20);
    });
    await first.add(
      Array.from({ length: 64 }, (_, lane) => targetIn(lane)),
      10,
    );
    await until('everything is done', async () => (await pending()) === 0);
    expect(ran.flat()).toHaveLength(640);
    expect(new Set(ran.flat()).size).toBe(640);
    expect(ran.map((each) => each.length > 0)).toEqual([true, true]);
  });

  it('go on in another one when one ends; what it cut off runs again and no attempt is counted', async () => {
    const [id = ''] = targets(1);
    const begun = new Recorder<string>();
    const first = await start(
      {
        run: (item, signal) => {
          begun.record(item.key);
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve(failed)));
        },
        limits: { timeoutMs: 60_000 },
      },
      { shutdownTimeoutMs: 500 },
    );
    await first.add([id], 2);
    await begun.first(2);
    apps = [];
    await first.app.close();
    await start({ run: async () => done });
    await until('everything is done', async () => (await pending()) === 0);
    expect((await itemsOf(database)).map(({ attempts }) => attempts)).toEqual([1, 1]);
  });

  it('leave nothing behind when one dies between two items of a target', async () => {
    const [id = ''] = targets(1);
    const saved = new Recorder<number>();
    const first = await start(
      {
        run: (item, signal) =>
          item.n === 1
            ? Promise.resolve(done)
            : new Promise((resolve) => signal.addEventListener('abort', () => resolve(done))),
        saved: (ended) => saved.record(ended.length),
        limits: { timeoutMs: 60_000 },
      },
      { shutdownTimeoutMs: 500 },
    );
    await first.add([id], 2);
    // The other one is in flight when it is computed what is due next.
    await saved.first(1);
    expect(await stateOf(database, id)).toMatchObject({ ready: true });
    apps = [];
    await first.app.close();
    await start({ run: async () => done });
    await until('everything is done', async () => (await pending()) === 0);
  });

  it('save what is in flight when one is asked to end', async () => {
    const [id = ''] = targets(1);
    const begun = new Recorder<string>();
    const go = gate();
    const first = await start({
      run: async (item) => {
        begun.record(item.key);
        await go.opened;
        return done;
      },
    });
    await first.add([id], 2);
    await begun.first(2);
    apps = [];
    const closed = first.app.close();
    await until('every other lane is given back', async () => (await ownedLanes(0)) || (await ownedLanes(1)));
    go.open();
    await closed;
    expect((await itemsOf(database)).map(({ status }) => status)).toEqual(['done', 'done']);
    expect(await ownedLanes(0)).toBe(true);
  });
});

describe('an owner that has lost its lane', () => {
  it('saves nothing of it, and everything of its other lanes', async () => {
    const lost = targetIn(7);
    const kept = targetIn(8);
    const running = new Recorder<string>();
    const go = gate();
    const saved = new Set<string>();
    const { add } = await start({
      run: async ({ target }) => {
        running.record(target);
        if (running.all.length <= 2) await go.opened;
        return done;
      },
      beforeSave: async (ended) => {
        for (const { item } of ended) saved.add(item.target);
      },
    });
    await add([lost, kept], 1);
    await running.first(2);
    // Another process has taken the lane, as it does from one that stalls.
    await database.pool.query(
      `UPDATE integration.integration_lease SET token = token + 1, owner = $1, expires_at = clock_timestamp() + interval '1 hour' WHERE name = 'lanes.webhook.7'`,
      [randomUUID()],
    );
    go.open();
    await until('the other lane is saved', async () => (await pending()) === 1);
    expect([...saved]).toEqual([kept]);
    expect((await itemsOf(database, lost))[0]).toMatchObject({ status: 'pending', attempts: 0 });
    expect((await itemsOf(database, kept))[0]).toMatchObject({ status: 'done' });
    expect(await stateOf(database, lost)).toMatchObject({ ready: true });
  });
});

describe('without the processor', () => {
  it('lanes run only when told, until nothing is due', async () => {
    const ran = new Recorder<string>();
    const { add, runner } = await start(
      {
        run: async ({ key, attempts }) => {
          ran.record(key);
          return attempts === 0 ? { is: 'again', afterMs: 0, isFailure: false } : done;
        },
      },
      { isOn: false },
    );
    await add(targets(5), 4);
    expect(await ownedLanes(0)).toBe(true);
    expect(ran.all).toEqual([]);
    expect(await runner.runDue()).toBe(40);
    expect(await pending()).toBe(0);
    expect(await runner.runDue()).toBe(0);
    expect(await ownedLanes(0)).toBe(true);
  });

  it('and with lanes of another process, telling them ends with the reason', async () => {
    await start({ run: async () => done });
    await until('it has its lanes', () => ownedLanes(64));
    const { runner } = await start({ run: async () => done }, { isOn: false });
    await expect(runner.runDue({ timeoutMs: 100 })).rejects.toMatchObject({
      code: 'INTEGRATION_DRAIN_TIMEOUT',
    });
  });
});
