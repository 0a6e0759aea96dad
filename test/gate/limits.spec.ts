import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import {
  type GateProcess,
  gateProcess,
  gateProcesses,
  mostInWindow,
  quotaOf,
  rateOf,
  target,
  tryOnce,
} from './processes.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());
beforeEach(() => emptyTables(database.pool, 'integration.connector_gate'));

/** Asks without a pause until the time is over, with so many requests at once. */
async function askFor(
  process: GateProcess,
  of: ReturnType<typeof target>,
  ms: number,
  { atOnce = 10, signal }: { atOnce?: number; signal?: AbortSignal } = {},
): Promise<number[]> {
  const until = performance.now() + ms;
  const moments: number[] = [];
  const one = async () => {
    while (performance.now() < until && signal?.aborted !== true) {
      const { at, pass } = await tryOnce(process, of, { waitMs: 5_000, ...(signal && { signal }) });
      if (at !== undefined) moments.push(at);
      await pass?.ended('worked');
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one)).catch((error) => {
    if (signal?.aborted !== true) throw error;
  });
  return moments;
}

/** Asks one after the other: a process takes twice as many places as it has used, and holds the last ones. */
async function untilItHolds(
  process: GateProcess,
  of: ReturnType<typeof target>,
  tries: number,
): Promise<void> {
  for (let n = 0; n < tries; n++) expect((await tryOnce(process, of, { waitMs: 1_000 })).at).toBeDefined();
}

describe('a rate', () => {
  it('lets at most limit + burst through in any window, in four processes of which one dies', async () => {
    const [perMs, limit, burst] = [500, 200, 40];
    const of = target(rateOf(limit, perMs, burst));
    const processes = gateProcesses(4, database);
    const dies = new AbortController();
    const asked = processes.map((each, i) => askFor(each, of, 2_500, i === 3 ? { signal: dies.signal } : {}));
    await new Promise((resolve) => setTimeout(resolve, 800));
    dies.abort(new Error('died'));
    const moments = (await Promise.all(asked)).flat();
    expect(mostInWindow(moments, perMs)).toBeLessThanOrEqual(limit + burst);
    // A busy machine uses fewer places than there are, and one that stands still uses none.
    expect(moments.length).toBeGreaterThan(limit);
  });

  it('lets nothing through by places that a process has kept for too long', async () => {
    const [perMs, limit, burst] = [1_000, 100, 10];
    const of = target(rateOf(limit, perMs, burst));
    const [one, other] = [gateProcess(database), gateProcess(database)];
    await untilItHolds(one, of, 8);
    // Places last as long as a burst, which is 100 ms, and after a rest there is a burst again.
    await new Promise((resolve) => setTimeout(resolve, 400));
    const moments: number[] = [];
    for (const each of [other, one])
      for (let n = 0; n < 20; n++) moments.push(...[(await tryOnce(each, of)).at ?? []].flat());
    expect(moments.length).toBeGreaterThanOrEqual(1);
    expect(mostInWindow(moments, perMs / limit)).toBeLessThanOrEqual(1 + burst);
  });

  it('does not keep anybody waiting for longer than was asked for, and says for how long it takes', async () => {
    const of = target(rateOf(1, 10_000, 1));
    const process = gateProcess(database);
    expect((await tryOnce(process, of)).at).toBeDefined();
    const { refused } = await tryOnce(process, of, { waitMs: 5_000 });
    expect(refused).toMatchObject({ why: 'limit' });
    expect(refused?.waitMs).toBeGreaterThan(5_000);
    expect(refused?.waitMs).toBeLessThanOrEqual(10_000);
  });

  it('that is far above what is sent holds nothing up', async () => {
    const of = target(rateOf(1_000_000, 1_000, 100_000));
    const process = gateProcess(database);
    for (let n = 0; n < 20; n++) expect((await tryOnce(process, of)).at).toBeDefined();
  });

  it('lets requests through where each statement takes longer than a burst lasts', async () => {
    const of = target(rateOf(100, 1_000, 10));
    const process = gateProcess(database);
    const { take } = process.store;
    process.store.take = async (...given) => {
      const taken = await take.apply(process.store, given);
      await new Promise((resolve) => setTimeout(resolve, 150));
      return taken;
    };
    for (let n = 0; n < 3; n++) expect((await tryOnce(process, of, { waitMs: 2_000 })).at).toBeDefined();
  });

  it('has its burst again after a rest, and not more', async () => {
    const of = target(rateOf(10, 1_000, 3));
    const process = gateProcess(database);
    await process.store.take(
      [{ key: of.key, no: 1, kind: 'rate', count: 1, everyUs: 100_000, backUs: 300_000 }],
      0,
    );
    await database.pool.query(`UPDATE integration.connector_gate SET next_slot = now() - interval '1 hour'`);
    const from = performance.now();
    let sent = 0;
    for (let n = 0; n < 10; n++) if ((await tryOnce(process, of)).at !== undefined) sent++;
    const meanwhile = Math.ceil((performance.now() - from) / 100);
    expect(sent).toBeGreaterThanOrEqual(3);
    expect(sent).toBeLessThanOrEqual(3 + meanwhile);
  });
});

