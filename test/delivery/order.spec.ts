import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type DomainEvent, NonRetryableError, RetryAfterError, SkipEventError } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { inboxRows } from '../support/inbox-rows.js';
import { quickest } from '../support/quickest.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

interface Call {
  readonly aggregate: string;
  readonly n: number;
}

let database: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => app.close());
afterAll(() => database.drop());

const call = (event: DomainEvent): Call => ({
  aggregate: event.aggregateId,
  n: (event.payload as { n: number }).n,
});

/** Events 1 to `count` of one aggregate. */
const series = (eventName: string, aggregateId: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    eventName,
    sourceModule: 'test',
    aggregateType: 'thing',
    aggregateId,
    payload: { n: i + 1 },
  }));

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1);

const numbersOf = (calls: readonly Call[], aggregate: string) =>
  calls.filter((made) => made.aggregate === aggregate).map((made) => made.n);

/** Longer than any test. What fails with it comes again when `makeDue` says so. */
const FOR_LONG_MS = 600_000;

const makeDue = (consumer: string) =>
  database.pool.query(
    `UPDATE integration.inbox_event SET available_at = clock_timestamp() WHERE consumer_name = $1 AND status = 'failed'`,
    [consumer],
  );

describe('events of one aggregate', () => {
  it('run one after another, in order, beside those of other aggregates', async () => {
    const done = new Recorder<Call>();
    const active = new Map<string, number>();
    let together = 0;
    let overlaps = 0;
    app = await startApp(database, [
      {
        eventName: 'turns',
        consumerName: 'turns',
        concurrency: 20,
        handler: async (event: DomainEvent) => {
          const mine = (active.get(event.aggregateId) ?? 0) + 1;
          active.set(event.aggregateId, mine);
          if (mine > 1) overlaps++;
          together = Math.max(together, [...active.values()].filter((count) => count > 0).length);
          await new Promise((resolve) => setImmediate(resolve));
          active.set(event.aggregateId, mine - 1);
          done.record(call(event));
        },
      },
    ]);
    await app.api.publishEvents(
      upTo(20).flatMap((n) => ['a', 'b', 'c'].flatMap((id) => series('turns', id, 20).slice(n - 1, n))),
    );
    const calls = await done.first(60);
    for (const id of ['a', 'b', 'c']) expect(numbersOf(calls, id)).toEqual(upTo(20));
    expect(overlaps).toBe(0);
    expect(together).toBe(3);
  });

  it('wait behind one that is to be tried again, and come in order after it; other aggregates go on', async () => {
    const done = new Recorder<Call>();
    let failed = false;
    app = await startApp(database, [
      {
        eventName: 'waits',
        consumerName: 'waits',
        handler: async (event: DomainEvent) => {
          if (event.aggregateId === 'a' && !failed) {
            failed = true;
            throw new RetryAfterError(FOR_LONG_MS);
          }
          done.record(call(event));
        },
      },
    ]);
    await app.api.publishEvents([...series('waits', 'a', 5), ...series('waits', 'b', 5)]);
    expect(numbersOf(await done.first(5), 'b')).toEqual(upTo(5));
    await app.processor.drain();
    const rows = await inboxRows(database, 'waits');
    expect(rows.map((row) => [row.status, row.availableAt === 'infinity'])).toEqual([
      ['failed', false],
      ['received', true],
      ['received', true],
      ['received', true],
      ['received', true],
    ]);
    // Also one that is published meanwhile.
    await app.api.publishEvents(series('waits', 'a', 6).slice(5));
    await makeDue('waits');
    expect(numbersOf(await done.first(11), 'a')).toEqual(upTo(6));
  });

  it.each([
    ['dead', new NonRetryableError('hopeless'), true],
    ['skipped', new SkipEventError('not ours'), true],
    ['failed for good', new NonRetryableError('hopeless'), false],
  ])('are released by an earlier one that is %s after a retry', async (kind, verdict, deadLetterEnabled) => {
    const done = new Recorder<Call>();
    const name = `released by ${kind}`;
    app = await startApp(
      database,
      [
        {
          eventName: name,
          consumerName: name,
          handler: async (event: DomainEvent, { attempt }) => {
            if (call(event).n === 1) throw attempt === 1 ? new RetryAfterError(300) : verdict;
            done.record(call(event));
          },
        },
      ],
      { settings: { deadLetterEnabled } },
    );
    await app.api.publishEvents(series(name, 'a', 4));
    expect(numbersOf(await done.first(3), 'a')).toEqual([2, 3, 4]);
  });

  it('include a delayed one that has become due meanwhile: it comes soon after the earlier one', async () => {
    const done = new Recorder<Call & { at: number }>();
    app = await startApp(database, [
      {
        eventName: 'due',
        consumerName: 'due',
        handler: async (event: DomainEvent, { attempt }) => {
          const made = call(event);
          if (made.n === 1 && attempt === 1) throw new RetryAfterError(800);
          done.record({ ...made, at: performance.now() });
        },
      },
    ]);
    const between = async (time: number) => {
      const [first, second] = series('due', `a${time}`, 2);
      if (first === undefined || second === undefined) throw new Error('two events');
      await app.api.publishEvents([first, { ...second, delayMs: 400 }]);
      const [one, two] = (await done.first(2 * time)).slice(-2);
      expect([one?.n, two?.n]).toEqual([1, 2]);
      return (two?.at ?? 0) - (one?.at ?? 0);
    };
    expect(await quickest(500, between)).toBeLessThan(500);
  });

  it('do not wait for each other where the consumer is not ordered', async () => {
    const done = new Recorder<Call>();
    app = await startApp(database, [
      {
        eventName: 'free',
        consumerName: 'free',
        ordered: false,
        retry: { baseDelayMs: 60_000, maxDelayMs: 60_000 },
        handler: async (event: DomainEvent) => {
          if (call(event).n === 1) throw new Error('for long');
          done.record(call(event));
        },
      },
    ]);
    await app.api.publishEvents(series('free', 'a', 5));
    expect(numbersOf(await done.first(4), 'a').sort()).toEqual([2, 3, 4, 5]);
  });
});

