import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  type BatchSubscriberContext,
  type DeliveryOccasion,
  type DomainEvent,
  type DomainEventInput,
  NonRetryableError,
  type SubscriberContext,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { DELIVERY_TABLES, emptyTablesAnew } from '../support/empty-tables.js';
import { silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';

let database: TestDatabase;
const apps: TestApp[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => emptyTablesAnew(database.pool, ...DELIVERY_TABLES, 'integration.integration_operation'));
afterEach(async () => {
  await stopAll();
  silenceLog();
});
afterAll(() => database.drop());

const NAME = 'relay';

interface Call extends DeliveryOccasion {
  readonly position: number;
  readonly eventId: string;
}

/** A consumer that notes each call. `handle` is called with how many calls its event has had before. */
class Noting {
  private readonly recorder = new Recorder<Call>();
  handle: (position: number, before: number) => unknown = () => {};

  get calls(): readonly Call[] {
    return this.recorder.all;
  }

  /** Resolves once there have been this many calls. */
  async until(count: number): Promise<void> {
    await this.recorder.first(count);
  }

  subscriber(more: Partial<AnySubscriberDefinition> = {}): AnySubscriberDefinition {
    return {
      eventName: 'thing.made',
      consumerName: NAME,
      retry: { maxAttempts: 3, baseDelayMs: 100 },
      handler: async (event: DomainEvent, context: SubscriberContext) => {
        const position = event.position as number;
        const before = this.of(position).length;
        this.recorder.record({ position, eventId: event.outboxEventId, ...context.occasion(event) });
        await this.handle(position, before);
      },
      ...more,
    } as AnySubscriberDefinition;
  }

  of(position: number): Call[] {
    return this.calls.filter((call) => call.position === position);
  }

  kinds(position: number): string[] {
    return this.of(position).map(({ kind }) => kind);
  }

  ids(position: number): string[] {
    return this.of(position).map(({ id }) => id);
  }
}

async function start(noting: Noting, more: Partial<AnySubscriberDefinition> = {}): Promise<TestApp> {
  const app = await startApp(database, [noting.subscriber(more)]);
  apps.push(app);
  return app;
}

async function stopAll(): Promise<void> {
  for (const app of apps.splice(0)) await app.close();
}

const things = (count: number): DomainEventInput[] =>
  Array.from({ length: count }, (_, n) => ({
    eventName: 'thing.made',
    sourceModule: 'test',
    aggregateType: 'thing',
    aggregateId: `t${n}`,
  }));

const settled = () => untilConsumerSettled(database, NAME);
const distinct = (values: readonly string[]) => new Set(values).size;

async function redriveAll(app: TestApp): Promise<void> {
  await app.consumers.redrive({ consumerName: NAME });
}

describe('the occasion of a delivery', () => {
  it('is the first one, and retries have its id, which is that of the event', async () => {
    const noting = new Noting();
    noting.handle = (_, before) => {
      if (before < 2) throw new Error('not yet');
    };
    const app = await start(noting);
    await app.api.publishEvents(things(1));
    await settled();
    expect(noting.kinds(1)).toEqual(['first', 'retry', 'retry']);
    expect(noting.ids(1)).toEqual(Array.from({ length: 3 }, () => noting.of(1)[0]?.eventId));
  });

  it('is another one for each redrive, and the retries of a redrive belong to it', async () => {
    const noting = new Noting();
    noting.handle = (_, before) => {
      if (before === 0 || before === 2) throw new NonRetryableError('refused');
      if (before === 1) throw new Error('not yet');
    };
    const app = await start(noting);
    await app.api.publishEvents(things(1));
    await settled();
    await redriveAll(app);
    await noting.until(3);
    await settled();
    await redriveAll(app);
    await noting.until(4);
    expect(noting.kinds(1)).toEqual(['first', 'redrive', 'redrive', 'redrive']);
    const [first, again, repeated, third] = noting.ids(1);
    expect(repeated).toBe(again);
    expect(distinct([first, again, third] as string[])).toBe(3);
    for (const { id, eventId } of noting.of(1)) expect(id.startsWith(eventId)).toBe(true);
  });

  it('is another one for each replay by an operation', async () => {
    const noting = new Noting();
    const app = await start(noting);
    await app.api.publishEvents(things(3));
    await settled();
    await app.consumers.replay(NAME, { from: 2 });
    await noting.until(5);
    await settled();
    await app.consumers.replay(NAME, { from: 3 });
    await noting.until(6);
    expect([1, 2, 3].map((position) => noting.kinds(position))).toEqual([
      ['first'],
      ['first', 'replay'],
      ['first', 'replay', 'replay'],
    ]);
    expect(distinct(noting.calls.map(({ id }) => id))).toBe(6);
  });
});

describe('the occasion of what is put back at once', () => {
  it('is one for the replay of each event, also when it is tried again', async () => {
    const noting = new Noting();
    noting.handle = (position, before) => {
      if (position === 2 && before === 1) throw new Error('not yet');
    };
    const app = await start(noting);
    await app.api.publishEvents(things(3));
    await settled();
    await app.consumers.replayAtOnce(NAME, { from: 1, to: 2 });
    await noting.until(6);
    await settled();
    await app.consumers.replayAtOnce(NAME, { from: 2 });
    await noting.until(8);
    expect([1, 2, 3].map((position) => noting.kinds(position))).toEqual([
      ['first', 'replay'],
      ['first', 'replay', 'replay', 'replay'],
      ['first', 'replay'],
    ]);
    const [first, again, repeated, third] = noting.ids(2);
    expect(repeated).toBe(again);
    expect(distinct([first, again, third] as string[])).toBe(3);
  });

  it('is that of a redrive once an admin has redriven what failed in it', async () => {
    const noting = new Noting();
    noting.handle = (_, before) => {
      if (before === 1) throw new NonRetryableError('refused');
    };
    const app = await start(noting);
    await app.api.publishEvents(things(1));
    await settled();
    await app.consumers.replayAtOnce(NAME, { from: 1 });
    await noting.until(2);
    await settled();
    await redriveAll(app);
    await noting.until(3);
    await settled();
    await app.consumers.replayAtOnce(NAME, { from: 1 });
    await noting.until(4);
    expect(noting.kinds(1)).toEqual(['first', 'replay', 'redrive', 'replay']);
    expect(distinct(noting.ids(1))).toBe(4);
  });

  it('is known to a process that takes over in the middle, and not said of what was never delivered', async () => {
    const noting = new Noting();
    const app = await start(noting);
    await app.api.publishEvents(things(4));
    await settled();
    await stopAll();
    // Another process has put two events back, and one was published that nobody has read.
    const publisher = await startApp(database, []);
    apps.push(publisher);
    await publisher.consumers.replayAtOnce(NAME, { from: 3 });
    await publisher.api.publishEvents(things(1));
    await publisher.consumers.replayAtOnce(NAME, { from: 4 });
    // An owner takes them up. What it begins fails, and it leaves the rest.
    const begun = new Noting();
    const failing: (() => void)[] = [];
    let isLeaving = false;
    begun.handle = () =>
      new Promise((_, reject) => {
        const fail = () => reject(new Error('not yet'));
        if (isLeaving) fail();
        else failing.push(fail);
      });
    const gone = await start(begun, { concurrency: 1 });
    await begun.until(1);
    isLeaving = true;
    const leaving = gone.close();
    for (const fail of failing) fail();
    await leaving;
    const next = new Noting();
    await start(next);
    await next.until(3);
    expect([3, 4].map((position) => next.kinds(position)[0])).toEqual(['replay', 'replay']);
    expect(next.kinds(5)).not.toContain('replay');
    expect(next.ids(3)[0]).toBe(begun.ids(3)[0]);
    expect(next.ids(5)[0]).toBe(next.of(5)[0]?.eventId);
  });

  it('stays when the number of partitions changes', async () => {
    const noting = new Noting();
    const app = await start(noting, { partitions: 2 });
    await app.api.publishEvents(things(8));
    await settled();
    await app.consumers.pause(NAME);
    await app.consumers.replayAtOnce(NAME, { from: 3 });
    await app.consumers.repartition(NAME, 3);
    await app.consumers.resume(NAME);
    await noting.until(14);
    for (let position = 1; position <= 8; position++)
      expect([position, noting.kinds(position)]).toEqual([
        position,
        position < 3 ? ['first'] : ['first', 'replay'],
      ]);
    expect(distinct(noting.calls.map(({ id }) => id))).toBe(14);
  });

  it('takes bounded room on the cursor, and is never that of the first delivery', async () => {
    const noting = new Noting();
    const app = await start(noting);
    await app.api.publishEvents(things(130));
    await settled();
    await app.consumers.pause(NAME);
    for (let position = 1; position <= 130; position++)
      await app.consumers.replayAtOnce(NAME, { from: position, to: position });
    const { rows } = await database.pool.query(
      'SELECT jsonb_array_length(replays) AS kept FROM integration.inbox_cursor WHERE consumer_name = $1',
      [NAME],
    );
    expect(rows).toEqual([{ kept: 100 }]);
    await app.consumers.resume(NAME);
    await noting.until(260);
    expect(noting.calls.filter(({ kind }) => kind === 'replay')).toHaveLength(130);
    expect(distinct(noting.calls.map(({ id }) => id))).toBe(260);
  });
});

describe('the occasion of an event in a batch', () => {
  it('is that of each event, and is refused for an event of another call', async () => {
    const seen: [number, string][][] = [];
    const refused: unknown[] = [];
    let earlier: DomainEvent | undefined;
    const app = await startApp(database, [
      {
        eventName: 'thing.made',
        consumerName: NAME,
        batch: { maxSize: 10 },
        concurrency: 1,
        retry: { maxAttempts: 3, baseDelayMs: 100 },
        handler: (events: DomainEvent[], { occasion }: BatchSubscriberContext) => {
          seen.push(events.map((event) => [event.position as number, occasion(event).kind]));
          try {
            if (earlier !== undefined) occasion(earlier);
          } catch (error) {
            refused.push(error);
          }
          earlier = events[0];
        },
      } as AnySubscriberDefinition,
    ]);
    apps.push(app);
    await app.api.publishEvents(things(2));
    await settled();
    await app.consumers.pause(NAME);
    await app.consumers.replayAtOnce(NAME, { from: 2 });
    await app.api.publishEvents(things(1));
    await app.consumers.resume(NAME);
    await app.processor.drain();
    expect(seen[0]).toEqual([
      [1, 'first'],
      [2, 'first'],
    ]);
    const later = seen.slice(1).flat();
    expect(later.sort(([a], [b]) => a - b)).toEqual([
      [2, 'replay'],
      [3, 'first'],
    ]);
    expect(refused[0]).toMatchObject({
      code: 'INTEGRATION_EVENT_INVALID',
      message: expect.stringContaining('context.occasion was called in'),
      details: { consumerName: NAME, outboxEventId: expect.any(String) },
    });
  });
});
