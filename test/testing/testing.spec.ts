import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { filter, take, toArray } from 'rxjs';
import ts from 'typescript';
import {
  NonRetryableError,
  SkipEventError,
  type SqlClient,
  type SubscriberContext,
} from '../../src/index.js';
import * as testing from '../../src/testing/index.js';
import {
  createIntegrationTestDatabase,
  type FaultPointName,
  failAt,
  type IntegrationTestDatabase,
  outcomeOf,
  publishAndDrain,
} from '../../src/testing/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { emptyTables } from '../support/empty-tables.js';
import { sessionThatEndsLater } from '../support/leaving-session.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

type Subscribers = Parameters<typeof startApp>[1];
interface Job {
  outboxEventId: string;
  payload: { n: number };
}

const MANUAL = { settings: { 'processor.enabled': false } };
const event = (n: number, aggregateId = String(n)) => ({
  eventName: 'job.wanted',
  sourceModule: 'test',
  aggregateType: 'job',
  aggregateId,
  payload: { n },
});

describe('nestjs-integration/testing', () => {
  it('exports these values', () => {
    expect(Object.keys(testing).sort()).toEqual([
      'FakeProvider',
      'WebhookReceiver',
      'createIntegrationTestDatabase',
      'failAt',
      'fakeCalls',
      'fakeConnection',
      'outcomeOf',
      'publishAndDrain',
      'runCalls',
      'runConnections',
      'runSchedule',
      'runSync',
      'sagaOf',
      'sendDue',
      'signedDelivery',
      'startEmbeddedPostgres',
      'verifyClient',
      'webhookReceiver',
    ]);
  });

  it('exports these types besides', () => {
    const file = join(import.meta.dirname, '../../src/testing/index.ts');
    const { statements } = ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest);
    const names = statements.flatMap((statement) =>
      ts.isExportDeclaration(statement) &&
      statement.exportClause !== undefined &&
      ts.isNamedExports(statement.exportClause)
        ? statement.exportClause.elements.map(({ name }) => name.text)
        : [`not a re-export: ${ts.SyntaxKind[statement.kind]}`],
    );
    expect(names.filter((name) => !(name in testing)).sort()).toEqual([
      'ClientReport',
      'ClientRule',
      'ClientRuleName',
      'EmbeddedPostgres',
      'EventOutcome',
      'FailAtOptions',
      'FakeCallAnswer',
      'FakeCalls',
      'FakeConnectionOptions',
      'FakeProviderOAuth',
      'FakeProviderOptions',
      'FakeProviderRequest',
      'FakeProviderTurn',
      'FakeSubscription',
      'Fault',
      'FaultPointName',
      'IntegrationTestDatabase',
      'IntegrationTestDatabaseOptions',
      'OutcomeOfOptions',
      'PublishAndDrainOptions',
      'PublishedAndDrained',
      'ReceiverBehaviour',
      'ReceiverRequest',
      'RunCallsOptions',
      'RunConnectionsOptions',
      'RunScheduleOptions',
      'RunSyncOptions',
      'SendDueOptions',
      'StoredOutcome',
      'TestedApplication',
      'TestedSaga',
      'WebhookReceiverOptions',
    ]);
  });
});

