import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { DomainEvent, IntegrationModuleOptions, SubscriberContext } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { effectsOf, transactionOf, writeEffect, writeEffectBySql } from '../support/effects.js';
import { gate } from '../support/gate.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, type LogLines, silenceLog } from '../support/log-lines.js';
import { type MigratedServer, startMigratedServer } from '../support/migrated-server.js';
import { Outage } from '../support/outage.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';

/** Of every killer: so often together with others, and so often alone. */
const TOGETHER = 3;
const ALONE = 2;
const RETRY = { maxAttempts: ALONE, baseDelayMs: 100, maxDelayMs: 100 };
const SETTINGS = { settings: { maxInfrastructureFailures: TOGETHER } };

let database: TestDatabase;
let app: TestApp;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(() => app.close());
afterAll(() => database.drop());

const event = (eventName: string, aggregateId: string) => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
});

/** One that kills, among others that do not. */
const withKiller = (eventName: string, count: number) =>
  Array.from({ length: count }, (_, i) => event(eventName, i === 1 ? 'killer' : `good ${i}`));

const endOwnSession = (context: SubscriberContext) =>
  transactionOf(context).$executeRawUnsafe('SELECT pg_terminate_backend(pg_backend_pid())');

/** Handlers whose event `killer` does `kill`, and the runs of it. */
function killing(
  kill: (context: SubscriberContext) => Promise<unknown>,
  good: (event: DomainEvent, context: SubscriberContext) => Promise<void>,
) {
  const runs = new Recorder<number>();
  const handler = async (made: DomainEvent, context: SubscriberContext) => {
    if (made.aggregateId !== 'killer') return good(made, context);
    runs.record(context.attempt);
    await kill(context);
  };
  return { runs, handler };
}

const letters = async (consumerName: string) =>
  (await inboxRows(database, consumerName)).map(({ aggregateId, status, attempts }) => ({
    aggregateId,
    status,
    attempts,
  }));

const KILLER = { aggregateId: 'killer', status: 'dead_letter', attempts: ALONE };

describe('an event whose handler ends its own session', () => {
  it.each([
    ['of the host’s client', SETTINGS, writeEffect],
    [
      'of the engine’s own client',
      { ...SETTINGS, client: undefined } as IntegrationModuleOptions,
      writeEffectBySql,
    ],
  ])(
    '%s is a dead letter after a stated number of runs; others of its consumer, and another consumer, go on',
    async (whose, options, write) => {
      const name = whose.includes('host') ? 'host-killed' : 'own-killed';
      const { runs, handler } = killing(endOwnSession, (made, context) => write(name, made, context));
      const held = gate();
      const other = new Recorder<AbortSignal>();
      app = await startApp(
        database,
        [
          { eventName: `${name}.made`, consumerName: name, transactional: true, retry: RETRY, handler },
          {
            eventName: `${name}.other`,
            consumerName: `${name}-other`,
            handler: async (_: DomainEvent, { signal }: SubscriberContext) => {
              other.record(signal);
              await held.opened;
            },
          },
        ],
        options,
      );
      await app.api.publishEvent(event(`${name}.other`, 'o'));
      await other.first(1);
      await app.api.publishEvents(withKiller(`${name}.made`, 6));
      await runs.first(TOGETHER);
      // What runs alone waits for it.
      held.open();
      await untilConsumerSettled(database, name);
      expect(await letters(name)).toEqual([KILLER]);
      expect(runs.all).toEqual([1, 1, 1, 1, 2]);
      expect(await effectsOf(database, name)).toHaveLength(5);
      await untilConsumerSettled(database, `${name}-other`);
      expect(other.all.map(({ aborted }) => aborted)).toEqual([false]);
    },
  );

  it('is found in a batch, whose other events are handled once each', async () => {
    const runs: string[][] = [];
    app = await startApp(
      database,
      [
        {
          eventName: 'batch-killed.made',
          consumerName: 'batch-killed',
          transactional: true,
          batch: { maxSize: 10, maxWaitMs: 200 },
          concurrency: 1,
          retry: RETRY,
          handler: async (batch: DomainEvent[], context: SubscriberContext) => {
            const ids = batch.map(({ aggregateId }) => aggregateId);
            if (ids.includes('killer')) {
              runs.push(ids);
              await endOwnSession(context);
            }
            for (const made of batch) await writeEffect('batch-killed', made, context);
          },
        },
      ],
      SETTINGS,
    );
    await app.api.publishEvents(withKiller('batch-killed.made', 10));
    await untilConsumerSettled(database, 'batch-killed');
    expect(await letters('batch-killed')).toEqual([KILLER]);
    expect(runs.map((ids) => ids.length)).toEqual([10, 10, 1, 1, 1]);
    expect(await effectsOf(database, 'batch-killed')).toHaveLength(9);
  });

  it('is a dead letter too where its handler is plain, and nothing else runs beside it any more', async () => {
    const session = new pg.Pool({ connectionString: database.url, max: 1 });
    session.on('error', () => {});
    let running = 0;
    const beside: number[] = [];
    const good = new Recorder<string>();
    const { runs, handler } = killing(
      async () => {
        beside.push(running);
        await session.query('SELECT pg_terminate_backend(pg_backend_pid())');
      },
      async ({ aggregateId }) => {
        running++;
        await new Promise((resolve) => setTimeout(resolve, 20));
        running--;
        good.record(aggregateId);
      },
    );
    app = await startApp(
      database,
      [{ eventName: 'plain-killed.made', consumerName: 'plain-killed', retry: RETRY, handler }],
      SETTINGS,
    );
    await app.api.publishEvents(withKiller('plain-killed.made', 20));
    await untilConsumerSettled(database, 'plain-killed');
    expect(await letters('plain-killed')).toEqual([KILLER]);
    expect(runs.all).toEqual([1, 1, 1, 1, 2]);
    expect(beside.slice(TOGETHER)).toEqual([0, 0]);
    expect(new Set(good.all).size).toBe(19);
    await session.end();
  });

  it('that ends it a few times, and then does not, is handled, with no attempt counted', async () => {
    const { runs, handler } = killing(
      async (context) => {
        if (runs.all.length < TOGETHER) await endOwnSession(context);
      },
      async () => {},
    );
    app = await startApp(
      database,
      [{ eventName: 'healed.made', consumerName: 'healed', transactional: true, retry: RETRY, handler }],
      SETTINGS,
    );
    await app.api.publishEvents(withKiller('healed.made', 3));
    await untilConsumerSettled(database, 'healed');
    expect(runs.all).toEqual([1, 1, 1]);
    expect(await letters('healed')).toEqual([]);
  });
});

