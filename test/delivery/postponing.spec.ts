import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  ConsumerBacklogService,
  DoctorService,
  type DomainEvent,
  IntegrationError,
  PostponeError,
  type SubscriberContext,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { outcomeOf } from '../../src/testing/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { effectsOf, writeEffect } from '../support/effects.js';
import { inboxRows } from '../support/inbox-rows.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';

const HOUR_MS = 3_600_000;

let database: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => app?.close());
afterAll(() => database.drop());

interface Call {
  readonly aggregate: string;
  readonly n: number;
  readonly attempt: number;
}

/** Somebody for whom handlers wait. Until it is there, they put their events off. */
class Gate {
  isOpen = false;
  readonly calls = new Recorder<Call>();
  readonly done: Call[] = [];

  constructor(
    private readonly waits: (event: DomainEvent) => boolean,
    private readonly delayMs = 50,
  ) {}

  readonly handle = (event: DomainEvent, { attempt }: SubscriberContext): void => {
    const made = { aggregate: event.aggregateId, n: (event.payload as { n: number }).n, attempt };
    this.calls.record(made);
    if (!this.isOpen && this.waits(event)) throw new PostponeError(this.delayMs, 'the gate is closed');
    this.done.push(made);
  };
}

const isA = ({ aggregateId }: DomainEvent) => aggregateId === 'a';

async function consume(
  name: string,
  definition: Omit<AnySubscriberDefinition, 'eventName' | 'consumerName'>,
): Promise<void> {
  const names = { eventName: `${name}.made`, consumerName: name };
  app = await startApp(database, [{ ...names, ...definition } as AnySubscriberDefinition]);
}

const publish = (name: string, aggregates: readonly string[]) =>
  app.api.publishEvents(
    aggregates.map((aggregateId, n) => ({
      eventName: `${name}.made`,
      sourceModule: 'test',
      aggregateType: 'thing',
      aggregateId,
      payload: { n },
    })),
  );

/** The calls of one event, as soon as there are so many. */
const callsOf = (gate: Gate, aggregate: string, count: number) =>
  until(`${count} calls of ${aggregate}`, () =>
    Promise.resolve(gate.calls.all.filter((call) => call.aggregate === aggregate).length >= count),
  );

