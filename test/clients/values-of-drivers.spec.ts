import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import postgres from 'postgres';
import type { SqlClient, TransactionalSqlClient } from '../../src/database/clients/sql-client.js';
import {
  type CreateIntegrationLinkDto,
  type DomainEvent,
  type DomainEventInput,
  DomainEventPublisher,
  IntegrationLinkService,
  type SubscriberContext,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { writeEffectBySql } from '../support/effects.js';
import { postgresJsClient } from '../support/postgres-js-client.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

let database: TestDatabase;
const apps: TestApp[] = [];
const opened: postgres.Sql[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  for (const sql of opened.splice(0)) await sql.end();
});
afterAll(() => database?.drop());

/** What drivers change most easily. */
const PAYLOAD = {
  quotes: `"double", 'single', \\backslash\\, \\"both`,
  unicode: 'ü €  😀',
  braces: '{a,b},NULL',
  lines: 'one\ntwo\ttab',
  list: [1, null, [true, 'x']],
  dollar: '$1 $$ ? :name',
};
const EVENT: DomainEventInput = {
  eventName: 'thing.changed',
  sourceModule: 'drivers',
  aggregateType: 'thing',
  aggregateId: '"1", \\2',
  payload: PAYLOAD,
};
const LINK: CreateIntegrationLinkDto = {
  sourceModule: 'a',
  sourceEntityType: 'b',
  sourceEntityId: 'c',
  targetModule: 'd',
  targetEntityType: 'e',
  targetEntityId: 'f',
  linkType: 'reference',
  metadata: PAYLOAD,
};

/** With the look-up of types, and without it, as behind PgBouncer and Hyperdrive. */
const CLIENTS: readonly [name: string, options: postgres.Options<Record<string, never>>][] = [
  ['postgres.js', {}],
  ['postgres.js without its list of types', { fetch_types: false, prepare: false }],
];

function clientWith(options: postgres.Options<Record<string, never>>): TransactionalSqlClient {
  const sql = postgres(database.url, { max: 4, onnotice: () => {}, ...options });
  opened.push(sql);
  return postgresJsClient(sql);
}

async function start(client: TransactionalSqlClient, subscribers: AnySubscriberDefinition[] = []) {
  const app = await startApp(database, subscribers, { client });
  apps.push(app);
  return app;
}

async function storedPayload(id: string): Promise<unknown> {
  const { rows } = await database.pool.query(
    `SELECT payload, jsonb_typeof(metadata) AS metadata FROM integration.outbox_event WHERE id = $1`,
    [id],
  );
  expect(rows[0]?.metadata).toBe('object');
  return rows[0]?.payload;
}

describe.each(CLIENTS)('through %s', (_name, options) => {
  it.each([
    ['an ordinary event', {}],
    ['an event with a deduplication key', { deduplicationKey: 'key "1" \\ ü' }],
    ['a delayed event', { delayMs: 1 }],
    ['a timed event', { availableAt: new Date(Date.now() - 1_000) }],
  ])('%s is kept as it was given', async (_what, more) => {
    const client = clientWith(options);
    const app = await start(client);
    const publish = (tx: SqlClient) =>
      app.context.get(DomainEventPublisher).publishEvent({ ...EVENT, ...more }, { persistenceClient: tx });
    const receipt = await client.$transaction(publish);
    expect(await storedPayload(receipt.outboxEventId)).toEqual(PAYLOAD);
    if ('deduplicationKey' in more) {
      expect(await client.$transaction(publish)).toEqual({ ...receipt, duplicate: true });
      await database.pool.query('DELETE FROM integration.outbox_event');
    }
  });

  it('a list of events is kept as it was given, and in its order', async () => {
    const client = clientWith(options);
    const app = await start(client);
    const receipts = await client.$transaction((tx) =>
      app.context
        .get(DomainEventPublisher)
        .publishEvents(
          [
            EVENT,
            { ...EVENT, deduplicationKey: `list ${_name}`, payload: ['{"a":"\\"}'] },
            { ...EVENT, availableAt: new Date('2020-02-03T04:05:06.789Z') },
            { ...EVENT, delayMs: 0.5 },
          ],
          { persistenceClient: tx },
        ),
    );
    const kept = await Promise.all(receipts.map(({ outboxEventId }) => storedPayload(outboxEventId)));
    expect(kept).toEqual([PAYLOAD, ['{"a":"\\"}'], PAYLOAD, PAYLOAD]);
    const positions = receipts.map(({ position }) => position);
    expect(positions).toEqual([...positions].sort((a, b) => a - b));
    const { rows } = await database.pool.query(
      `SELECT aggregate_id AS id, available_at AS at FROM integration.outbox_event WHERE position = $1`,
      [positions[2]],
    );
    expect(rows).toEqual([{ id: EVENT.aggregateId, at: new Date('2020-02-03T04:05:06.789Z') }]);
  });

  it('a link comes back as it was given', async () => {
    const links = (await start(clientWith(options))).context.get(IntegrationLinkService);
    const before = Date.now();
    const made = await links.createLink({ ...LINK, sourceModule: _name });
    expect(made).toMatchObject({
      metadata: PAYLOAD,
      createdAt: expect.any(Date),
      updatedAt: expect.any(Date),
    });
    expect(Math.abs(made.createdAt.getTime() - before)).toBeLessThan(60_000);
    expect(await links.findOutbound(_name, 'b', 'c')).toEqual([made]);
    expect(await links.removeLink(made.id)).toBe(true);
  });

  it('a consumer written by hand keeps its inbox', async () => {
    const app = await start(clientWith(options));
    const { outboxEventId } = await app.api.publishEvent(EVENT);
    const row = await app.inbox.getOrCreate(outboxEventId, 'by hand');
    expect(row).toMatchObject({
      status: 'received',
      attemptCount: 0,
      processedAt: null,
      createdAt: expect.any(Date),
    });
    await app.inbox.markProcessing(row.id);
    const processed = await app.inbox.markProcessed(row.id);
    expect(processed).toMatchObject({
      id: row.id,
      status: 'processed',
      attemptCount: 1,
      position: row.position,
    });
    expect(processed.processedAt).toBeInstanceOf(Date);
  });

  it.each([false, true])(
    'a transactional handler has its effect once, after a failure too (batch: %s)',
    async (isBatch) => {
      const effects = new Recorder<DomainEvent>();
      const consumerName = `effects ${_name} ${isBatch}`;
      let hasFailed = false;
      const work = async (events: readonly DomainEvent[], context: SubscriberContext) => {
        for (const event of events) await writeEffectBySql(consumerName, event, context);
        if (!hasFailed) {
          hasFailed = true;
          throw new Error('once');
        }
        for (const event of events) effects.record(event);
      };
      const common = { eventName: 'thing.done', consumerName, transactional: true } as const;
      const app = await start(clientWith(options), [
        isBatch
          ? {
              ...common,
              batch: { maxSize: 10 },
              handler: (events: DomainEvent[], context: SubscriberContext) => work(events, context),
            }
          : {
              ...common,
              handler: (event: DomainEvent, context: SubscriberContext) => work([event], context),
            },
      ] as AnySubscriberDefinition[]);
      const { outboxEventId } = await app.api.publishEvent({ ...EVENT, eventName: 'thing.done' });
      await effects.find((event) => event.outboxEventId === outboxEventId);
      await app.processor.drain();
      const { rows } = await database.pool.query(
        'SELECT count(*)::int AS count FROM effect WHERE consumer = $1 AND event_id = $2',
        [consumerName, outboxEventId],
      );
      expect(rows).toEqual([{ count: 1 }]);
    },
  );
});