describe('an event whose handler crashes the server', () => {
  let server: MigratedServer;

  beforeAll(async () => {
    server = await startMigratedServer();
  });
  afterAll(() => server.stop());

  it('is a dead letter after a stated number of crashes, and another consumer goes on', async () => {
    const crashes = new Recorder<number>();
    const handled = new Set<string>();
    app = await startApp(
      database,
      [
        {
          eventName: 'crash.made',
          consumerName: 'crashing',
          transactional: true,
          startFrom: 'earliest',
          retry: RETRY,
          handler: async (_: DomainEvent, context: SubscriberContext) => {
            const transaction = transactionOf(context);
            const [backend] = await transaction.$queryRawUnsafe<{ pid: number }[]>(
              'SELECT pg_backend_pid() AS pid',
            );
            crashes.record(context.attempt);
            if (backend !== undefined) process.kill(backend.pid, 'SIGKILL');
            await transaction.$queryRawUnsafe('SELECT 1');
          },
        },
        {
          eventName: 'crash.other',
          consumerName: 'beside-crashes',
          startFrom: 'earliest',
          handler: async ({ aggregateId }: DomainEvent) => {
            await new Promise((resolve) => setTimeout(resolve, 300));
            handled.add(aggregateId);
          },
        },
      ],
      { ...SETTINGS, client: undefined, connectionString: server.url } as IntegrationModuleOptions,
    );
    const others = Array.from({ length: 30 }, (_, i) => event('crash.other', `o${i}`));
    await app.api.publishEvents([...others.slice(0, 15), event('crash.made', 'killer'), ...others.slice(15)]);
    const [row] = await until('the killer is a dead letter, and the others are handled', async () => {
      const { rows } = await server.pool
        .query(
          `SELECT status, attempt_count AS attempts FROM integration.inbox_event WHERE consumer_name = 'crashing'`,
        )
        .catch(() => ({ rows: [] }));
      return rows[0]?.status === 'dead_letter' && handled.size === 30 && rows;
    });
    expect(row).toEqual({ status: 'dead_letter', attempts: ALONE });
    // On a busy machine the lease may end while the server recovers. The next owner counts from the beginning.
    expect(crashes.all.slice(-5)).toEqual([1, 1, 1, 1, 2]);
    expect(crashes.all.length).toBeLessThan(10);
    const { rows } = await server.pool.query(
      `SELECT 1 FROM integration.inbox_event WHERE consumer_name = 'beside-crashes'`,
    );
    expect(rows).toEqual([]);
  });
});

describe('an outage of a database that a plain handler uses', () => {
  let outage: Outage;
  let lines: LogLines;

  beforeAll(async () => {
    outage = await Outage.of(database.url);
  });
  beforeEach(() => {
    lines = hearLog();
  });
  afterEach(silenceLog);
  afterAll(() => outage.close());

  it.each<['refused' | 'dropped', string]>([
    ['refused', 'another one than the host’s'],
    ['dropped', 'the host’s'],
  ])('in which connections are %s, to %s, counts against no event, however long it lasts', async (how) => {
    const prisma = database.prisma({ url: outage.url });
    const runs = new Recorder<number>();
    const consumer = {
      eventName: `${how}.made`,
      consumerName: how,
      retry: { ...RETRY, maxAttempts: 1 },
      handler: async (_: DomainEvent, { attempt }: SubscriberContext) => {
        runs.record(attempt);
        await prisma.$queryRawUnsafe('SELECT 1');
      },
    };
    const client = how === 'refused' ? database.prisma() : prisma;
    const options = { settings: { maxInfrastructureFailures: 2 }, client };
    app = await startApp(database, [consumer], options as IntegrationModuleOptions);
    await (how === 'refused' ? outage.refuse() : outage.drop());
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT $1, 'test', 'thing', 'a' || i FROM generate_series(1, 3) AS i`,
      [consumer.eventName],
    );
    await runs.first(6);
    expect(lines.texts('warn').join('\n')).toContain('The database failed');
    // Whoever is to run alone by now would be counted in the tries that follow.
    const tries = () => runs.all.length + outage.dropped;
    const before = tries();
    await until('there are more tries', async () => tries() >= before + 9);
    await outage.end();
    await untilConsumerSettled(database, how);
    expect((await letters(how)).map(({ status }) => status)).not.toContain('dead_letter');
  });
});
