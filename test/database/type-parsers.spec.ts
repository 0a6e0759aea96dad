import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  DomainEventPublisher,
  IntegrationLinkService,
  PgSqlClient,
  type SubscriberContext,
} from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { writeEffectBySql } from '../support/effects.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

type Parse = (text: string) => unknown;
type Host = (set: (oids: readonly number[], parse: Parse) => void, defaults: Record<string, unknown>) => void;

const { builtins } = pg.types;
const TIMES = [builtins.TIMESTAMPTZ, builtins.TIMESTAMP, builtins.DATE];
const NUMBERS = [
  builtins.INT2,
  builtins.INT4,
  builtins.INT8,
  builtins.FLOAT8,
  builtins.NUMERIC,
  builtins.OID,
];
const LISTS = [1000, 1005, 1007, 1009, 1015, 1016, 1185, 2951];
const TEXTS = [builtins.TEXT, builtins.VARCHAR, builtins.UUID];

/** What hosts set for their own statements, up to what nobody would. */
const HOSTS: readonly [what: string, host: Host, isReadByPrisma?: boolean][] = [
  ['JSON as text', (set) => set([builtins.JSON, builtins.JSONB], String), true],
  ['times as text', (set) => set(TIMES, String), true],
  ['bigints', (set) => set(NUMBERS, (text) => BigInt(Math.trunc(Number(text))))],
  ['booleans as 0 and 1', (set) => set([builtins.BOOL], (text) => (text === 't' ? 1 : 0)), true],
  [
    'everything as something else',
    (set) =>
      set(
        [builtins.JSON, builtins.JSONB, builtins.BOOL, ...TIMES, ...NUMBERS, ...LISTS, ...TEXTS],
        (text) => ({ text }),
      ),
  ],
  [
    'defaults of its own',
    (_set, defaults) =>
      Object.assign(defaults, {
        parseInt8: true,
        binary: true,
        parseInputDatesAsUTC: true,
        query_timeout: 1,
      }),
  ],
];

let database: TestDatabase;
const undo: (() => void)[] = [];
let app: TestApp | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  await app?.close();
  app = undefined;
  for (const each of undo.splice(0)) each();
});
afterAll(() => database?.drop());

function play(host: Host): void {
  const before = { ...pg.defaults } as Record<string, unknown>;
  const set = (oids: readonly number[], parse: Parse) => {
    for (const oid of oids) {
      const standing = pg.types.getTypeParser(oid, 'text') as Parse;
      undo.push(() => pg.types.setTypeParser(oid, standing));
      pg.types.setTypeParser(oid, parse as never);
    }
  };
  host(set, pg.defaults as unknown as Record<string, unknown>);
  undo.push(() => {
    pg.defaults.parseInt8 = false;
    Object.assign(pg.defaults, before, { parseInt8: undefined });
  });
}

describe.each(HOSTS)('where a host’s own statements give %s', (what, host, isReadByPrisma) => {
  // Prisma's adapter reads with some of the parsers of the process itself; others are no use to its own queries either.
  it.each(isReadByPrisma ? [false, true] : [true])(
    'the engine works as ever (own client: %s)',
    async (hasOwnClient) => {
      const seen = new Recorder<string>();
      const name = `${what} ${hasOwnClient}`;
      const note = async ({ aggregateId, payload, timestamp, metadata }: Seen) => {
        expect(payload).toEqual({ n: 1 });
        expect(timestamp).toBeInstanceOf(Date);
        expect(typeof metadata.correlationId).toBe('string');
        seen.record(aggregateId);
      };
      const subscribers = [
        {
          eventName: name,
          consumerName: `since ${name}`,
          startFrom: new Date(Date.now() - 1_000),
          handler: note,
        },
        {
          eventName: name,
          consumerName: `failing ${name}`,
          retry: { maxAttempts: 2 },
          handler: async () => {
            throw new Error('always');
          },
        },
        {
          eventName: name,
          consumerName: `effects ${name}`,
          transactional: true,
          handler: async (event: Seen, context: SubscriberContext) => {
            await writeEffectBySql(name, event as never, context);
          },
        },
      ] as AnySubscriberDefinition[];
      play(host);
      app = await startApp(database, subscribers, hasOwnClient ? { client: undefined } : {});
      const event = (aggregateId: string, more = {}) => ({
        eventName: name,
        sourceModule: 's',
        aggregateType: 't',
        aggregateId,
        payload: { n: 1 },
        ...more,
      });
      const publisher = app.context.get(DomainEventPublisher);
      await app.api.publishEvent(event('plain'));
      await app.api.transaction((tx) =>
        publisher.publishEvent(event('in a transaction'), { persistenceClient: tx }),
      );
      await publisher.publishEvents([event('list 1'), event('list 2', { deduplicationKey: name })]);
      expect((await publisher.publishEvent(event('list 2', { deduplicationKey: name }))).duplicate).toBe(
        true,
      );
      await publishByDriver(publisher, [event('by pg'), event('by pg, timed', { delayMs: 1 })]);
      expect(new Set(await seen.first(6))).toEqual(
        new Set(['plain', 'in a transaction', 'list 1', 'list 2', 'by pg', 'by pg, timed']),
      );
      await app.processor.drain();

      const { inbox } = app;
      const consumerName = `failing ${name}`;
      await until(
        'all have failed',
        async () => (await inbox.findDeadLetters({ consumerName })).length === 6,
      );
      const dead = await inbox.findDeadLetters({ consumerName });
      expect(dead).toHaveLength(6);
      expect(dead[0]).toMatchObject({
        attemptCount: 2,
        createdAt: expect.any(Date),
        position: expect.any(Number),
      });
      const listed = await app.consumers.list();
      expect(listed.find(({ consumerName }) => consumerName === `since ${name}`)).toBeDefined();
      expect(await app.outbox.findById(dead[0]?.outboxEventId ?? '')).toMatchObject({
        timestamp: expect.any(Date),
        payload: { n: 1 },
      });
      expect((await app.outbox.getStats()).total).toBeGreaterThanOrEqual(6);
      const links = app.context.get(IntegrationLinkService);
      const ends = {
        sourceModule: what,
        sourceEntityType: 'b',
        sourceEntityId: name,
        targetModule: 'd',
        targetEntityType: 'e',
        targetEntityId: 'f',
      };
      const link = await links.createLink({ ...ends, linkType: 'reference', metadata: { n: 1 } });
      expect(link).toMatchObject({ metadata: { n: 1 }, createdAt: expect.any(Date) });
    },
  );
});

interface Seen {
  readonly aggregateId: string;
  readonly payload: unknown;
  readonly timestamp: Date;
  readonly metadata: Record<string, unknown>;
}

/** Through a client of the host's, which has the host's defaults. */
async function publishByDriver(
  publisher: DomainEventPublisher,
  events: Parameters<DomainEventPublisher['publishEvents']>[0],
): Promise<void> {
  const client = new pg.Client({ connectionString: database.url, query_timeout: 10_000 });
  await client.connect();
  try {
    await client.query('BEGIN');
    for (const event of events)
      await publisher.publishEvent(event, { persistenceClient: new PgSqlClient(client) });
    await client.query('COMMIT');
  } finally {
    await client.end();
  }
}
