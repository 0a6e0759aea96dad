import { hostname } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Inject, Module, type OnModuleInit } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type DomainEvent,
  DomainEventPublisher,
  EventSubscriberRegistry,
  IntegrationModule,
  type IntegrationModuleOptions,
  OutboxPollingCoordinator,
} from '../../src/index.js';
import { DEFAULT_BEAT_INTERVAL_MS } from '../../src/membership/lease-keeper.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { unreadOf } from '../support/inbox-rows.js';
import { TEST_LOGGER } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { holdRegistration } from '../support/registration-hold.js';
import { BEATS, named, type StatementProxy, startStatementProxy } from '../support/statement-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});
afterAll(() => database.drop());

/** A way to the server on which everything is seen that is sent. It is closed after whoever goes this way. */
async function openWire(): Promise<StatementProxy> {
  const wire = await startStatementProxy(database.url);
  opened.push(wire);
  return wire;
}

/** An application with one consumer of one event name of its own; what it handles is recorded. */
async function consume(
  name: string,
  handle: (event: DomainEvent) => unknown = () => {},
  options: IntegrationModuleOptions & Partial<AnySubscriberDefinition> = {},
): Promise<{ app: TestApp; handled: Recorder<string> }> {
  const handled = new Recorder<string>();
  const { concurrency, retry, ...moduleOptions } = options;
  const app = await startApp(
    database,
    [
      {
        eventName: name,
        consumerName: name,
        concurrency,
        retry,
        handler: async (event: DomainEvent) => {
          await handle(event);
          handled.record(event.aggregateId);
        },
      },
    ],
    moduleOptions,
    { sampleEveryMs: 3_600_000 },
  );
  opened.push(app);
  return { app, handled };
}

const PAGE = named('integration_page');

/** The numbers of rows of the pages with events that are read meanwhile. */
async function pagesDuring(wire: StatementProxy, work: () => Promise<unknown>): Promise<number[]> {
  const before = wire.sentOf(PAGE).length;
  await work();
  const answers = await Promise.all(
    wire
      .sentOf(PAGE)
      .slice(before)
      .map(({ answered }) => answered),
  );
  return answers.filter((rows) => rows !== undefined && rows > 0) as number[];
}

function mostFrequent(numbers: readonly number[]): number | undefined {
  const times = (number: number) => numbers.filter((other) => other === number).length;
  return [...numbers].sort((a, b) => times(b) - times(a))[0];
}

const DISABLED = { settings: { 'processor.enabled': false } };

const events = (eventName: string, count: number) =>
  Array.from({ length: count }, (_, i) => ({
    eventName,
    sourceModule: 'test',
    aggregateType: 'thing',
    aggregateId: `a${i + 1}`,
  }));

async function leaseOf(name: string): Promise<string | null> {
  const { rows } = await database.pool.query<{ token: string | null }>(
    'SELECT lease_token AS token FROM integration.inbox_cursor WHERE consumer_name = $1',
    [name],
  );
  return rows[0]?.token ?? null;
}

describe('a processor whose loops are switched off', () => {
  it('works when it is asked to, and gives the consumers back afterwards', async () => {
    const { app, handled } = await consume('batch', () => {}, DISABLED);
    await app.api.publishEvents(events('batch', 30));
    expect(await leaseOf('batch')).toBeNull();
    expect(await app.processor.processBatch()).toBe(30);
    expect(handled.all).toHaveLength(30);
    expect(await leaseOf('batch')).toBeNull();
    expect(await app.processor.processBatch()).toBe(0);
  });

  it('works off a backlog of many pages with startupDrain', async () => {
    const { app, handled } = await consume('backlog', () => {}, {
      settings: { 'processor.enabled': false, batchSize: 10, startupDrainBatchSize: 10 },
    });
    await app.api.publishEvents(events('backlog', 95));
    expect(await app.processor.startupDrain()).toBe(95);
    expect(handled.all).toHaveLength(95);
  });

  it.each([
    [1, 20],
    [2, 10],
    [5, 5],
  ])(
    'reads it for %d consumers by pages of %d: those who share one are busy for longer',
    async (consumers, rows) => {
      const wire = await openWire();
      const eventName = `shared-by-${consumers}`;
      const subscribers = Array.from({ length: consumers }, (_, i) => ({
        eventName,
        consumerName: `${eventName}-${i}`,
        handler: async () => {},
      }));
      const app = await startApp(database, subscribers, {
        connectionString: wire.url,
        settings: { 'processor.enabled': false, batchSize: 5, startupDrainBatchSize: 20 },
      });
      opened.push(app);
      await app.api.publishEvents(events(eventName, 60));
      const pages = await pagesDuring(wire, async () => {
        expect(await app.processor.startupDrain()).toBe(60 * consumers);
      });
      // Whoever reads before the others have come reads larger pages.
      expect(mostFrequent(pages)).toBe(rows);
    },
  );

  it('takes its consumer each time that it is asked, however long that has been free before', async () => {
    const { app } = await consume('long-free', () => {}, DISABLED);
    for (let time = 0; time < 6; time++) {
      await app.api.publishEvents(events('long-free', 1));
      expect(await app.processor.processBatch()).toBe(1);
    }
  });

  it('may be asked by several at once: each is answered when the work is done', async () => {
    const { app, handled } = await consume(
      'at-once',
      () => new Promise((resolve) => setTimeout(resolve, 5)),
      DISABLED,
    );
    for (let round = 1; round <= 5; round++) {
      const running = app.processor.drain();
      await app.api.publishEvents(events('at-once', 10));
      await Promise.all([running, app.processor.drain()]);
      expect(handled.all).toHaveLength(round * 10);
    }
  });
});

