import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type {
  DomainEvent,
  IntegrationModuleOptions,
  SubscriberContext,
  TransactionalSqlClient,
} from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { effectsOf, transactionOf, writeEffectBySql } from '../support/effects.js';
import {
  hiding,
  hostClientOver,
  hostsOf,
  type PgHostClient,
  retrying,
  swallowing,
  withTransaction,
  wrapping,
} from '../support/host-clients.js';
import { inboxRows } from '../support/inbox-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { untilConsumerSettled } from '../support/until-settled.js';

let database: TestDatabase;
let overPg: PgHostClient;
let app: TestApp | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  overPg = hostClientOver(database.url);
  // What a row of `effect` says in its note is raised at COMMIT.
  await database.pool.query(`
    CREATE FUNCTION raise_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'refused at commit' USING ERRCODE = substr(NEW.note, 8); END $$;
    CREATE CONSTRAINT TRIGGER raise_at_commit AFTER INSERT ON effect DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.note LIKE 'COMMIT %') EXECUTE FUNCTION raise_at_commit();
    CREATE TABLE parent (id text PRIMARY KEY);
    CREATE TABLE child (parent text REFERENCES parent DEFERRABLE INITIALLY DEFERRED);`);
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(async () => {
  await overPg.close();
  await database.drop();
});

type Handle = (event: DomainEvent, context: SubscriberContext) => unknown;

/** One application with one consumer of one event name of its own, which gives an event up after two attempts. */
async function consume(
  name: string,
  handle: Handle,
  options: IntegrationModuleOptions & { transactional?: boolean } = {},
): Promise<TestApp> {
  const { transactional = true, ...moduleOptions } = options;
  app = await startApp(
    database,
    [
      {
        eventName: name,
        consumerName: name,
        transactional,
        retry: { maxAttempts: 2 },
        handler: async (event: DomainEvent, context: SubscriberContext) => {
          await handle(event, context);
        },
      },
    ],
    moduleOptions,
  );
  return app;
}

const event = (eventName: string, aggregateId = 'a') => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
});

const untilSettled = (name: string) => untilConsumerSettled(database, name);

const note = (consumer: string, text: string) => (e: DomainEvent, context: SubscriberContext) =>
  transactionOf(context).$executeRawUnsafe(
    'INSERT INTO effect (consumer, event_id, note) VALUES ($1, $2, $3)',
    consumer,
    e.outboxEventId,
    text,
  );

/** Publishes one that fails each time, and a good one of another aggregate; resolves when both have come to their ends. */
async function playOneOfTwo(
  name: string,
  fail: Handle,
  options: IntegrationModuleOptions & { transactional?: boolean },
): Promise<void> {
  const { api } = await consume(
    name,
    async (e, context) => {
      if (e.aggregateId === 'bad') await fail(e, context);
      else if (options.transactional !== false) await writeEffectBySql(name, e, context);
    },
    options,
  );
  await api.publishEvents([event(name, 'bad'), event(name, 'good')]);
  await untilSettled(name);
}

const hosts = hostsOf(() => ({ database, overPg }));
const slug = (text: string) => text.replace(/[^a-z0-9]+/gi, '-').toLowerCase();

describe('an event whose handler causes a failure becomes a dead letter, after as many attempts as are allowed', () => {
  const oneTooMany: Handle = (_, context) =>
    transactionOf(context).$executeRawUnsafe('INSERT INTO effect (consumer) VALUES ($1)', 'a', 'b');
  const tooMany: Handle = (_, context) => {
    const values = Array.from({ length: 70_000 }, (_, i) => `v${i}`);
    const list = values.map((_, i) => `($${i + 1})`).join(',');
    return transactionOf(context).$executeRawUnsafe(`INSERT INTO parent VALUES ${list}`, ...values);
  };
  const missingParent: Handle = (_, context) =>
    transactionOf(context).$executeRawUnsafe('INSERT INTO child VALUES ($1)', 'missing');

  const causes: { cause: string; fail: (name: string) => Handle }[] = [
    { cause: 'a statement with one value too many', fail: () => oneTooMany },
    { cause: 'a statement with more values than a message can number', fail: () => tooMany },
    { cause: 'a deferred constraint', fail: () => missingParent },
    ...['P0001', '23514', '40001', '40P01', '55P03', '57014', 'ABCDE', 'P1001'].map((state) => ({
      cause: `${state} raised at COMMIT`,
      fail: (name: string) => note(name, `COMMIT ${state}`),
    })),
  ];

  it.each(hosts.flatMap((host) => causes.map((cause) => ({ ...host, ...cause }))))(
    '$cause ($host)',
    async ({ host, cause, fail, clientOf }) => {
      const name = slug(`${host} ${cause}`);
      await playOneOfTwo(name, fail(name), { client: clientOf() });
      expect((await inboxRows(database, name)).filter(({ status }) => status !== 'processed')).toMatchObject([
        { aggregateId: 'bad', status: 'dead_letter', attempts: 2 },
      ]);
      expect(await effectsOf(database, name)).toEqual(['attempt 1']);
    },
  );

  it.each([
    { host: 'node-postgres', clientOf: () => overPg },
    { host: 'Prisma', clientOf: () => database.prisma() },
  ])('a statement with one value too many, in no transaction of ours ($host)', async ({ host, clientOf }) => {
    const name = slug(`plain ${host}`);
    const client: TransactionalSqlClient = clientOf();
    const fail = () => client.$executeRawUnsafe('INSERT INTO effect (consumer) VALUES ($1)', 'a', 'b');
    await playOneOfTwo(name, fail, { client, transactional: false });
    expect(await inboxRows(database, name)).toMatchObject([
      { aggregateId: 'bad', status: 'dead_letter', attempts: 2 },
    ]);
  });
});

