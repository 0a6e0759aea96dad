import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent, SubscriberContext } from '../../src/index.js';
import { startApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { inboxRows } from '../support/inbox-rows.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const WAITING = 12;
const AT_ONCE = 5;

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

/**
 * What a process that was killed left behind: many retries that are due by now, one attempt that was running; before it, if
 * asked for, an earlier event of its aggregate.
 */
async function leaveRetriesBehind(database: TestDatabase, hasEarlier = false): Promise<void> {
  const former = await startApp(database, [{ ...subscriber, handler: async () => {} }], {
    settings: { 'processor.enabled': false },
  });
  const waiting = Array.from({ length: WAITING }, (_, n) => `waiting ${n + 1}`);
  const aggregates = hasEarlier ? ['interrupted', ...waiting, 'interrupted'] : ['interrupted', ...waiting];
  const events = aggregates.map((aggregateId) => ({
    eventName: 'thing.changed',
    sourceModule: 'test',
    aggregateType: 'thing',
    aggregateId,
  }));
  await former.api.publishEvents(events);
  await former.close();
  await database.pool.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status,
       attempt_count, available_at)
     SELECT id, position, 'worker', aggregate_type, aggregate_id,
            CASE WHEN position = $1 THEN 'processing' ELSE 'received' END, 1, '-infinity'
     FROM integration.outbox_event`,
    [hasEarlier ? aggregates.length : 1],
  );
  await database.pool.query(
    `UPDATE integration.inbox_cursor SET lease_owner = gen_random_uuid(), lease_token = gen_random_uuid(),
       lease_expires_at = clock_timestamp(), unread = int8multirange(int8range($1, NULL))`,
    [aggregates.length + 1],
  );
}

const subscriber = { eventName: 'thing.*', consumerName: 'worker', startFrom: 'earliest' as const };

describe('retries after a process was killed', () => {
  it('run together again as soon as the interrupted one has run alone, which comes first', async () => {
    await leaveRetriesBehind(database);
    const order: string[] = [];
    let running = 0;
    const together: (() => void)[] = [];
    let besideTheInterrupted = 0;
    // The others end only when so many of them run at once: were they run one by one, none would ever end.
    const handler = async (event: DomainEvent) => {
      order.push(event.aggregateId);
      running++;
      if (event.aggregateId === 'interrupted') {
        await new Promise((resolve) => setImmediate(resolve));
        besideTheInterrupted = running - 1;
      } else if (order.length <= AT_ONCE + 1) {
        await new Promise<void>((resolve) => {
          together.push(resolve);
          if (together.length === AT_ONCE) for (const end of together) end();
        });
      }
      running--;
    };
    const app = await startApp(database, [{ ...subscriber, handler, concurrency: AT_ONCE }]);
    try {
      expect((await app.processor.drain()).drained).toBe(true);
      expect(order[0]).toBe('interrupted');
      expect(besideTheInterrupted).toBe(0);
      expect(order).toHaveLength(WAITING + 1);
    } finally {
      for (const end of together) end();
      await app.close();
    }
  });

  it('run together also where the interrupted one has to wait for an earlier event of its aggregate', async () => {
    const own = await createTestDatabase();
    await leaveRetriesBehind(own, true);
    const order: string[] = [];
    let running = 0;
    const together: (() => void)[] = [];
    let besideTheInterrupted = 0;
    // Again none of the first would ever end if they were run one by one.
    const handler = async (event: DomainEvent) => {
      order.push(event.aggregateId);
      running++;
      if (event.position === WAITING + 2) besideTheInterrupted = running - 1;
      else if (order.length <= AT_ONCE) {
        await new Promise<void>((resolve) => {
          together.push(resolve);
          if (together.length === AT_ONCE) for (const end of together) end();
        });
      }
      running--;
    };
    const app = await startApp(own, [{ ...subscriber, handler, concurrency: AT_ONCE }]);
    try {
      expect((await app.processor.drain()).drained).toBe(true);
      expect(order.indexOf('interrupted')).toBeLessThan(AT_ONCE);
      expect(order.lastIndexOf('interrupted')).toBeGreaterThanOrEqual(AT_ONCE);
      expect(besideTheInterrupted).toBe(0);
      expect(order).toHaveLength(WAITING + 2);
    } finally {
      for (const end of together) end();
      await app.close();
      await own.drop();
    }
  });
});

describe('an interrupted retry', () => {
  it('that waited for its turn to run alone longer than its handler may take stalls nobody', async () => {
    const own = await createTestDatabase();
    const timeoutMs = 200;
    const handled = new Recorder<string>();
    const begun = gate();
    const hold = gate();
    const consumers = [
      {
        ...subscriber,
        timeoutMs,
        handler: async ({ aggregateId }: DomainEvent) => handled.record(aggregateId),
      },
      {
        eventName: 'other.*',
        consumerName: 'other',
        startFrom: 'earliest' as const,
        handler: async ({ aggregateId }: DomainEvent) => {
          begun.open();
          await hold.opened;
          handled.record(aggregateId);
        },
      },
    ];
    const event = (eventName: string, aggregateId: string) => ({
      eventName,
      sourceModule: 'test',
      aggregateType: 'thing',
      aggregateId,
    });
    const former = await startApp(own, consumers, { settings: { 'processor.enabled': false } });
    await former.api.publishEvents([event('thing.changed', 'interrupted'), event('other.changed', 'long')]);
    await former.close();
    await own.pool.query(
      `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status,
         attempt_count, available_at)
       SELECT id, position, 'worker', aggregate_type, aggregate_id, 'processing', 1, '-infinity'
       FROM integration.outbox_event WHERE event_name = 'thing.changed'`,
    );
    // Somebody else has it until the other one's handler is running.
    await own.pool.query(
      `UPDATE integration.inbox_cursor SET lease_owner = gen_random_uuid(), lease_token = gen_random_uuid(),
         lease_expires_at = clock_timestamp() + interval '1 hour',
         unread = unread - (SELECT range_agg(int8range(position, position, '[]')) FROM integration.outbox_event WHERE event_name = 'thing.changed')
       WHERE consumer_name = 'worker'`,
    );
    const app = await startApp(own, consumers);
    try {
      await begun.opened;
      await own.pool.query(
        `UPDATE integration.inbox_cursor SET lease_expires_at = clock_timestamp() WHERE consumer_name = 'worker'`,
      );
      await until('it waits for its turn', async () => {
        const [row] = await inboxRows(own, 'worker');
        return row?.status === 'processing' && row.suspicion === 'alone';
      });
      await new Promise((resolve) => setTimeout(resolve, 3 * timeoutMs));
      hold.open();
      await handled.first(2);
      await app.api.publishEvents([event('thing.changed', 'later'), event('other.changed', 'other later')]);
      expect((await handled.first(4)).sort()).toEqual(['interrupted', 'later', 'long', 'other later']);
      expect((await app.processor.drain()).drained).toBe(true);
      expect(await inboxRows(own, 'worker')).toMatchObject([{ status: 'processed', attempts: 1 }]);
    } finally {
      hold.open();
      await app.close();
      await own.drop();
    }
  });
});

describe('retries whose process was cut off from the database', () => {
  it('are not blamed for it: they run together again, their attempts given back', async () => {
    const calls = new Map<string, number[]>();
    let waiting: (() => void)[] = [];
    let isCut = false;
    let haveMet = () => {};
    const met = new Promise<void>((resolve) => {
      haveMet = resolve;
    });
    /** Resolves when `AT_ONCE` handlers are here, or the handler is told to end. */
    const meet = (signal: AbortSignal) =>
      new Promise<void>((resolve, reject) => {
        waiting.push(resolve);
        signal.addEventListener('abort', () => reject(signal.reason));
        if (waiting.length < AT_ONCE) return;
        if (!isCut) return cut();
        for (const end of waiting.splice(0)) end();
        haveMet();
      });
    const cut = () => {
      isCut = true;
      waiting = [];
      database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name LIKE 'nestjs-integration%' AND datname = current_database()`,
      );
    };
    const handler = async (event: DomainEvent, { attempt, signal }: SubscriberContext) => {
      calls.set(event.aggregateId, [...(calls.get(event.aggregateId) ?? []), attempt]);
      if (attempt === 1) throw new Error('the first try fails');
      await meet(signal);
    };
    const consumer = { eventName: 'cut.*', consumerName: 'cut', handler, concurrency: AT_ONCE };
    const app = await startApp(database, [consumer]);
    try {
      const ids = Array.from({ length: AT_ONCE }, (_, n) => `cut ${n}`);
      await app.api.publishEvents(
        ids.map((aggregateId) => ({
          eventName: 'cut.off',
          sourceModule: 'test',
          aggregateType: 'thing',
          aggregateId,
        })),
      );
      await Promise.race([met, new Promise((resolve) => setTimeout(resolve, 30_000).unref())]);
      for (const id of ids) expect(calls.get(id)).toEqual([1, 2, 2]);
    } finally {
      await app.close();
    }
  }, 60_000);
});