describe('a handler that throws PostponeError', () => {
  it('counts no attempt, however often it does, and is called again until it is through', async () => {
    const gate = new Gate(isA);
    await consume('plain', { retry: { maxAttempts: 2 }, handler: gate.handle });
    await publish('plain', ['a', 'b']);
    await callsOf(gate, 'a', 6);
    expect(await inboxRows(database, 'plain')).toMatchObject([{ attempts: expect.any(Number) }]);
    gate.isOpen = true;
    await untilConsumerSettled(database, 'plain');
    expect(new Set(gate.calls.all.map(({ attempt }) => attempt))).toEqual(new Set([1]));
    expect(gate.done.filter(({ aggregate }) => aggregate === 'a')).toHaveLength(1);
    expect(await inboxRows(database, 'plain')).toMatchObject([{ status: 'processed', attempts: 1 }]);
  });

  it('keeps later events of the aggregate waiting, and no others; they come in their order', async () => {
    const gate = new Gate((event) => isA(event) && (event.payload as { n: number }).n === 0);
    await consume('ordered', { concurrency: 10, handler: gate.handle });
    await publish('ordered', ['a', 'a', 'b', 'a', 'b']);
    await callsOf(gate, 'a', 4);
    expect(gate.done.map(({ aggregate }) => aggregate)).toEqual(['b', 'b']);
    await publish('ordered', ['a']);
    await callsOf(gate, 'a', 6);
    expect(gate.done).toHaveLength(2);
    gate.isOpen = true;
    await untilConsumerSettled(database, 'ordered');
    const order = gate.done.filter(({ aggregate }) => aggregate === 'a').map(({ n }) => n);
    expect(order).toEqual([0, 1, 3, 0]);
  });

  it('holds up nothing at a consumer without order', async () => {
    const gate = new Gate((event) => (event.payload as { n: number }).n === 0);
    await consume('unordered', { ordered: false, handler: gate.handle });
    await publish('unordered', ['a', 'a', 'a']);
    await callsOf(gate, 'a', 5);
    expect(gate.done.map(({ n }) => n).sort()).toEqual([1, 2]);
    gate.isOpen = true;
    await untilConsumerSettled(database, 'unordered');
  });

  it('has written nothing where it is transactional, and its effect is there once in the end', async () => {
    const gate = new Gate(isA);
    await consume('tx', {
      transactional: true,
      retry: { maxAttempts: 1 },
      handler: async (event: DomainEvent, context: SubscriberContext) => {
        await writeEffect('tx', event, context);
        gate.handle(event, context);
      },
    });
    await publish('tx', ['a', 'a']);
    await callsOf(gate, 'a', 4);
    expect(await effectsOf(database, 'tx')).toEqual([]);
    gate.isOpen = true;
    await untilConsumerSettled(database, 'tx');
    expect(await effectsOf(database, 'tx')).toEqual(['attempt 1', 'attempt 1']);
    expect(gate.done.map(({ n }) => n)).toEqual([0, 1]);
  });

  it('puts only its own events off where it takes batches', async () => {
    const gate = new Gate(isA);
    const sizes: number[] = [];
    await consume('batch', {
      batch: { maxSize: 10, maxWaitMs: 200 },
      handler: (events: DomainEvent[], context: SubscriberContext) => {
        sizes.push(events.length);
        for (const event of events) if (!gate.isOpen && isA(event)) gate.handle(event, context);
        for (const event of events) gate.handle(event, context);
      },
    });
    await publish('batch', ['b', 'a', 'c', 'd']);
    await callsOf(gate, 'a', 3);
    expect(gate.done.map(({ aggregate }) => aggregate).sort()).toEqual(['b', 'c', 'd']);
    gate.isOpen = true;
    await untilConsumerSettled(database, 'batch');
    expect(gate.done.filter(({ aggregate }) => aggregate === 'a')).toHaveLength(1);
    expect(sizes[0]).toBeGreaterThan(1);
  });

  it('leaves the number of the attempt as it was after one that failed, and is no part of the history', async () => {
    const gate = new Gate(isA);
    let failures = 0;
    await consume('failed', {
      retry: { maxAttempts: 3, baseDelayMs: 100 },
      handler: (event: DomainEvent, context: SubscriberContext) => {
        if (failures++ === 0) throw new Error('its own failure');
        gate.handle(event, context);
      },
    });
    const [published] = await publish('failed', ['a']);
    await callsOf(gate, 'a', 4);
    gate.isOpen = true;
    await untilConsumerSettled(database, 'failed');
    expect(new Set(gate.calls.all.map(({ attempt }) => attempt))).toEqual(new Set([2]));
    const history = await app.inbox.historyOf(published?.outboxEventId ?? '', 'failed');
    expect(history?.attempts.map(({ error }) => error)).toEqual(['Error: its own failure']);
  });

  it('is reported with its reason, once it is saved', async () => {
    const gate = new Gate(isA, HOUR_MS);
    await consume('told', { handler: gate.handle });
    const outcomes = new Recorder<object>();
    app.processor.outcomes$.subscribe((outcome) => outcomes.record(outcome));
    const [published] = await publish('told', ['a']);
    const [outcome] = await outcomes.first(1);
    expect(outcome).toMatchObject({
      status: 'postponed',
      attempt: 1,
      reason: 'the gate is closed',
      nextTryAt: expect.any(Date),
    });
    const id = published?.outboxEventId ?? '';
    expect(await outcomeOf(app.context as never, id, 'told', { until: ['postponed'] })).toEqual({
      outboxEventId: id,
      consumerName: 'told',
      status: 'postponed',
      attempt: 1,
      error: 'the gate is closed',
    });
  });
});

