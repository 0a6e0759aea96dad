import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type DomainEvent,
  type DomainEventInput,
  NonRetryableError,
  RetryAfterError,
  SkipEventError,
  type SubscriberContext,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { inboxRows } from '../support/inbox-rows.js';
import { quickest } from '../support/quickest.js';
import { Recorder } from '../support/recorder.js';
import { changedBy } from '../support/running-operation.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

interface Call {
  readonly id: string;
  readonly attempt: number;
  readonly at: number;
}

let database: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => app.close());
afterAll(() => database.drop());

/** Longer than any test. */
const FOR_LONG_MS = 600_000;

/** One consumer of one event name of its own; its calls are recorded before `handle` decides what comes of them. */
async function consume(
  name: string,
  handle: (event: DomainEvent, context: SubscriberContext) => unknown,
  options: Partial<AnySubscriberDefinition> & { settings?: object } = {},
): Promise<Recorder<Call>> {
  const calls = new Recorder<Call>();
  const { settings, ...definition } = options;
  const subscriber: AnySubscriberDefinition = {
    eventName: name,
    consumerName: name,
    handler: async (event: DomainEvent, context: SubscriberContext) => {
      calls.record({ id: event.aggregateId, attempt: context.attempt, at: performance.now() });
      await handle(event, context);
    },
    ...definition,
  };
  app = await startApp(database, [subscriber], { settings: { ...settings } });
  return calls;
}

const event = (eventName: string, aggregateId = 'a', more: Partial<DomainEventInput> = {}) => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
  ...more,
});