describe('createIntegrationTestDatabase', () => {
  const made: IntegrationTestDatabase[] = [];
  const template = `own_${process.pid}`;
  let prepared = 0;

  async function create(): Promise<IntegrationTestDatabase> {
    const database = await createIntegrationTestDatabase({
      template, // the server is that of TEST_DATABASE_URL
      prepare: async (url) => {
        prepared++;
        await withClient(url, (client) => client.query('CREATE TABLE invoice (id text PRIMARY KEY)'));
      },
    });
    made.push(database);
    return database;
  }

  afterAll(async () => {
    for (const database of made) await database.drop();
    await withClient(process.env.TEST_DATABASE_URL ?? '', async (client) => {
      const { rows } = await client.query(`SELECT datname FROM pg_database WHERE datname LIKE $1`, [
        `${template}%`,
      ]);
      for (const { datname } of rows) await client.query(`DROP DATABASE "${datname}"`);
      expect(rows).toHaveLength(1);
    });
  });

  it('makes migrated databases of their own, with your tables, and prepares once however many ask at once', async () => {
    const databases = await Promise.all([create(), create(), create()]);
    expect(new Set(databases.map(({ name }) => name)).size).toBe(3);
    expect(prepared).toBe(1);
    await withClient(databases[0]?.url ?? '', async (client) => {
      await client.query(`INSERT INTO invoice (id) VALUES ('a')`);
      await client.query('SELECT 1 FROM integration.outbox_event');
    });
    await withClient(databases[1]?.url ?? '', async (client) => {
      expect((await client.query('SELECT 1 FROM invoice')).rowCount).toBe(0);
    });
  });

  it('gives databases that an application boots on, and drops them while it is still connected', async () => {
    const { url, drop } = await create();
    const prisma = { url, prisma: () => undefined } as unknown as TestDatabase;
    const app = await startApp(prisma, [], MANUAL);
    await app.close();
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    const ended = new Promise((resolve) => client.once('end', resolve));
    await drop();
    await ended;
  });

  it('lets a session leave that is about to end before it drops the database', async () => {
    const { url, drop } = await create();
    const leaving = await sessionThatEndsLater(url);
    await drop();
    expect(leaving.errors).toEqual([]);
  });

  it('says where a server may come from when there is none', async () => {
    await expect(createIntegrationTestDatabase({ server: '' })).rejects.toThrow(
      /TEST_DATABASE_URL.*globalSetup/s,
    );
  });

  it('refuses a template name that Postgres would cut', async () => {
    const server = process.env.TEST_DATABASE_URL ?? '';
    await expect(createIntegrationTestDatabase({ server, template: 'x'.repeat(37) })).rejects.toThrow(
      RangeError,
    );
  });
});

async function withClient<R>(url: string, work: (client: pg.Client) => Promise<R>): Promise<R> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