describe('an aggregate with very many events', () => {
  it('keeps its order behind a failure while others flow, and is then worked off in runs', async () => {
    const done = new Recorder<Call>();
    let failed = false;
    app = await startApp(database, [
      {
        eventName: 'hot',
        consumerName: 'hot',
        handler: async (event: DomainEvent) => {
          if (event.aggregateId === 'hot' && !failed) {
            failed = true;
            throw new RetryAfterError(FOR_LONG_MS);
          }
          done.record(call(event));
        },
      },
    ]);
    await app.api.publishEvents([...series('hot', 'hot', 3_000), ...series('hot', 'cold', 100)]);
    expect(numbersOf(await done.first(100), 'cold')).toHaveLength(100);
    // What failed is saved after that.
    await app.processor.drain();
    await database.pool.query(`
      CREATE TABLE claims (rows bigint);
      CREATE FUNCTION count_claimed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO claims SELECT count(*) FROM after WHERE status = 'processing' HAVING count(*) > 0;
        RETURN NULL;
      END $$;
      CREATE TRIGGER count_claimed AFTER UPDATE ON integration.inbox_event
        REFERENCING NEW TABLE AS after FOR EACH STATEMENT EXECUTE FUNCTION count_claimed()`);
    await makeDue('hot');
    const calls = await done.first(3_100);
    const { rows } = await database.pool.query('SELECT count(*)::int AS claims FROM claims');
    await database.pool.query('DROP FUNCTION count_claimed CASCADE; DROP TABLE claims');
    expect(numbersOf(calls, 'hot')).toEqual(upTo(3_000));
    // In runs: one by one, each would take a claim and a save.
    expect(rows[0].claims).toBeGreaterThan(0);
    expect(rows[0].claims).toBeLessThan(100);
  });

  it('runs through in order, as fast as its handler', async () => {
    const done = new Recorder<Call>();
    app = await startApp(database, [
      {
        eventName: 'burst',
        consumerName: 'burst',
        handler: async (event: DomainEvent) => done.record(call(event)),
      },
    ]);
    const runThrough = async (time: number) => {
      const before = 5_000 * (time - 1);
      await app.api.publishEvents(series('burst', `burst ${time}`, 5_000));
      await done.first(before + 1);
      const began = performance.now();
      expect(numbersOf(await done.first(before + 5_000), `burst ${time}`)).toEqual(upTo(5_000));
      return performance.now() - began;
    };
    // More than a thousand a second.
    expect(await quickest(5_000, runThrough)).toBeLessThan(5_000);
  });

  it('gives back the attempts of those that were to follow one that fails', async () => {
    const done = new Recorder<Call & { attempt: number }>();
    app = await startApp(database, [
      {
        eventName: 'stumbles',
        consumerName: 'stumbles',
        handler: async (event: DomainEvent, { attempt }) => {
          const { n } = call(event);
          if (attempt === 1 && (n === 1 || n % 7 === 0)) throw new Error('the first fails');
          done.record({ ...call(event), attempt });
        },
      },
    ]);
    await app.api.publishEvents(series('stumbles', 'a', 30));
    const calls = await done.first(30);
    expect(numbersOf(calls, 'a')).toEqual(upTo(30));
    expect(calls.filter((made) => made.attempt === 2).map((made) => made.n)).toEqual([1, 7, 14, 21, 28]);
    await app.processor.drain();
    const rows = await inboxRows(database, 'stumbles');
    expect(rows.map((row) => row.status)).toEqual(upTo(30).map(() => 'processed'));
    expect(rows.filter((row) => row.attempts === 2)).toHaveLength(5);
  });

  it.each([
    ['is read past', {}],
    ['is written down where it does not fit into memory', { batchSize: 20, startupDrainBatchSize: 20 }],
  ])('holds no other aggregate up while its handler is slow: it %s', async (kind, settings) => {
    const done = new Recorder<Call>();
    const slow = gate();
    const name = `slow, ${kind}`;
    app = await startApp(
      database,
      [
        {
          eventName: name,
          consumerName: name,
          handler: async (event: DomainEvent) => {
            if (event.aggregateId === 'hot' && call(event).n === 1) await slow.opened;
            done.record(call(event));
          },
        },
      ],
      { settings },
    );
    await app.api.publishEvents(series(name, 'hot', 1_000));
    await app.api.publishEvents(series(name, 'cold', 20));
    expect(numbersOf(await done.first(20), 'cold')).toEqual(upTo(20));
    slow.open();
    expect(numbersOf(await done.first(1_020), 'hot')).toEqual(upTo(1_000));
  });
});