describe('drain', () => {
  it('says when the next event is due, and that none is', async () => {
    const { app } = await consume(
      'due',
      ({ aggregateId }) => {
        if (aggregateId === 'a2') throw new Error('later');
      },
      { ...DISABLED, retry: { baseDelayMs: 120_000, maxDelayMs: 120_000 } },
    );
    expect(await app.processor.drain()).toEqual({ processed: 0, drained: true, nextDueAt: undefined });
    const [first, second] = events('due', 2);
    if (first === undefined || second === undefined) throw new Error('two events');
    await app.api.publishEvent({ ...first, delayMs: 600_000 });
    const delayed = await app.processor.drain();
    expect(delayed).toMatchObject({ processed: 1, drained: true });
    expect((delayed.nextDueAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(590_000);
    await app.api.publishEvent(second);
    const retried = await app.processor.drain();
    expect((retried.nextDueAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(59_000);
    expect((retried.nextDueAt?.getTime() ?? 0) - Date.now()).toBeLessThanOrEqual(120_000);
  });

  it('says what it leaves to another process, whose it is and until when, as long as there is something to do', async () => {
    const hold = gate();
    const begun = gate();
    const handle = () => {
      begun.open();
      return hold.opened;
    };
    const { app: owner } = await consume('owned', handle);
    await owner.processor.drain();
    const { app } = await consume('owned', handle);
    const held = [
      {
        consumerName: 'owned',
        partition: 0,
        owner: { id: expect.any(String), host: hostname(), pid: process.pid },
        until: expect.any(Date),
      },
    ];
    const idle = { processed: 0, drained: true, nextDueAt: undefined, heldByOthers: held };
    expect(await app.processor.drain()).toEqual(idle);
    await owner.api.publishEvents(events('owned', 1));
    await begun.opened;
    const left = await app.processor.drain({ timeoutMs: 30_000 });
    expect(left).toEqual({
      processed: 0,
      drained: false,
      nextDueAt: undefined,
      leftToOthers: held,
      heldByOthers: held,
    });
    expect(left.leftToOthers?.[0]?.until.getTime()).toBeGreaterThan(Date.now());
    hold.open();
    await owner.processor.drain();
    expect(await app.processor.drain()).toMatchObject({ drained: true });
  });

  it('gives up after timeoutMs, and says so', async () => {
    const hold = gate();
    const { app } = await consume('holding', () => hold.opened);
    await app.api.publishEvents(events('holding', 1));
    expect(await app.processor.drain({ timeoutMs: 200 })).toMatchObject({ drained: false });
    hold.open();
    expect(await app.processor.drain()).toMatchObject({ drained: true });
  });

  it('is not done before what handlers publish is handled, those too that were running when it began', async () => {
    const [begun, mayPublish] = [gate(), gate()];
    const [first, second] = events('running', 2);
    if (first === undefined || second === undefined) throw new Error('two events');
    const wire = await openWire();
    const { app, handled } = await consume(
      'running',
      async ({ aggregateId }) => {
        if (aggregateId !== first.aggregateId) return;
        begun.open();
        await mayPublish.opened;
        await app.api.publishEvent(second);
      },
      { ...DISABLED, connectionString: wire.url },
    );
    await app.api.publishEvent(first);
    const earlier = app.processor.drain();
    await begun.opened;
    const read = wire.more(1, PAGE);
    const drained = app.processor.drain();
    await read;
    mayPublish.open();
    await drained;
    expect(handled.all).toEqual([first.aggregateId, second.aggregateId]);
    await earlier;
  });

  it('holds on while connections are lost: what it calls drained is drained', async () => {
    const { app, handled } = await consume('lossy', () => new Promise((resolve) => setTimeout(resolve, 2)));
    await app.api.publishEvents(events('lossy', 300));
    await handled.first(20);
    const drained = app.processor.drain();
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name LIKE 'nestjs-integration%' AND datname = current_database()`,
    );
    expect(await drained).toMatchObject({ drained: true });
    expect(new Set(handled.all).size).toBe(300);
  });
});

describe('getStats', () => {
  it('counts every event once, and the handlers of this process', async () => {
    const { app } = await consume(
      'counted',
      ({ aggregateId }) => {
        if (aggregateId === 'a1') throw new Error('later');
      },
      { ...DISABLED, retry: { baseDelayMs: 120_000, maxDelayMs: 120_000 } },
    );
    await app.api.publishEvents([...events('counted', 10), ...events('nobody asks for it', 3)]);
    await app.processor.drain();
    await app.api.publishEvents(events('counted', 4));
    const stats = await app.processor.getStats();
    const { pending, processing, processed, failed, dead_letter, unrouted, total } = stats;
    expect(pending + processing + processed + failed + dead_letter + unrouted).toBe(total);
    expect(stats.handlerCount).toBe(1);
    expect(stats.consumers.find(({ consumerName }) => consumerName === 'counted')).toMatchObject({
      total: 14,
      pending: 4,
      processing: 0,
      processed: 9,
      failed: 1,
      dead_letter: 0,
    });
  });
});

describe('a setting that changes while a consumer runs', () => {
  it('batchSize is used by its next page', async () => {
    const wire = await openWire();
    const { app, handled } = await consume('paged', () => {}, { connectionString: wire.url });
    await app.api.publishEvents(events('paged', 5));
    await handled.first(5);
    await app.settings.set('batchSize', 7, 'a test');
    const pages = await pagesDuring(wire, async () => {
      await app.api.publishEvents(events('paged', 50));
      await handled.first(55);
    });
    expect(pages[0]).toBe(7);
    await app.settings.reset('batchSize');
  });

  it('flushIntervalMs is used by its next save', async () => {
    const { app, handled } = await consume('flushed');
    const untilSaved = async (count: number) => {
      const before = await unreadOf(database, 'flushed');
      await app.api.publishEvents(events('flushed', 1));
      await handled.first(count);
      const startedAt = performance.now();
      await until('the save', async () => (await unreadOf(database, 'flushed')) !== before);
      return performance.now() - startedAt;
    };
    await app.processor.drain();
    await app.settings.set('flushIntervalMs', 1_000, 'a test');
    expect(await untilSaved(1)).toBeGreaterThan(700);
    await app.settings.reset('flushIntervalMs');
  });
});

describe('the polling coordinator', () => {
  it('looks less and less often while nothing happens, and at once when it is woken', async () => {
    const { app, handled } = await consume('polled', () => {}, {
      settings: { pollingIntervalMs: 100, idlePollingIntervalMs: 500 },
    });
    const coordinator = app.context.get(OutboxPollingCoordinator);
    await until('it has become quiet', async () => coordinator.state.intervalMs === 500);
    expect(coordinator.state.mode).toBe('quiet');
    await app.api.publishEvents(events('polled', 1));
    expect(coordinator.state).toMatchObject({
      mode: 'busy',
      intervalMs: 100,
      lastWakeup: { source: 'publish' },
    });
    await handled.first(1);
  });

  it('finds what nobody tells of', async () => {
    const { handled } = await consume('untold');
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id) VALUES ('untold', 'test', 'thing', 'a1')`,
    );
    expect(await handled.first(1)).toEqual(['a1']);
  });

  it('stands still where the processor is switched off', async () => {
    const { app } = await consume('standing', () => {}, DISABLED);
    expect(app.context.get(OutboxPollingCoordinator).state.mode).toBe('stopped');
  });
});

describe('a process that has nothing to do', () => {
  const BEATS_WAITED_FOR = 10;

  it('beats every two seconds by default', () => {
    expect(DEFAULT_BEAT_INTERVAL_MS).toBe(2_000);
  });

  it('sends a statement with every beat, and none beside', async () => {
    const wire = await openWire();
    const { app, handled } = await consume('idle', () => {}, {
      connectionString: wire.url,
      settings: { pollingIntervalMs: 60_000, idlePollingIntervalMs: 60_000 },
    });
    // With its first beat it takes a sample of its backlog, and another one after an hour. It writes what was handled until then.
    await (await wire.sent.find(({ sql }) => sql.includes('integration_sample'))).answered;
    await app.api.publishEvents(events('idle', 1));
    await handled.first(1);
    await app.processor.drain();
    const before = wire.sent.all.length;
    await wire.more(BEATS_WAITED_FOR, BEATS);
    expect(wire.sent.all.slice(before).filter((statement) => !BEATS(statement))).toEqual([]);
    // One each: what a beat does is one statement.
    expect(new Set(wire.sent.all.slice(before).map(({ sql }) => sql)).size).toBe(1);
  });
});

describe('a subscriber that registers while the application runs', () => {
  it('takes part from then on', async () => {
    const { app } = await consume('early');
    const late = new Recorder<string>();
    app.context.get(EventSubscriberRegistry).registerHandler({
      eventName: 'late',
      consumerName: 'late',
      handler: async (event: DomainEvent) => late.record(event.aggregateId),
    });
    await app.api.publishEvents(events('late', 2));
    expect(await late.first(2)).toEqual(['a1', 'a2']);
  });

  it('for an event that its consumer has a pattern for gets it instead, also where both are stored', async () => {
    for (const boot of [1, 2]) {
      const ran = new Recorder<string>();
      const recording = (who: string) => async (event: DomainEvent) =>
        ran.record(`${who} ${event.eventName}`);
      const app = await startApp(database, [
        { eventName: 'pattern.*', consumerName: 'pattern', handler: recording('pattern') },
      ]);
      opened.push(app);
      await app.api.publishEvents(events('pattern.any', 1));
      await ran.first(1);
      await app.processor.drain();
      app.context.get(EventSubscriberRegistry).registerHandler({
        eventName: 'pattern.special',
        consumerName: 'pattern',
        handler: recording('special'),
      });
      await until('it is worked on with both', async () =>
        app.workers.active.some((worker) => worker.consumer.subscriptions.length === 2),
      );
      await app.api.publishEvents(events('pattern.special', 1));
      expect({ boot, ran: await ran.first(2) }).toEqual({
        boot,
        ran: ['pattern pattern.any', 'special pattern.special'],
      });
      await app.close();
      opened.splice(opened.indexOf(app), 1);
    }
  });

  it('takes part also where it comes while those before it are being registered', async () => {
    const late = new Recorder<string>();
    const held = await holdRegistration(database);
    let registry: EventSubscriberRegistry | undefined;
    @Module({ imports: [IntegrationModule.forRoot({ connectionString: database.url })] })
    class App implements OnModuleInit {
      constructor(@Inject(EventSubscriberRegistry) private readonly own: EventSubscriberRegistry) {}

      onModuleInit(): void {
        registry = this.own;
        this.own.registerHandler({
          eventName: 'boot',
          consumerName: 'boot-first',
          handler: async () => {},
        });
      }
    }
    const booting = NestFactory.createApplicationContext(App, { abortOnError: false, logger: TEST_LOGGER });
    await held.waiting();
    registry?.registerHandler({
      eventName: 'boot',
      consumerName: 'boot-second',
      handler: async (event: DomainEvent) => late.record(event.aggregateId),
    });
    await held.letGo();
    const context = await booting;
    opened.push(context);
    await context.get(DomainEventPublisher).publishEvents(events('boot', 1));
    expect(await late.first(1)).toEqual(['a1']);
  });

  it('is registered as soon as the database is there again', async () => {
    const { app } = await consume('cut');
    const held = await holdRegistration(database);
    const late = new Recorder<string>();
    app.context.get(EventSubscriberRegistry).registerHandler({
      eventName: 'cut',
      consumerName: 'cut-late',
      handler: async (event: DomainEvent) => late.record(event.aggregateId),
    });
    const pid = await held.waiting();
    await database.pool.query('SELECT pg_terminate_backend($1, 5000)', [pid]);
    await held.letGo();
    await until('it is registered', async () => (await unreadOf(database, 'cut-late')) !== '');
    await app.api.publishEvents(events('cut', 1));
    expect(await late.first(1)).toEqual(['a1']);
  });
});