describe('a batch with one event that fails at COMMIT', () => {
  it.each(
    hosts.flatMap((host) =>
      [
        { cause: 'a deferred constraint', end: 'dead_letter' },
        { cause: 'P0001', end: 'dead_letter' },
        { cause: '40001', end: 'dead_letter' },
        // The engine's last statement fails; an event from the inbox has none.
        { cause: 'a read-only transaction', end: 'processed' },
      ].map((play) => ({ ...host, ...play })),
    ),
  )('is split: the others are handled, and it fails alone ($cause, $host)', async (play) => {
    const { host, cause, end, clientOf } = play;
    const name = slug(`batch ${host} ${cause}`);
    const fail = async (transaction: ReturnType<typeof transactionOf>) => {
      if (cause === 'a deferred constraint')
        await transaction.$executeRawUnsafe('INSERT INTO child VALUES ($1)', 'missing');
      else if (cause === 'a read-only transaction')
        await transaction.$executeRawUnsafe('SET LOCAL transaction_read_only = on');
      else
        await transaction.$executeRawUnsafe(
          'INSERT INTO effect (consumer, event_id, note) VALUES ($1, $2, $3)',
          name,
          'bad',
          `COMMIT ${cause}`,
        );
    };
    const sizes: number[] = [];
    app = await startApp(
      database,
      [
        {
          eventName: name,
          consumerName: name,
          transactional: true,
          batch: { maxSize: 10 },
          concurrency: 1,
          retry: { maxAttempts: 2 },
          handler: async (events: DomainEvent[], context: SubscriberContext) => {
            sizes.push(events.length);
            for (const each of events)
              if (each.aggregateId !== 'a3') await writeEffectBySql(name, each, context);
            if (events.some(({ aggregateId }) => aggregateId === 'a3')) await fail(transactionOf(context));
          },
        },
      ],
      { client: clientOf() },
    );
    await app.api.publishEvents(Array.from({ length: 10 }, (_, i) => event(name, `a${i}`)));
    await untilSettled(name);
    expect(await inboxRows(database, name)).toMatchObject([{ aggregateId: 'a3', status: end, attempts: 2 }]);
    expect((await effectsOf(database, name)).length).toBe(9);
    expect(sizes[0]).toBe(10);
  });
});