describe('with an application', () => {
  let database: TestDatabase;
  let app: TestApp | undefined;

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterAll(() => database.drop());
  beforeEach(async () => {
    await emptyTables(
      database.pool,
      'effect',
      'integration.outbox_event',
      'integration.inbox_event',
      'integration.inbox_cursor',
      'integration.integration_process',
    );
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  async function start(subscribers: object[], options: object = {}): Promise<TestApp['context']> {
    app = await startApp(
      database,
      subscribers.map((each) => ({ eventName: 'job.*', startFrom: 'earliest', ...each })) as Subscribers,
      options,
    );
    return app.context;
  }

  describe('publishAndDrain', () => {
    it.each([
      ['off', MANUAL],
      ['on', {}],
    ])(
      'returns when everything is handled, what handlers publish included, with the loops %s',
      async (_, options) => {
        const handled: number[] = [];
        const context = await start(
          [
            {
              consumerName: 'chain',
              handler: async ({ payload: { n } }: Job) => {
                handled.push(n);
                if (n < 3) await app?.api.publishEvent(event(n + 1));
              },
            },
          ],
          options,
        );
        const { published, nextDueAt } = await publishAndDrain(context, event(1));
        expect(handled).toEqual([1, 2, 3]);
        expect(published).toHaveLength(1);
        expect(nextDueAt).toBeUndefined();
      },
    );

    it('tells when what is left is due', async () => {
      const context = await start([{ consumerName: 'all', handler: async () => {} }], MANUAL);
      const { nextDueAt } = await publishAndDrain(context, [event(1), { ...event(2), delayMs: 60_000 }]);
      expect((nextDueAt?.getTime() ?? 0) - Date.now()).toBeGreaterThan(50_000);
    });

    it('fails if handlers take longer than it may', async () => {
      let finish: () => void = () => {};
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      // The time that it may take has begun before the handler does.
      const handler = () => {
        setTimeout(finish, 600);
        return finished;
      };
      const context = await start([{ consumerName: 'slow', handler }], MANUAL);
      const draining = publishAndDrain(context, event(1), { timeoutMs: 300 });
      await expect(draining).rejects.toMatchObject({ code: 'INTEGRATION_DRAIN_TIMEOUT' });
    });
  });

  describe('outcomeOf', () => {
    const handler = async ({ payload: { n } }: Job, { attempt }: SubscriberContext) => {
      if (n === 2) throw new SkipEventError('not for me');
      if (n === 3) throw new NonRetryableError('broken for good');
      if (n === 4 && attempt < 3) throw new Error(`try ${attempt}`);
    };

    it('waits for whatever becomes of an event: processed, skipped, dead, or processed after retries', async () => {
      const context = await start([{ consumerName: 'all', handler }]);
      const published = await app?.api.publishEvents([event(1), event(2), event(3), event(4)]);
      const outcomes = await Promise.all(
        (published ?? []).map(({ outboxEventId }) => outcomeOf(context, outboxEventId, 'all')),
      );
      expect(outcomes.map(({ status, attempt, error }) => ({ status, attempt, error }))).toEqual([
        { status: 'processed', attempt: 1, error: null },
        { status: 'skipped', attempt: 1, error: 'not for me' },
        { status: 'dead_letter', attempt: 1, error: 'NonRetryableError: broken for good' },
        { status: 'processed', attempt: 3, error: 'Error: try 2' },
      ]);
    });

    it('waits for a failed attempt if asked to, and for the end of a retry that is far off no longer than it may', async () => {
      const context = await start([{ consumerName: 'all', handler }], {
        settings: { retryBaseDelayMs: 60_000, retryMaxDelayMs: 60_000 },
      });
      const published = await app?.api.publishEvent(event(4));
      const id = published?.outboxEventId ?? '';
      expect(await outcomeOf(context, id, 'all', { until: ['retrying'] })).toMatchObject({
        status: 'retrying',
        attempt: 1,
      });
      await expect(outcomeOf(context, id, 'all', { timeoutMs: 300 })).rejects.toMatchObject({
        code: 'INTEGRATION_OUTCOME_TIMEOUT',
        message: expect.stringMatching(/it is failed until 20.*last error: Error: try 1/),
      });
    });

    it('says so where the consumer does not ask for the event', async () => {
      const context = await start([{ consumerName: 'all', handler }]);
      const published = await app?.api.publishEvent(event(1));
      await expect(outcomeOf(context, published?.outboxEventId ?? '', 'al')).rejects.toThrow(
        /"al" does not ask for job\.wanted at position \d+; these do: all/,
      );
    });
  });

  describe('OutboxProcessor.outcomes$', () => {
    it('tells each outcome of this process once it is saved', async () => {
      const context = await start([
        {
          consumerName: 'all',
          handler: async ({ payload: { n } }: Job, { attempt }: SubscriberContext) => {
            if (n === 2 && attempt === 1) throw new Error('once');
          },
        },
        {
          consumerName: 'batch',
          transactional: true,
          batch: { maxSize: 10 },
          handler: async () => {},
        },
        { consumerName: 'transactional', transactional: true, handler: async () => {} },
      ]);
      const processor = app?.processor;
      const seen: Promise<string[]> = new Promise((resolve, reject) => {
        const statuses: string[] = [];
        processor?.outcomes$.pipe(take(7), toArray()).subscribe({
          next: (outcomes) => {
            statuses.push(
              ...outcomes.map(({ consumerName, status, attempt }) => `${consumerName} ${status} ${attempt}`),
            );
            resolve(statuses.sort());
          },
          error: reject,
        });
        processor?.outcomes$
          .pipe(filter(({ status }) => status === 'processed'))
          .subscribe(({ outboxEventId, consumerName }) => {
            app?.inbox.isProcessed(outboxEventId, consumerName).then((processed) => {
              if (!processed) reject(new Error(`${consumerName} told before it was saved`));
            }, reject);
          });
      });
      await publishAndDrain(context, [event(1), event(2)]);
      expect(await seen).toEqual([
        'all processed 1',
        'all processed 2',
        'all retrying 1',
        'batch processed 1',
        'batch processed 1',
        'transactional processed 1',
        'transactional processed 1',
      ]);
    });
  });

  describe('failAt', () => {
    const effects = async () =>
      (await database.pool.query('SELECT count(*)::int AS count FROM effect')).rows[0].count as number;
    const writeEffect = (client: SqlClient | TestApp['prisma'] | undefined, id: string) =>
      (client as SqlClient).$executeRawUnsafe(`INSERT INTO effect (consumer, event_id) VALUES ('c', $1)`, id);
    const plain = {
      consumerName: 'c',
      handler: async ({ outboxEventId }: Job) => writeEffect(app?.prisma, outboxEventId),
    };
    const transactional = {
      consumerName: 'c',
      transactional: true,
      handler: async ({ outboxEventId }: Job, { transaction }: SubscriberContext) =>
        writeEffect(transaction, outboxEventId),
    };
    const batch = {
      consumerName: 'c',
      transactional: true,
      batch: { maxSize: 5 },
      handler: async (jobs: Job[], { transaction }: SubscriberContext) => {
        for (const { outboxEventId } of jobs) await writeEffect(transaction, outboxEventId);
      },
    };

    it.each<[string, FaultPointName, object, number]>([
      ['plain', 'before-handler', plain, 1],
      ['plain', 'after-handler', plain, 2],
      ['plain', 'before-save', plain, 2],
      ['plain', 'after-save', plain, 1],
      ['transactional', 'before-handler', transactional, 1],
      ['transactional', 'after-handler', transactional, 1],
      ['transactional', 'after-commit', transactional, 1],
      ['transactional', 'before-save', transactional, 1],
      ['transactional', 'after-save', transactional, 1],
      ['transactional batch', 'before-handler', batch, 1],
      ['transactional batch', 'after-handler', batch, 1],
      ['transactional batch', 'after-commit', batch, 1],
    ])(
      '%s handler, crash at %s: the event is processed, its effects are there as often as promised',
      async (_, point, subscriber, expected) => {
        for (const options of [{}, MANUAL]) {
          await emptyTables(database.pool, 'effect');
          const context = await start([subscriber], options);
          const fault = failAt(context, point, { consumerName: 'c' });
          const { published } = await publishAndDrain(context, event(1));
          await fault.reached;
          expect(fault.hits).toBe(1);
          const { status } = await outcomeOf(context, published[0]?.outboxEventId ?? '', 'c');
          expect(status).toBe('processed');
          expect(await effects()).toBe(expected);
          await app?.close();
          app = undefined;
        }
      },
    );

    it('happens to the event and consumer that are named, as often as asked, and not once it is disarmed', async () => {
      const calls: string[] = [];
      const handlerOf =
        (name: string) =>
        async ({ payload: { n } }: Job) => {
          calls.push(`${name} ${n}`);
        };
      const context = await start(
        ['a', 'b'].map((name) => ({ consumerName: name, handler: handlerOf(name) })),
        MANUAL,
      );
      const [first, second] = (await app?.api.publishEvents([event(1), event(2)])) ?? [];
      const fault = failAt(context, 'after-handler', {
        consumerName: 'a',
        outboxEventId: second?.outboxEventId,
        times: 2,
      });
      const disarmed = failAt(context, 'before-handler', { outboxEventId: first?.outboxEventId });
      disarmed.disarm();
      await app?.processor.drain();
      expect({ hits: fault.hits, disarmed: disarmed.hits }).toEqual({ hits: 2, disarmed: 0 });
      expect(calls.filter((call) => call === 'a 2')).toHaveLength(3);
      expect(calls.filter((call) => call.startsWith('b')).sort()).toEqual(['b 1', 'b 2']);
    });

    it('happens to a retry as well: its attempt is not lost, and its effects happen once', async () => {
      let fault: ReturnType<typeof failAt> | undefined;
      const attempts: number[] = [];
      const context = await start([
        {
          ...transactional,
          handler: async (job: Job, received: SubscriberContext) => {
            attempts.push(received.attempt);
            if (received.attempt === 1) {
              fault = failAt(context, 'after-handler');
              throw new Error('once');
            }
            await transactional.handler(job, received);
          },
        },
      ]);
      const { published } = await publishAndDrain(context, event(1));
      expect(await outcomeOf(context, published[0]?.outboxEventId ?? '', 'c')).toMatchObject({
        status: 'processed',
      });
      expect(fault?.hits).toBe(1);
      expect(attempts[0]).toBe(1);
      expect(attempts.length).toBe(3);
      expect(await effects()).toBe(1);
    });
  });
});