describe('an event that was put off', () => {
  it('is pending, with the reason, since when and until when; it and what waits behind it show in the backlog', async () => {
    const gate = new Gate(isA, HOUR_MS);
    await consume('seen', { handler: gate.handle });
    const [published] = await publish('seen', ['a', 'a']);
    const id = published?.outboxEventId ?? '';
    await until('the second one waits', async () => (await inboxRows(database, 'seen')).length === 2);
    const report = await app.outbox.statusOf(id);
    expect(report).toMatchObject({
      status: 'pending',
      consumers: [{ status: 'pending', attemptCount: 0, lastError: 'the gate is closed' }],
    });
    const [delivery] = report?.consumers ?? [];
    expect(delivery?.availableAt?.getTime()).toBeGreaterThan(Date.now() + HOUR_MS / 2);
    const since = delivery?.postponedSince ?? new Date(0);
    expect(since.getTime()).toBeGreaterThan(Date.now() - 60_000);

    const backlogs = app.context.get(ConsumerBacklogService, { strict: false });
    const backlog = (await backlogs.list()).find(({ consumerName }) => consumerName === 'seen');
    expect(backlog).toMatchObject({
      retrying: { count: 0 },
      postponed: { count: 1, atLeast: false },
      postponedSince: since,
      waiting: { count: 1 },
      delayed: { count: 0 },
    });
    expect(await backlogs.blocking({ consumerName: 'seen' })).toMatchObject([
      { outboxEventId: id, lastError: 'the gate is closed', postponedSince: since, behind: { count: 1 } },
    ]);
    expect(
      (await app.outbox.getStats()).consumers.find((each) => each.consumerName === 'seen'),
    ).toMatchObject({ pending: 2, failed: 0 });
  });

  it('keeps its beginning over further postponements, and loses it with an attempt that counts', async () => {
    let fails = false;
    const calls = new Recorder<number>();
    await consume('since', {
      retry: { baseDelayMs: HOUR_MS, maxDelayMs: HOUR_MS },
      handler: () => {
        calls.record(1);
        if (fails) throw new Error('its own failure');
        throw new PostponeError(20, 'not yet');
      },
    });
    const [published] = await publish('since', ['a']);
    const since = async () =>
      (await app.outbox.statusOf(published?.outboxEventId ?? ''))?.consumers[0]?.postponedSince;
    await calls.first(2);
    const first = await since();
    await calls.first(5);
    expect(await since()).toEqual(first);
    fails = true;
    await until('it has failed', async () => (await inboxRows(database, 'since'))[0]?.fingerprint !== null);
    expect(await since()).toBeNull();
  });

  it('is found by the doctor after a day, with what waits behind it', async () => {
    const gate = new Gate(isA, HOUR_MS);
    await consume('long', { handler: gate.handle });
    await publish('long', ['a', ...Array.from({ length: 7 }, () => 'a'), 'b']);
    await until('it is put off', async () => (await inboxRows(database, 'long')).length === 8);
    const examine = async () =>
      (await app.context.get(DoctorService).examine()).findings.find(
        ({ key }) => key === 'postponed-events/long',
      );
    expect(await examine()).toBeUndefined();
    await database.pool.query(
      `UPDATE integration.inbox_event SET postponed_since = now() - interval '25 hours' WHERE consumer_name = 'long'`,
    );
    expect(await examine()).toMatchObject({
      severity: 'warning',
      finding: expect.stringMatching(
        /consumer "long" have put 1 events off .*: the gate is closed; behind the first, of thing "a", wait ("long\.made" at position \d+, ){4}"long\.made" at position \d+ and 2 more$/,
      ),
      since: expect.any(Date),
      details: {
        behind: 7,
        next: Array.from({ length: 5 }, () => ({ position: expect.any(Number), eventName: 'long.made' })),
      },
    });
  });

  it('comes in its order after a restart', async () => {
    const gate = new Gate(isA, 500);
    await consume('restarted', { handler: gate.handle });
    await publish('restarted', ['a', 'a', 'a']);
    await until('the others wait', async () => (await inboxRows(database, 'restarted')).length === 3);
    await app.close();
    gate.isOpen = true;
    await consume('restarted', { handler: gate.handle });
    await untilConsumerSettled(database, 'restarted');
    expect(gate.done.map(({ n, attempt }) => [n, attempt])).toEqual([
      [0, 1],
      [1, 1],
      [2, 1],
    ]);
  });
});

describe('PostponeError', () => {
  it.each([Number.NaN, -1, 0, Number.POSITIVE_INFINITY, 400 * 24 * HOUR_MS, '5' as unknown as number])(
    'refuses a delay of %s with a typed error',
    (delayMs) => {
      expect(() => new PostponeError(delayMs, 'later')).toThrow(IntegrationError);
      expect(() => new PostponeError(delayMs, 'later')).toThrow(
        /delayMs must be a number of milliseconds from 1/,
      );
    },
  );

  it('wants a reason, and cuts a long one', () => {
    expect(() => new PostponeError(1, ' ')).toThrow(/reason must be a text/);
    expect(() => new PostponeError(1, undefined as unknown as string)).toThrow(
      expect.objectContaining({ code: 'INTEGRATION_POSTPONE_INVALID' }),
    );
    expect(new PostponeError(1, 'x'.repeat(5_000)).reason).toBe(`${'x'.repeat(1_000)}…`);
  });

  it('counts as a failure if another version made it with a delay that is no number', async () => {
    await consume('foreign', {
      retry: { maxAttempts: 1 },
      handler: () => {
        throw Object.assign(new Error('odd'), { name: 'PostponeError', delayMs: Number.NaN, reason: 'odd' });
      },
    });
    const [published] = await publish('foreign', ['a']);
    const outcome = await outcomeOf(app.context as never, published?.outboxEventId ?? '', 'foreign');
    expect(outcome.status).toBe('dead_letter');
  });
});