describe('a client of the host that', () => {
  const layers = [
    { layer: 'wraps errors', wrap: wrapping },
    { layer: 'hides what failed', wrap: hiding },
    { layer: 'runs its transactions again', wrap: (client: TransactionalSqlClient) => retrying(client, 3) },
    { layer: 'swallows errors', wrap: swallowing },
  ];
  const inner = [
    { host: 'node-postgres', clientOf: (): TransactionalSqlClient => overPg },
    { host: 'Prisma', clientOf: (): TransactionalSqlClient => database.prisma() },
    { host: 'the engine’s', clientOf: (): TransactionalSqlClient => database.engine().openClient() },
  ];
  const all = inner.flatMap((host) => layers.map((layer) => ({ ...host, ...layer })));

  it.each(all)(
    '$layer: a handler that throws has failed ($host)',
    async ({ host, layer, wrap, clientOf }) => {
      const name = slug(`${host} ${layer}`);
      const business: Handle = async (e, context) => {
        await writeEffectBySql(name, e, context);
        throw new Error('business rule');
      };
      await playOneOfTwo(name, business, { client: wrap(clientOf()) });
      expect((await inboxRows(database, name)).filter(({ status }) => status !== 'processed')).toMatchObject([
        {
          aggregateId: 'bad',
          status: 'dead_letter',
          attempts: 2,
          error: expect.stringContaining('business rule'),
        },
      ]);
      expect(await effectsOf(database, name)).toEqual(['attempt 1']);
    },
  );

  it.each(all.filter(({ layer }) => layer !== 'hides what failed' && layer !== 'swallows errors'))(
    '$layer: a COMMIT that fails for the event’s own reason counts ($host)',
    async ({ host, layer, wrap, clientOf }) => {
      const name = slug(`commit ${host} ${layer}`);
      await playOneOfTwo(name, note(name, 'COMMIT P0001'), { client: wrap(clientOf()) });
      expect((await inboxRows(database, name)).filter(({ status }) => status !== 'processed')).toMatchObject([
        { aggregateId: 'bad', status: 'dead_letter', attempts: 2 },
      ]);
      expect(await effectsOf(database, name)).toEqual(['attempt 1']);
    },
  );

  it.each(inner)(
    'runs its transaction again after a COMMIT that failed: what the first run published and wrote is gone ($host)',
    async ({ host, clientOf }) => {
      const name = slug(`again ${host}`);
      let runs = 0;
      const { api, outbox } = await consume(
        name,
        async (e, context) => {
          const run = ++runs;
          await api.publishEvent(
            { ...event(`${name}.next`), payload: { run } },
            { persistenceClient: context.transaction },
          );
          await note(name, run === 1 ? 'COMMIT 40001' : `run ${run}`)(e, context);
        },
        { client: retrying(clientOf(), 3) },
      );
      await api.publishEvent(event(name));
      await untilSettled(name);
      expect(await effectsOf(database, name)).toEqual(['run 2']);
      const { items } = await outbox.findMany({ eventName: `${name}.next` });
      expect(items.map((item) => item.payload)).toEqual([{ run: 2 }]);
      expect(await inboxRows(database, name)).toEqual([]);
    },
  );

  it('swallows the error of a COMMIT: its event is not taken for handled', async () => {
    const name = 'swallowed-commit';
    let runs = 0;
    const { api } = await consume(
      name,
      (e, context) => note(name, ++runs === 1 ? 'COMMIT P0001' : `run ${runs}`)(e, context),
      { client: swallowing(overPg) },
    );
    await api.publishEvent(event(name));
    await untilSettled(name);
    expect(await effectsOf(database, name)).toEqual(['run 2']);
    expect(await inboxRows(database, name)).toEqual([]);
  });

  it.each([{ batch: false }, { batch: true }])(
    'resolves to nothing: what it has committed is handled once (batch: $batch)',
    async ({ batch }) => {
      const name = batch ? 'resolves-to-nothing-batch' : 'resolves-to-nothing';
      const client = withTransaction(overPg, async (fn, options) => {
        await overPg.$transaction(fn, options);
        return undefined as never;
      });
      let runs = 0;
      const definition = { eventName: name, consumerName: name, transactional: true } as const;
      app = await startApp(
        database,
        [
          batch
            ? {
                ...definition,
                batch: { maxSize: 10 },
                handler: async ([e]: DomainEvent[], context: SubscriberContext) => {
                  runs++;
                  if (e) await writeEffectBySql(name, e, context);
                },
              }
            : {
                ...definition,
                handler: async (e: DomainEvent, context: SubscriberContext) => {
                  runs++;
                  await writeEffectBySql(name, e, context);
                },
              },
        ],
        { client },
      );
      await app.api.publishEvent(event(name));
      await untilSettled(name);
      expect(await effectsOf(database, name)).toEqual(['attempt 1']);
      expect(runs).toBe(1);
    },
  );

  it('resolves without having called its function: the event is not taken for handled', async () => {
    const name = 'not-called';
    let calls = 0;
    const client = withTransaction(overPg, async (fn, options) =>
      ++calls === 1 ? (undefined as never) : overPg.$transaction(fn, options),
    );
    const { api } = await consume(name, (e, context) => writeEffectBySql(name, e, context), { client });
    await api.publishEvent(event(name));
    await untilSettled(name);
    expect(await effectsOf(database, name)).toEqual(['attempt 1']);
    expect(calls).toBe(2);
  });
});