describe('a quota', () => {
  it('lets at most its limit through until its window ends, in four processes', async () => {
    const of = target(quotaOf(25, 3_600_000));
    const processes = gateProcesses(4, database);
    const tries = await Promise.all(
      processes.flatMap((each) => Array.from({ length: 20 }, () => tryOnce(each, of))),
    );
    expect(tries.filter(({ at }) => at !== undefined)).toHaveLength(25);
    const refused = tries.flatMap(({ refused: each }) => each ?? []);
    expect(refused).toHaveLength(55);
    for (const each of refused) {
      expect(each.why).toBe('limit');
      expect(each.waitMs).toBeGreaterThan(3_500_000);
      expect(each.waitMs).toBeLessThanOrEqual(3_600_000);
    }
  });

  it('lets no more through where processes take many places at once', async () => {
    const of = target(quotaOf(2_000, 60_000));
    const processes = gateProcesses(4, database, { processes: 1 });
    const tries = await Promise.all(
      processes.flatMap((each) => Array.from({ length: 600 }, () => tryOnce(each, of))),
    );
    const sent = tries.filter(({ at }) => at !== undefined).length;
    expect(sent).toBeLessThanOrEqual(2_000);
    // A process may hold some of the last places when nobody waits there any more.
    expect(sent).toBeGreaterThan(1_900);
  });

  it('begins anew when its window has ended, and keeps no place of the one before', async () => {
    // 200 a second, so a process takes up to 20 at once.
    const of = target(quotaOf(800, 4_000));
    const [one, other] = gateProcesses(2, database, { processes: 1 });
    if (one === undefined || other === undefined) throw new Error('two processes');
    // The window has begun long ago, and ends soon.
    await one.store.learn(of.key, 1, 0, 1);
    await untilItHolds(one, of, 1);
    await database.pool.query(
      `UPDATE integration.connector_gate SET window_end = clock_timestamp() + interval '300 ms' WHERE limit_no = 1`,
    );
    await untilItHolds(one, of, 15);
    await new Promise((resolve) => setTimeout(resolve, 400));
    // What is sent from now on is counted in the new window.
    await untilItHolds(one, of, 10);
    const { rows } = await database.pool.query(
      'SELECT used FROM integration.connector_gate WHERE limit_no = 1 AND window_end > now()',
    );
    expect(Number(rows[0]?.used ?? 0)).toBeGreaterThanOrEqual(10);
    const tries = await Promise.all(
      [one, other].flatMap((each) => Array.from({ length: 500 }, () => tryOnce(each, of))),
    );
    const sent = tries.filter(({ at }) => at !== undefined).length;
    expect(sent).toBeLessThanOrEqual(800);
    // A process may hold some of the last places when nobody waits there any more.
    expect(sent).toBeGreaterThan(700);
  });

  it('is used up for all processes when an answer says that nothing is left, until the end it says', async () => {
    const of = target(quotaOf(1_000, 3_600_000));
    const [limit] = of.limits;
    const [one, other] = gateProcesses(2, database);
    if (one === undefined || other === undefined || limit === undefined) throw new Error('two processes');
    const { pass } = await tryOnce(one, of);
    await one.gate.heard(limit, { remaining: 0, endsInMs: 90_000 });
    await pass?.ended('worked');
    for (const each of [one, other]) {
      const { refused } = await tryOnce(each, of);
      expect(refused).toMatchObject({ why: 'limit' });
      expect(refused?.waitMs).toBeGreaterThan(80_000);
      expect(refused?.waitMs).toBeLessThanOrEqual(90_000);
    }
  });

  it('is written once where many answers say the same, and never shrinks in a window', async () => {
    const of = target(quotaOf(1_000, 3_600_000));
    const [limit] = of.limits;
    const process = gateProcess(database);
    if (limit === undefined) throw new Error('one limit');
    await tryOnce(process, of);
    let writes = 0;
    const { learn } = process.store;
    process.store.learn = (...given) => {
      writes++;
      return learn.apply(process.store, given);
    };
    for (const remaining of [400, 401, 399, 400, 405])
      await process.gate.heard(limit, { remaining, endsInMs: 90_000 });
    expect(writes).toBe(1);
    // Another process hears what was said before.
    await gateProcess(database).gate.heard(limit, { remaining: 900, endsInMs: 90_500 });
    const { rows } = await database.pool.query(
      'SELECT used FROM integration.connector_gate WHERE limit_no = 1',
    );
    expect(Number(rows[0].used)).toBe(600);
  });
});