describe('an event whose handler fails', () => {
  it('is tried again after a delay that doubles, with its attempts counted, until it succeeds', async () => {
    const calls = await consume(
      'backoff',
      (_, { attempt }) => {
        if (attempt < 4) throw new Error(`not yet, ${attempt}`);
      },
      { retry: { maxAttempts: 5, baseDelayMs: 100, maxDelayMs: 10_000 } },
    );
    await app.api.publishEvent(event('backoff'));
    const made = await calls.first(4);
    expect(made.map((call) => call.attempt)).toEqual([1, 2, 3, 4]);
    const gaps = made.slice(1).map((call, index) => call.at - (made[index]?.at ?? 0));
    for (const [index, gap] of gaps.entries()) expect(gap).toBeGreaterThanOrEqual(50 * 2 ** index - 2);
    await app.processor.drain();
    expect(await inboxRows(database, 'backoff')).toMatchObject([{ status: 'processed', attempts: 4 }]);
  });

  it('counts an attempt before it runs', async () => {
    const seen: unknown[] = [];
    await consume('counted', async (_, { attempt }) => {
      if (attempt === 2) seen.push(...(await inboxRows(database, 'counted')));
      else throw new Error('the first fails');
    });
    await app.api.publishEvent(event('counted'));
    await drainAll();
    expect(seen).toMatchObject([{ status: 'processing', attempts: 2 }]);
  });

  it('is a dead letter after its last attempt, with its last error and a fingerprint of its kind', async () => {
    const calls = await consume('dies', ({ aggregateId }, { attempt }) => {
      throw new TypeError(`invoice "${aggregateId}" broke at ${attempt}`);
    });
    await app.api.publishEvents([event('dies', 'x'), event('dies', 'y')]);
    await drainAll();
    expect(calls.all).toHaveLength(6);
    const rows = await inboxRows(database, 'dies');
    expect(rows).toMatchObject([
      { status: 'dead_letter', attempts: 3, error: 'TypeError: invoice "x" broke at 3', availableAt: null },
      { status: 'dead_letter', attempts: 3, error: 'TypeError: invoice "y" broke at 3', availableAt: null },
    ]);
    expect(rows[0]?.fingerprint).toMatch(/^[0-9a-f]{32}$/);
    expect(rows[0]?.fingerprint).toBe(rows[1]?.fingerprint);
  });

  it('follows the retry policy of its own subscription', async () => {
    const calls = await consume('own-policy', () => Promise.reject(new Error('always')), {
      retry: { maxAttempts: 2 },
    });
    await app.api.publishEvent(event('own-policy'));
    await drainAll();
    expect(calls.all).toHaveLength(2);
    expect(await inboxRows(database, 'own-policy')).toMatchObject([{ status: 'dead_letter', attempts: 2 }]);
  });

  it('is a dead letter at once after a NonRetryableError', async () => {
    const calls = await consume('hopeless', () => Promise.reject(new NonRetryableError('no such customer')));
    await app.api.publishEvent(event('hopeless'));
    await drainAll();
    expect(calls.all).toHaveLength(1);
    expect(await inboxRows(database, 'hopeless')).toMatchObject([
      { status: 'dead_letter', attempts: 1, error: 'NonRetryableError: no such customer' },
    ]);
  });

  it('is skipped, with the reason, after a SkipEventError', async () => {
    const calls = await consume('skipped', () =>
      Promise.reject(new SkipEventError('not a customer of ours')),
    );
    const { outboxEventId } = await app.api.publishEvent(event('skipped'));
    await drainAll();
    expect(calls.all).toHaveLength(1);
    expect(await inboxRows(database, 'skipped')).toMatchObject([
      { status: 'skipped', error: 'not a customer of ours' },
    ]);
    expect(await app.inbox.isProcessed(outboxEventId, 'skipped')).toBe(false);
  });

  it('waits as long as a RetryAfterError says', async () => {
    const calls = await consume(
      'asked',
      (_, { attempt }) => {
        if (attempt === 1) throw new RetryAfterError(700);
      },
      { retry: { baseDelayMs: 100, maxDelayMs: 100 } },
    );
    await app.api.publishEvent(event('asked'));
    const [first, second] = await calls.first(2);
    expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(699);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, 1e300, -5])(
    'is tried again, and holds nothing up, after RetryAfterError(%p)',
    async (delayMs) => {
      const name = `asked-${delayMs}`;
      const calls = await consume(
        name,
        ({ aggregateId }, { attempt }) => {
          if (aggregateId === 'odd' && attempt === 1) throw new RetryAfterError(delayMs);
        },
        { retry: { baseDelayMs: FOR_LONG_MS, maxDelayMs: FOR_LONG_MS } },
      );
      await app.api.publishEvents([event(name, 'odd'), event(name, 'even')]);
      await calls.find((call) => call.id === 'even');
      await app.processor.drain();
      const [row] = await inboxRows(database, name);
      expect(['failed', 'processed']).toContain(row?.status);
      expect(row?.availableAt).not.toBe('infinity');
    },
  );

  it.each([
    ['nothing', undefined],
    ['an object without a prototype', Object.create(null)],
    ['an error whose message is not text', Object.assign(new Error('x'), { message: Symbol('odd') })],
    ['text that Postgres cannot store', `a\0b\ud800`],
  ])('may have thrown anything: %s', async (kind, thrown) => {
    const name = `threw ${kind}`;
    await consume(name, () => Promise.reject(thrown));
    await app.api.publishEvent(event(name));
    await drainAll();
    expect(await inboxRows(database, name)).toMatchObject([
      { status: 'dead_letter', attempts: 3, error: expect.any(String) },
    ]);
  });

  it('counts an attempt where a transaction of its handler’s own expired', async () => {
    const calls = await consume('expired', () =>
      app.prisma.$transaction(
        async (transaction) => {
          await transaction.$queryRawUnsafe('SELECT pg_sleep(0.2)::text');
          await transaction.$queryRawUnsafe('SELECT 1');
        },
        { timeout: 100 },
      ),
    );
    await app.api.publishEvent(event('expired'));
    expect((await calls.first(3)).map((call) => call.attempt)).toEqual([1, 2, 3]);
    await drainAll();
    expect(await inboxRows(database, 'expired')).toMatchObject([{ status: 'dead_letter', attempts: 3 }]);
  });

  it('stays failed for good where dead-lettering is switched off', async () => {
    const calls = await consume('failed-for-good', () => Promise.reject(new Error('always')), {
      settings: { deadLetterEnabled: false },
    });
    await app.api.publishEvent(event('failed-for-good'));
    await drainAll();
    expect(calls.all).toHaveLength(3);
    expect(await inboxRows(database, 'failed-for-good')).toMatchObject([
      { status: 'failed', attempts: 3, availableAt: null },
    ]);
  });

  it('does not hold up another consumer of the same event', async () => {
    const healthy = new Recorder<string>();
    app = await startApp(database, [
      {
        eventName: 'shared',
        consumerName: 'broken',
        retry: { baseDelayMs: 60_000, maxDelayMs: 60_000 },
        handler: async () => {
          throw new Error('always');
        },
      },
      {
        eventName: 'shared',
        consumerName: 'healthy',
        handler: async (event: DomainEvent) => healthy.record(event.aggregateId),
      },
    ]);
    await app.api.publishEvents([1, 2, 3, 4].map((i) => event('shared', `a${i}`)));
    await healthy.first(4);
    await app.processor.drain();
    expect(await inboxRows(database, 'healthy')).toEqual([]);
    expect(await inboxRows(database, 'broken')).toHaveLength(4);
  });

  it('comes again soon after its delay also where many fail together', async () => {
    const calls = await consume(
      'many',
      (_, { attempt }) => {
        if (attempt === 1) throw new Error('the first fails');
      },
      { retry: { baseDelayMs: 400, maxDelayMs: 400 }, concurrency: 100, ordered: false },
    );
    const longestDelay = async (round: number) => {
      await app.api.publishEvents(Array.from({ length: 60 }, (_, i) => event('many', `a${round}-${i}`)));
      const made = (await calls.first(120 * round)).slice(-120);
      const firsts = new Map(made.filter((call) => call.attempt === 1).map((call) => [call.id, call.at]));
      const delays = made
        .filter((call) => call.attempt === 2)
        .map((call) => call.at - (firsts.get(call.id) ?? 0));
      expect(delays).toHaveLength(60);
      expect(Math.min(...delays)).toBeGreaterThanOrEqual(199);
      return Math.max(...delays);
    };
    expect(await quickest(1_000, longestDelay)).toBeLessThan(1_000);
  });
});

