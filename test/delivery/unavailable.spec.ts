import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type DomainEvent, type SubscriberContext, UnavailableError } from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { effectsOf, writeEffect } from '../support/effects.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, type LogLines, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';

let database: TestDatabase;
let app: TestApp;
let log: LogLines;

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(() => {
  log = hearLog();
});
afterEach(async () => {
  await app.close();
  silenceLog();
});
afterAll(() => database.drop());

/** Somebody whom handlers call: out of reach until it is told otherwise. */
class Receiver {
  isThere = false;
  readonly calls = new Recorder<number>();

  call(events: number, options: { retryAfterMs?: number; cause?: unknown } = {}): void {
    this.calls.record(events);
    if (!this.isThere) throw new UnavailableError('the receiver does not answer', options);
  }
}

const events = (type: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    eventName: `${type}.made`,
    sourceModule: 'test',
    aggregateType: type,
    aggregateId: `a${i}`,
    payload: { i },
  }));

/** The app with one consumer of `<name>.made`. */
async function consume(
  name: string,
  definition: Omit<AnySubscriberDefinition, 'eventName' | 'consumerName'>,
) {
  const names = { eventName: `${name}.made`, consumerName: name };
  app = await startApp(database, [{ ...names, ...definition } as AnySubscriberDefinition]);
}

async function listed(name: string) {
  const consumers = await app.consumers.list();
  return consumers.find(({ consumerName }) => consumerName === name)?.unavailable;
}

const lines = (part: string) => log.texts('warn', 'log').filter((line) => line.includes(part));

describe('a handler that throws UnavailableError', () => {
  it('counts no attempt, however often it does, and goes on once its receiver is back', async () => {
    const receiver = new Receiver();
    const attempts = new Set<number>();
    await consume('plain', {
      retry: { maxAttempts: 2 },
      handler: (_: DomainEvent, { attempt }: SubscriberContext) => {
        attempts.add(attempt);
        receiver.call(1);
      },
    });
    await app.api.publishEvents(events('plain', 3));
    await receiver.calls.first(5);
    receiver.isThere = true;
    await untilConsumerSettled(database, 'plain');
    expect([...attempts]).toEqual([1]);
    expect(await inboxRows(database, 'plain')).toEqual([]);
  });

  it('says so once in the log when it begins and once when it ends, and in the list of consumers meanwhile', async () => {
    const receiver = new Receiver();
    await consume('told', { handler: () => receiver.call(1) });
    await app.api.publishEvents(events('told', 3));
    await receiver.calls.first(5);
    const unavailable = await until('the list says so', () => listed('told').then((found) => found ?? false));
    expect(unavailable.reason).toBe('UnavailableError: the receiver does not answer');
    expect(unavailable.since.getTime()).toBeLessThanOrEqual(Date.now());
    expect(lines('cannot reach what they need (the receiver does not answer)')).toHaveLength(1);
    expect(lines('reach what they need again')).toHaveLength(0);
    receiver.isThere = true;
    await until('the list says nothing any more', async () => (await listed('told')) === null);
    expect(lines('cannot reach what they need')).toHaveLength(1);
    expect(lines('reach what they need again')).toHaveLength(1);
    expect(lines('The database failed')).toHaveLength(0);
  });

  it('keeps a batch whole, and is tried by one batch after each pause', async () => {
    const receiver = new Receiver();
    await consume('batches', {
      batch: { maxSize: 50, maxWaitMs: 1_000 },
      concurrency: 4,
      handler: (batch: DomainEvent[]) => receiver.call(batch.length),
    });
    await app.api.publishEvents(events('batches', 400));
    await receiver.calls.first(6);
    receiver.isThere = true;
    await untilConsumerSettled(database, 'batches');
    const sizes = receiver.calls.all;
    expect(Math.min(...sizes)).toBe(50);
    // Those that found nobody, perhaps one more before the receiver was back, and each of the eight once with success.
    expect(sizes.length).toBeLessThanOrEqual(6 + 8 + 1);
    expect(await inboxRows(database, 'batches')).toEqual([]);
  });

  it('has written nothing where it is transactional, and does later', async () => {
    const receiver = new Receiver();
    await consume('tx', {
      transactional: true,
      handler: async (event: DomainEvent, context: SubscriberContext) => {
        await writeEffect('tx', event, context);
        receiver.call(1);
      },
    });
    await app.api.publishEvents(events('tx', 2));
    await receiver.calls.first(5);
    expect(await effectsOf(database, 'tx')).toEqual([]);
    receiver.isThere = true;
    await untilConsumerSettled(database, 'tx');
    expect(await effectsOf(database, 'tx')).toEqual(['attempt 1', 'attempt 1']);
  });

  it('counts no attempt of a retry either', async () => {
    const receiver = new Receiver();
    const attempts: number[] = [];
    await consume('retried', {
      retry: { maxAttempts: 2 },
      handler: (_: DomainEvent, { attempt }: SubscriberContext) => {
        attempts.push(attempt);
        if (attempts.length === 1) throw new Error('its own failure');
        receiver.call(1);
      },
    });
    await app.api.publishEvents(events('retried', 1));
    await receiver.calls.first(4);
    receiver.isThere = true;
    await untilConsumerSettled(database, 'retried');
    expect(new Set(attempts.slice(1))).toEqual(new Set([2]));
    expect(await inboxRows(database, 'retried')).toMatchObject([{ status: 'processed', attempts: 2 }]);
  });

  it('pauses for as long as it says, whatever else it names as the cause', async () => {
    const receiver = new Receiver();
    const at: number[] = [];
    const cause = Object.assign(new Error('the database behind it'), { code: '57P01' });
    await consume('asked', {
      handler: () => {
        at.push(performance.now());
        receiver.call(1, { retryAfterMs: 700, cause });
      },
    });
    await app.api.publishEvents(events('asked', 1));
    await receiver.calls.first(2);
    receiver.isThere = true;
    await untilConsumerSettled(database, 'asked');
    expect((at[1] ?? 0) - (at[0] ?? 0)).toBeGreaterThanOrEqual(699);
    expect(lines('The database failed')).toHaveLength(0);
  });

  it('does not end because another handler of its consumer, which needs nothing, succeeds', async () => {
    const receiver = new Receiver();
    const others = new Recorder<number>();
    app = await startApp(database, [
      { eventName: 'needy.made', consumerName: 'mixed', handler: () => receiver.call(1) },
      {
        eventName: 'easy.made',
        consumerName: 'mixed',
        handler: async ({ position }: DomainEvent) => others.record(position),
      },
    ]);
    await app.api.publishEvents([...events('needy', 2), ...events('easy', 5)]);
    await others.first(5);
    await receiver.calls.first(4);
    expect(lines('cannot reach what they need')).toHaveLength(1);
    expect(lines('reach what they need again')).toHaveLength(0);
    receiver.isThere = true;
    await untilConsumerSettled(database, 'mixed');
    expect(lines('reach what they need again')).toHaveLength(1);
  });
});