it('a list that is so large that it goes in pieces is kept whole', async () => {
  const client = clientWith({});
  const app = await start(client);
  const large = { ...EVENT, payload: [`"\\${'x'.repeat(1_000_000)}`] };
  const receipts = await app.context.get(DomainEventPublisher).publishEvents(Array(18).fill(large));
  const { rows } = await database.pool.query(
    `SELECT count(*)::int AS count FROM integration.outbox_event WHERE position = ANY ($1) AND payload->>0 = $2`,
    [receipts.map(({ position }) => position), large.payload[0]],
  );
  expect(rows).toEqual([{ count: 18 }]);
  await database.pool.query('DELETE FROM integration.outbox_event');
});

describe('at boot', () => {
  const changing = (change: (value: unknown) => unknown): TransactionalSqlClient => {
    const client = clientWith({});
    return {
      ...client,
      $queryRawUnsafe: (text, ...values) => client.$queryRawUnsafe(text, ...values.map(change)),
    };
  };

  it.each([
    [
      'doubles backslashes',
      (value: unknown) => (typeof value === 'string' ? value.replaceAll('\\', '\\\\') : value),
    ],
    ['writes texts as JSON', (value: unknown) => (typeof value === 'string' ? JSON.stringify(value) : value)],
    [
      'loses what is not ASCII',
      (value: unknown) => (typeof value === 'string' ? value.replace(/[^ -~]/g, '?') : value),
    ],
    ['cuts large numbers', (value: unknown) => (typeof value === 'number' ? value | 0 : value)],
    ['writes nulls as texts', (value: unknown) => value ?? 'null'],
  ])('a client that %s is refused by name', async (_what, change) => {
    await expect(start(changing(change))).rejects.toMatchObject({ code: 'INTEGRATION_CLIENT_INVALID' });
  });

  it('a client that gives the driver’s whole answer is refused', async () => {
    const client = clientWith({});
    const whole: TransactionalSqlClient = {
      ...client,
      $queryRawUnsafe: async <T>(text: string, ...values: unknown[]) =>
        ({ rows: await client.$queryRawUnsafe(text, ...values) }) as T,
    };
    await expect(start(whole)).rejects.toMatchObject({
      code: 'INTEGRATION_CLIENT_INVALID',
      message: expect.stringContaining('array of objects'),
    });
  });

  it('a client whose server is out of reach is waited for by nobody', async () => {
    const sql = postgres('postgres://nobody@127.0.0.1:1/none', { connect_timeout: 1 });
    opened.push(sql);
    const app = await start(postgresJsClient(sql));
    expect(await app.consumers.list()).toEqual(expect.any(Array));
  });
});