describe('a handler that is not asynchronous', () => {
  it('is called for as many events as there are, without filling the stack', async () => {
    const depths: number[] = [];
    app = await startApp(
      database,
      [
        {
          eventName: 'sync',
          consumerName: 'sync',
          ordered: false,
          handler: () => {
            Error.stackTraceLimit = 500;
            depths.push(new Error('here').stack?.split('\n').length ?? 0);
            Error.stackTraceLimit = 10;
          },
        },
      ],
      { settings: { batchSize: 5_000, 'processor.enabled': false } },
    );
    await app.api.publishEvents(upTo(5_000).flatMap((n) => series('sync', `a${n}`, 1)));
    await app.processor.drain();
    expect(depths).toHaveLength(5_000);
    expect(Math.max(...depths)).toBeLessThan(100);
  });
});

describe('when capacity is short', () => {
  /** Runs what is published before anything is read, one handler at a time; resolves to who ran, in order. */
  async function whoRan(perName: number): Promise<string[]> {
    for (const name of ['urgent', 'ordinary', 'idle'])
      await app.api.publishEvents(series(`priority.${name}`, name, perName));
    await app.processor.drain();
    return ran.splice(0);
  }
  const ran: string[] = [];
  const handler = async (event: DomainEvent) => {
    // The first keeps the slot until the events of all three wait for it.
    while (ran.length === 0 && waiting() < 299) await new Promise((resolve) => setImmediate(resolve));
    ran.push(event.aggregateId);
  };
  const waiting = () => app.workers.active.reduce((sum, worker) => sum + worker.waitingEvents, 0);

  function expectShares(order: string[]): void {
    expect(order).toHaveLength(300);
    // As long as all three wait, the highest gets nine in ten, the lowest one in ten.
    const contended = order.slice(0, 100);
    const shares = Object.fromEntries(
      ['urgent', 'ordinary', 'idle'].map((name) => [name, contended.filter((who) => who === name).length]),
    );
    expect(shares).toEqual({
      urgent: expect.any(Number),
      ordinary: expect.any(Number),
      idle: expect.any(Number),
    });
    expect(shares.urgent).toBeGreaterThanOrEqual(85);
    expect(shares.idle).toBeGreaterThanOrEqual(9);
  }

  it('consumers of higher priority come first, and the lowest still gets one in ten', async () => {
    app = await startApp(
      database,
      [
        { eventName: 'priority.urgent', consumerName: 'c-urgent', priority: 10, handler },
        { eventName: 'priority.ordinary', consumerName: 'b-ordinary', priority: 5, handler },
        { eventName: 'priority.idle', consumerName: 'a-idle', handler },
      ],
      { maxConcurrency: 1, settings: { 'processor.enabled': false } },
    );
    expectShares(await whoRan(100));
  });

  it('the same holds for the subscriptions of one consumer', async () => {
    app = await startApp(
      database,
      [
        { eventName: 'priority.urgent', consumerName: 'mixed', priority: 10, concurrency: 1, handler },
        { eventName: 'priority.ordinary', consumerName: 'mixed', priority: 5, handler },
        { eventName: 'priority.idle', consumerName: 'mixed', handler },
      ].map((subscriber) => ({ ...subscriber, ordered: false, startFrom: 'latest' as const })),
      { settings: { 'processor.enabled': false } },
    );
    expectShares(await whoRan(100));
  });

  it('the process runs no more handlers at once than maxConcurrency, and as many', async () => {
    let active = 0;
    let most = 0;
    app = await startApp(
      database,
      ['one', 'two', 'three'].map((consumerName) => ({
        eventName: 'crowd',
        consumerName,
        handler: async () => {
          most = Math.max(most, ++active);
          await new Promise((resolve) => setTimeout(resolve, 1));
          active--;
        },
      })),
      { maxConcurrency: 7, settings: { 'processor.enabled': false } },
    );
    await app.api.publishEvents(upTo(50).flatMap((n) => series('crowd', `a${n}`, 2)));
    await app.processor.drain();
    expect(most).toBe(7);
  });

  it('handlers that end at once leave the event loop its turns', async () => {
    const begunInTurn = new Map<number, number>();
    let turn = 0;
    let counting: NodeJS.Immediate | undefined;
    const count = () => {
      turn++;
      counting = setImmediate(count);
    };
    app = await startApp(
      database,
      [
        {
          eventName: 'flood',
          consumerName: 'flooded',
          handler: async () => {
            begunInTurn.set(turn, (begunInTurn.get(turn) ?? 0) + 1);
            const began = performance.now();
            while (performance.now() - began < 1);
          },
        },
      ],
      { settings: { 'processor.enabled': false } },
    );
    await app.api.publishEvents(upTo(200).flatMap((n) => series('flood', `a${n}`, 1)));
    count();
    await app.processor.drain();
    clearImmediate(counting);
    // Of a millisecond each, two looks at the clock let 17 begin in a turn; where in it the counter has its own is not said.
    expect(Math.max(...begunInTurn.values())).toBeLessThanOrEqual(34);
  });
});