describe('several limits', () => {
  it('are all kept, and nothing is taken of one where another has nothing left', async () => {
    const of = target(rateOf(1_000, 1_000, 100), quotaOf(3, 3_600_000));
    const process = gateProcess(database);
    const tries = await Promise.all(Array.from({ length: 10 }, () => tryOnce(process, of)));
    expect(tries.filter(({ at }) => at !== undefined)).toHaveLength(3);
    const slot = 'SELECT next_slot FROM integration.connector_gate WHERE limit_no = 1';
    const before = await database.pool.query(slot);
    await tryOnce(gateProcess(database), of);
    expect((await database.pool.query(slot)).rows).toEqual(before.rows);
  });

  it('of a connector count the requests of all its connections', async () => {
    const shared = { ...quotaOf(5, 3_600_000), key: 'connector:x' };
    const of = (key: string) => ({ ...target(shared), key, others: ['connector:x'] });
    const processes = gateProcesses(2, database);
    const tries = await Promise.all(
      processes.flatMap((each, i) =>
        Array.from({ length: 4 }, (_, n) => tryOnce(each, of(`connection:${i}.${n}`))),
      ),
    );
    expect(tries.filter(({ at }) => at !== undefined)).toHaveLength(5);
  });

  it('of two connections have nothing to do with each other', async () => {
    const process = gateProcess(database);
    const [a, b] = ['connection:a', 'connection:b'].map((key) => ({
      key,
      others: [],
      limits: target(quotaOf(1, 3_600_000)).limits.map((limit) => ({ ...limit, key })),
    }));
    if (a === undefined || b === undefined) throw new Error('two connections');
    expect((await tryOnce(process, a)).at).toBeDefined();
    expect((await tryOnce(process, a)).refused).toBeDefined();
    expect((await tryOnce(process, b)).at).toBeDefined();
  });
});

describe('who has asked to be left alone', () => {
  it('is left alone by all processes: at once, or after what they have taken already', async () => {
    const of = target(rateOf(1_000, 1_000, 100));
    const processes = gateProcesses(4, database);
    const [first, ...others] = processes;
    if (first === undefined) throw new Error('four processes');
    for (const each of [...others, first]) await untilItHolds(each, of, 16);
    await first.gate.limited(of, of.key, 60_000);
    expect((await tryOnce(first, of)).refused).toMatchObject({ why: 'blocked' });
    // Of 1,000 a second, four processes take at most 25 each at once.
    for (const each of others) {
      let sent = 0;
      for (;;) {
        const { refused } = await tryOnce(each, of, { waitMs: 2_000 });
        if (refused !== undefined) {
          expect(refused.why).toBe('blocked');
          break;
        }
        sent++;
      }
      expect(sent).toBeLessThanOrEqual(25);
    }
  });

  it('is left alone for as long as the longest time it has asked for', async () => {
    const of = target();
    const process = gateProcess(database);
    await process.store.block(of.key, 60_000);
    await process.store.block(of.key, 1_000);
    expect((await tryOnce(process, of)).refused?.waitMs).toBeGreaterThan(50_000);
  });

  it('is asked again afterwards, by those that could wait', async () => {
    const of = target(rateOf(100, 1_000, 10));
    const [one, other] = gateProcesses(2, database);
    await one?.gate.limited(of, of.key, 400);
    const from = performance.now();
    const { at } = await tryOnce(other as GateProcess, of, { waitMs: 5_000 });
    expect(at).toBeDefined();
    expect((at ?? 0) - from).toBeGreaterThan(300);
  });
});

describe('whoever waits', () => {
  it('goes when its signal says so, and the next one gets the place', async () => {
    const of = target(rateOf(5, 1_000, 1));
    const process = gateProcess(database);
    await tryOnce(process, of);
    const gone = new AbortController();
    const waiting = tryOnce(process, of, { waitMs: 5_000, signal: gone.signal });
    const next = tryOnce(process, of, { waitMs: 5_000 });
    gone.abort(new Error('not wanted'));
    await expect(waiting).rejects.toThrow('not wanted');
    expect((await next).at).toBeDefined();
  });

  it('hears of a database that is away, and of nothing else', async () => {
    const of = target(rateOf(5, 1_000, 1));
    const process = gateProcess(database);
    process.store.take = () => Promise.reject(new Error('the database is away'));
    await expect(tryOnce(process, of)).rejects.toThrow('the database is away');
  });
});
