import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { filter, firstValueFrom, ReplaySubject, take, toArray } from 'rxjs';
import type { DomainEvent, SubscriberContext } from '../../src/index.js';
import { failAt } from '../../src/testing/index.js';
import type { PrismaClient } from '../generated/prisma/client.js';
import { startApp, type TestApp } from '../support/app.js';
import { transactionOf } from '../support/effects.js';
import { inboxRows } from '../support/inbox-rows.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';

let database: TestDatabase;
let app: TestApp | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(async () => {
  await database.drop();
});

const events = (type: string, count: number, aggregates = count) =>
  Array.from({ length: count }, (_, i) => ({
    eventName: `${type}.made`,
    sourceModule: 'test',
    aggregateType: type,
    aggregateId: `a${i % aggregates}`,
    payload: { i },
  }));

const untilSettled = (name: string) => untilConsumerSettled(database, name);

describe('batch handlers', () => {
  it('get up to maxSize events at once, in the order of the log, each exactly once', async () => {
    const batches = new ReplaySubject<DomainEvent[]>();
    app = await startApp(database, [
      {
        eventName: 'plain.made',
        consumerName: 'plain-batch',
        batch: { maxSize: 20, maxWaitMs: 50 },
        concurrency: 1,
        handler: async (batch: DomainEvent[]) => batches.next(batch),
      },
    ]);
    await app.api.publishEvents(events('plain', 100, 7));
    await app.processor.drain();
    batches.complete();
    const all = await firstValueFrom(batches.pipe(toArray()));
    expect(Math.max(...all.map((batch) => batch.length))).toBe(20);
    const seen = all.flat().map((event) => (event.payload as { i: number }).i);
    expect(new Set(seen).size).toBe(100);
    for (let aggregate = 0; aggregate < 7; aggregate++) {
      const own = seen.filter((i) => i % 7 === aggregate);
      expect(own).toEqual([...own].sort((a, b) => a - b));
    }
  });

  it('that fail are run event by event, so that one at fault takes no other with it', async () => {
    const done: number[] = [];
    app = await startApp(database, [
      {
        eventName: 'mixed.made',
        consumerName: 'mixed-batch',
        batch: { maxSize: 10 },
        retry: { maxAttempts: 2, baseDelayMs: 100 },
        handler: async (batch: DomainEvent[]) => {
          const values = batch.map((event) => (event.payload as { i: number }).i);
          if (values.includes(7)) throw new Error('seven');
          done.push(...values);
        },
      },
    ]);
    await app.api.publishEvents(events('mixed', 30));
    const processor = app.processor;
    const dead = async () => (await processor.getStats()).dead_letter;
    await until('a dead letter', async () => {
      await processor.drain({ timeoutMs: 1_000 });
      return (await dead()) > 0;
    });
    expect(await dead()).toBe(1);
    expect(done.sort((a, b) => a - b)).toEqual(
      Array.from({ length: 30 }, (_, i) => i).filter((i) => i !== 7),
    );
  });

  it('with a transaction commit effects and progress together, and write no row for an event', async () => {
    const handled = new ReplaySubject<number>();
    let failures = 1;
    app = await startApp(database, [
      {
        eventName: 'tx.made',
        consumerName: 'tx-batch',
        transactional: true,
        batch: { maxSize: 50 },
        handler: async (batch: DomainEvent[], context: SubscriberContext) => {
          const tx = context.transaction as unknown as PrismaClient;
          await tx.effect.createMany({
            data: batch.map((event) => ({ consumer: 'tx-batch', eventId: event.outboxEventId })),
          });
          if (batch.length > 1 && failures-- > 0) throw new Error('after writing');
          handled.next(batch.length);
        },
      },
    ]);
    await app.api.publishEvents(events('tx', 200, 20));
    await firstValueFrom(
      handled.pipe(
        filter(() => true),
        take(1),
      ),
    );
    await app.processor.drain();
    const { rows } = await database.pool.query(
      `SELECT count(*)::int AS effects, count(DISTINCT event_id)::int AS events FROM effect WHERE consumer = 'tx-batch'`,
    );
    expect(rows[0]).toEqual({ effects: 200, events: 200 });
    const inbox = await database.pool.query(
      `SELECT count(*)::int AS rows FROM integration.inbox_event WHERE consumer_name = 'tx-batch'`,
    );
    expect(inbox.rows[0].rows).toBe(0);
  });

  it('with a transaction happen once where the process forgets everything right after the commit', async () => {
    const batches: number[] = [];
    app = await startApp(database, [
      {
        eventName: 'cut.made',
        consumerName: 'cut-batch',
        transactional: true,
        batch: { maxSize: 50 },
        handler: async (batch: DomainEvent[], context: SubscriberContext) => {
          batches.push(batch.length);
          const tx = context.transaction as unknown as PrismaClient;
          await tx.effect.createMany({
            data: batch.map((event) => ({ consumer: 'cut-batch', eventId: event.outboxEventId })),
          });
        },
      },
    ]);
    const fault = failAt(app.context, 'after-commit', { consumerName: 'cut-batch' });
    await app.api.publishEvents(events('cut', 20));
    await fault.reached;
    await app.processor.drain();
    const { rows } = await database.pool.query(
      `SELECT count(*)::int AS effects, count(DISTINCT event_id)::int AS events FROM effect WHERE consumer = 'cut-batch'`,
    );
    expect(rows[0]).toEqual({ effects: 20, events: 20 });
    expect(batches.reduce((sum, size) => sum + size, 0)).toBe(20);
  });

  it('with maxWaitMs get their turn beside a consumer that is busy all the time', async () => {
    const most = 1_000;
    const batchRan = new Recorder<number>();
    let done = 0;
    app = await startApp(
      database,
      [
        {
          eventName: 'patient.made',
          consumerName: 'patient-batch',
          priority: 10,
          batch: { maxSize: 10, maxWaitMs: 50 },
          handler: async () => batchRan.record(done),
        },
        {
          eventName: 'busy.made',
          consumerName: 'busy',
          concurrency: 4,
          handler: async () => {
            if (batchRan.all.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
            done++;
          },
        },
      ],
      { maxConcurrency: 2 },
    );
    await app.api.publishEvents(events('busy', most));
    await until('the other one is busy', async () => done > 0);
    await app.api.publishEvents(events('patient', 1));
    const [doneBefore] = await batchRan.first(1);
    expect(doneBefore).toBeLessThan(most);
    await untilSettled('busy');
  });
});

describe('a transactional batch that outlasts its deadline', () => {
  const CLIENTS = { Prisma: () => database.prisma(), 'no client': () => undefined };

  beforeAll(async () => {
    await database.pool.query(`
      CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1.6); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON effect DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.note = 'slow') EXECUTE FUNCTION slow();`);
  });
  afterAll(() => database.pool.query('DROP FUNCTION slow CASCADE'));

  /** Runs so many events in one batch, whose first attempt leaves one effect with this note. */
  async function runBatch(
    name: string,
    host: keyof typeof CLIENTS,
    size: number,
    note: string,
  ): Promise<void> {
    let attempts = 0;
    app = await startApp(
      database,
      [
        {
          eventName: `${name}.made`,
          consumerName: name,
          transactional: true,
          batch: { maxSize: 10 },
          timeoutMs: 1_000,
          handler: async (batch: DomainEvent[], context: SubscriberContext) => {
            const isFirst = attempts++ === 0;
            for (const [index, { outboxEventId }] of batch.entries()) {
              await transactionOf(context).$executeRawUnsafe(
                'INSERT INTO effect (consumer, event_id, note) VALUES ($1, $2, $3)',
                name,
                outboxEventId,
                isFirst && index === 0 ? note : '',
              );
            }
          },
        },
      ],
      { client: CLIENTS[host]() },
    );
    await app.api.publishEvents(events(name, size));
    await untilSettled(name);
    // Nothing is held up behind them; what they left to be done again is done by then.
    await app.api.publishEvents(events(name, 1));
    await untilSettled(name);
  }

  const effectsPerEvent = async (name: string) => {
    const { rows } = await database.pool.query<{ effects: number }>(
      'SELECT count(*)::int AS effects FROM effect WHERE consumer = $1 GROUP BY event_id',
      [name],
    );
    return rows.map((row) => row.effects);
  };

  it.each([
    { size: 1, host: 'Prisma' },
    { size: 1, host: 'no client' },
    { size: 3, host: 'Prisma' },
    { size: 3, host: 'no client' },
  ] as const)('in its COMMIT has its effects once (events: $size, $host)', async ({ size, host }) => {
    const name = `late-${size}-${host.replace(' ', '-')}`;
    await runBatch(name, host, size, 'slow');
    expect(await effectsPerEvent(name)).toEqual(Array(size + 1).fill(1));
    expect(await inboxRows(database, name)).toEqual([]);
  });

  it.each([{ host: 'Prisma' }, { host: 'no client' }] as const)(
    'where its position is settled has its effects once, and counts no attempt ($host)',
    async ({ host }) => {
      const name = `unsettled-${host.replace(' ', '-')}`;
      // Once only, and where the effects can be seen: in the transaction itself.
      await database.pool.query(`
        CREATE SEQUENCE settlings;
        CREATE FUNCTION slow_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
          IF EXISTS (SELECT FROM effect WHERE consumer = NEW.consumer_name) AND nextval('settlings') = 1 THEN PERFORM pg_sleep(1.6); END IF;
          RETURN NULL;
        END $$;
        CREATE TRIGGER slow_settling AFTER UPDATE ON integration.inbox_cursor
          FOR EACH ROW WHEN (NEW.consumer_name = '${name}') EXECUTE FUNCTION slow_once();`);
      await runBatch(name, host, 1, '').finally(() =>
        database.pool.query('DROP FUNCTION slow_once CASCADE; DROP SEQUENCE settlings'),
      );
      expect(await effectsPerEvent(name)).toEqual([1, 1]);
      expect(await inboxRows(database, name)).toEqual([]);
    },
  );
});