describe('a delayed event', () => {
  /** Longer than a busy machine takes to come to the look at its row. */
  const DELAY_MS = 3_000;

  it.each([
    ['delayMs', () => ({ delayMs: DELAY_MS })],
    ['availableAt', () => ({ availableAt: new Date(Date.now() + DELAY_MS) })],
  ])('(%s) comes after its time and holds back no event of its aggregate', async (kind, delay) => {
    const name = `delayed-${kind}`;
    const calls = await consume(name, () => {});
    const published = performance.now();
    await app.api.publishEvents([
      event(name, 'a', { ...delay(), payload: 1 }),
      event(name, 'a'),
      event(name, 'a'),
    ]);
    await calls.first(2);
    await app.processor.drain();
    expect(await inboxRows(database, name)).toMatchObject([{ status: 'received', attempts: 0 }]);
    const late = (await calls.first(3))[2];
    expect((late?.at ?? 0) - published).toBeGreaterThanOrEqual(DELAY_MS - 1);
    expect(late?.attempt).toBe(1);
  });

  it('that plain SQL put off for ever waits for a hundred years, and holds back no event', async () => {
    const calls = await consume('for-ever', () => {});
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload, available_at)
       VALUES ('for-ever', 'sql', 'thing', 'a', '{}', 'infinity'), ('for-ever', 'sql', 'thing', 'b', '{}', '-infinity')`,
    );
    await app.api.publishEvent(event('for-ever', 'a'));
    expect((await calls.first(2)).map(({ id }) => id).sort()).toEqual(['a', 'b']);
    await app.processor.drain();
    const { rows } = await database.pool.query(
      `SELECT status, extract(year FROM available_at - clock_timestamp() + timestamptz '2000-01-01')::int - 2000 AS years
       FROM integration.inbox_event WHERE consumer_name = 'for-ever'`,
    );
    expect(rows).toEqual([{ status: 'received', years: expect.closeTo(100, -1) }]);
  });
});

describe('a dead letter', () => {
  it('comes again with all its attempts when it is redriven', async () => {
    let healed = false;
    const calls = await consume('redriven', () => {
      if (!healed) throw new Error('down');
    });
    await app.api.publishEvents([event('redriven', 'a'), event('redriven', 'b')]);
    await drainAll();
    expect(await app.inbox.findDeadLetters({ consumerName: 'redriven' })).toHaveLength(2);
    healed = true;
    const redrive = app.consumers.redrive({ consumerName: 'redriven', aggregateId: 'a' });
    expect(await changedBy(app, redrive)).toBe(1);
    const again = (await calls.first(7))[6];
    expect(again).toMatchObject({ id: 'a', attempt: 1 });
    await app.processor.drain();
    expect(await inboxRows(database, 'redriven')).toMatchObject([
      { aggregateId: 'a', status: 'processed' },
      { aggregateId: 'b', status: 'dead_letter' },
    ]);
  });
});

describe('a handler that never returns', () => {
  it('fails at its deadline, its signal aborts, and what it still does is ignored', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown) => unhandled.push(reason);
    process.on('unhandledRejection', note);
    const settle: (() => void)[] = [];
    const aborted: unknown[] = [];
    const calls = await consume(
      'hangs',
      (_, { signal, attempt }) => {
        signal.addEventListener('abort', () => aborted.push(signal.reason));
        // The first comes to its end later, the second fails later.
        return new Promise<void>((resolve, reject) =>
          settle.push(attempt === 1 ? resolve : () => reject(new Error('late'))),
        );
      },
      { timeoutMs: 150, retry: { maxAttempts: 2 } },
    );
    await app.api.publishEvent(event('hangs'));
    await drainAll();
    expect(calls.all.map((call) => call.attempt)).toEqual([1, 2]);
    expect(aborted).toMatchObject([
      { code: 'INTEGRATION_HANDLER_TIMEOUT' },
      { code: 'INTEGRATION_HANDLER_TIMEOUT' },
    ]);
    const dead = await inboxRows(database, 'hangs');
    expect(dead).toMatchObject([
      { status: 'dead_letter', attempts: 2, error: expect.stringContaining('150 ms') },
    ]);
    for (const end of settle) end();
    await new Promise((resolve) => setImmediate(resolve));
    await app.processor.drain();
    expect(await inboxRows(database, 'hangs')).toEqual(dead);
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });
});

/** Drains, retries included: as long as something will be due within a few seconds. */
async function drainAll(): Promise<void> {
  for (;;) {
    const { nextDueAt } = await app.processor.drain();
    const wait = nextDueAt === undefined ? Number.POSITIVE_INFINITY : nextDueAt.getTime() - Date.now();
    if (wait > 5_000) return;
    await new Promise((resolve) => setTimeout(resolve, Math.max(1, wait)));
  }
}
