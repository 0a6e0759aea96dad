import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import {
  type AnyEventContract,
  ContractsModule,
  type ContractsOptions,
  ContractsService,
  defineEvent,
} from '../../src/contracts/index.js';
import type { DomainEvent, DomainEventInput } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { emptyTables } from '../support/empty-tables.js';
import { inboxRows } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

const SOURCE = { sourceModule: 'sales', aggregateType: 'order', aggregateId: '1' };

const withZod = defineEvent({
  name: 'zod.order',
  schema: z.object({
    total: z.number().min(1),
    currency: z.string().default('EUR'),
    lines: z.array(z.object({ sku: z.string() })),
  }),
});
const withValibot = defineEvent({
  name: 'valibot.order',
  schema: v.object({ total: v.pipe(v.number(), v.minValue(1)), code: v.picklist(['a', 'b']) }),
});
const withArktype = defineEvent({
  name: 'arktype.order',
  schema: type({ total: 'number >= 1', code: "'a' | 'b'" }),
});
/** A schema that answers later, as one that asks somebody does. */
const later = defineEvent({
  name: 'later.order',
  schema: z.object({ total: z.number().refine(async (total) => total > 0, 'must be positive') }),
});
const gone = defineEvent({ name: 'gone.order', schema: z.object({}), retired: true });
/** Rules that were not made for every value: they throw. */
const throwing = defineEvent({
  name: 'throwing.order',
  schema: z
    .object({})
    .loose()
    .refine(({ lines }) => (lines as unknown[]).length > 0),
});
const throwingLater = defineEvent({
  name: 'throwing-later.order',
  schema: v.pipeAsync(
    v.looseObject({}),
    v.checkAsync(async (given) => (given as { lines: unknown[] }).lines.length > 0),
  ),
});
const ALL = [withZod, withValibot, withArktype, later, gone, throwing, throwingLater];

let database: TestDatabase;
let app: TestApp | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
});
beforeEach(async () => {
  await emptyTables(
    database.pool,
    'integration.outbox_event',
    'integration.inbox_cursor',
    'integration.inbox_event',
    'invoice',
  );
});
afterEach(async () => {
  silenceLog();
  await app?.close();
  app = undefined;
});
afterAll(() => database.drop());

async function start(
  contracts: readonly AnyEventContract[] = ALL,
  options: ContractsOptions = {},
): Promise<TestApp> {
  app = await startApp(database, [], {
    imports: [ContractsModule.forRoot(options), ContractsModule.forFeature(contracts)],
  });
  return app;
}

async function stored(): Promise<unknown[]> {
  const { rows } = await database.pool.query(
    'SELECT event_name AS name, event_version AS version, payload FROM integration.outbox_event ORDER BY position',
  );
  return rows;
}

const event = (eventName: string, payload: unknown): DomainEventInput => ({ ...SOURCE, eventName, payload });

describe('publishing under a contract', () => {
  it('stores the output of the schema and the version of the contract', async () => {
    const { api } = await start();
    await api.publishEvent(event('zod.order', { total: 2, lines: [], secret: 'x' }));
    await api.publishEvents([
      event('valibot.order', { total: 2, code: 'a' }),
      withArktype.event({ ...SOURCE, payload: { total: 3, code: 'b' } }),
      event('later.order', { total: 4 }),
      event('unknown.order', { anything: 1 }),
    ]);
    expect(await stored()).toEqual([
      { name: 'zod.order', version: 1, payload: { total: 2, currency: 'EUR', lines: [] } },
      { name: 'valibot.order', version: 1, payload: { total: 2, code: 'a' } },
      { name: 'arktype.order', version: 1, payload: { total: 3, code: 'b' } },
      { name: 'later.order', version: 1, payload: { total: 4 } },
      { name: 'unknown.order', version: 1, payload: { anything: 1 } },
    ]);
  });

  it.each([
    ['zod.order', { total: 0, lines: [{ sku: 'a' }, { sku: 5 }] }, ['payload.total', 'payload.lines[1].sku']],
    ['valibot.order', { total: 0, code: 'planted' }, ['payload.total', 'payload.code']],
    ['arktype.order', { total: 0, code: 'planted' }, ['payload.code', 'payload.total']],
    ['later.order', { total: -1 }, ['payload.total']],
    ['gone.order', {}, ['eventVersion']],
  ])(
    'rejects a payload of %s that does not fit with every path and without its values',
    async (name, payload, paths) => {
      const { api } = await start();
      const error = await api.publishEvent(event(name, payload)).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'INTEGRATION_CONTRACT_VIOLATION',
        details: { eventName: name, version: 1, paths: expect.arrayContaining(paths) },
      });
      expect((error as { details: { paths: string[] } }).details.paths).toHaveLength(paths.length);
      for (const path of paths) expect((error as Error).message).toContain(`- ${path}: `);
      expect(JSON.stringify(error) + (error as Error).message).not.toContain('planted');
      expect(await stored()).toEqual([]);
    },
  );

  it.each(['throwing.order', 'throwing-later.order'])(
    'rejects a payload that makes the schema of %s throw, with what it threw as the cause',
    async (name) => {
      const { api, context } = await start();
      const refused = {
        code: 'INTEGRATION_CONTRACT_VIOLATION',
        message: expect.stringContaining('- payload: makes its schema throw a TypeError'),
        cause: expect.any(TypeError),
        details: { eventName: name, version: 1, paths: ['payload'] },
      };
      await expect(api.publishEvent(event(name, {}))).rejects.toMatchObject(refused);
      await expect(context.get(ContractsService).validate(name, {})).rejects.toMatchObject(refused);
      await api.publishEvent(event(name, { lines: [1] }));
      expect(await stored()).toEqual([{ name, version: 1, payload: { lines: [1] } }]);
    },
  );

  it('rejects a list with the paths of all of its events', async () => {
    const { api } = await start();
    const events = [
      event('zod.order', { total: 1, lines: [] }),
      event('zod.order', { total: 0, lines: [] }),
      event('later.order', {}),
      withZod.event({ ...SOURCE, payload: { total: 1, lines: [] } }),
      { ...event('zod.order', { total: 1, lines: [] }), eventVersion: 2 },
    ];
    await expect(api.publishEvents(events)).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_VIOLATION',
      details: {
        paths: ['events[1].payload.total', 'events[2].payload.total', 'events[4].eventVersion'],
        events: ['zod.order', 'later.order'],
      },
    });
    expect(await stored()).toEqual([]);
  });

  it('leaves the transaction of the caller usable, and what it writes besides', async () => {
    const { api, prisma } = await start();
    await prisma.$transaction(async (tx) => {
      await tx.invoice.create({ data: { id: 'a', total: 1 } });
      const publish = (name: string) =>
        api.publishEvent(event(name, { total: 0 }), { persistenceClient: tx }).catch((error) => error.code);
      expect(await publish('zod.order')).toBe('INTEGRATION_CONTRACT_VIOLATION');
      expect(await publish('later.order')).toBe('INTEGRATION_CONTRACT_VIOLATION');
      await api.publishEvent(event('later.order', { total: 1 }), { persistenceClient: tx });
      await tx.invoice.create({ data: { id: 'b', total: 2 } });
    });
    expect(await stored()).toEqual([{ name: 'later.order', version: 1, payload: { total: 1 } }]);
    expect(await prisma.invoice.count()).toBe(2);
  });

  it('is told of in a WARN and stored as given where enforcement is "warn"', async () => {
    const lines = hearLog();
    const { api } = await start(ALL, { enforcement: 'warn' });
    await api.publishEvent(event('zod.order', { total: 0, lines: [] }));
    expect(await stored()).toEqual([{ name: 'zod.order', version: 1, payload: { total: 0, lines: [] } }]);
    expect(lines.texts('warn').join()).toMatch(/zod\.order \(version 1\) does not fit.*payload\.total/s);
    for (let total = -5; total < 0; total++) await api.publishEvent(event('zod.order', { total, lines: [] }));
    await api.publishEvent(event('valibot.order', { total: 0, code: 'a' }));
    const said = lines.texts('warn').filter((line) => line.includes('does not fit'));
    expect(said).toEqual([expect.stringContaining('zod.order'), expect.stringContaining('valibot.order')]);
  });

  it('refuses events without a contract where that is asked for, but those of the package', async () => {
    const { api } = await start(ALL, { unknownEvents: 'reject' });
    await expect(api.publishEvent(event('unknown.order', {}))).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_VIOLATION',
      details: { paths: ['eventName'] },
    });
    await api.publishEvent(event('integration.test', {}));
    expect(await stored()).toEqual([{ name: 'integration.test', version: 1, payload: {} }]);
  });

  it('says of what is no event what publishing says without contracts', async () => {
    const { api } = await start();
    await expect(api.publishEvent({ ...SOURCE } as never)).rejects.toMatchObject({
      code: 'INTEGRATION_EVENT_INVALID',
    });
    await expect(api.publishEvents([null] as never)).rejects.toMatchObject({
      code: 'INTEGRATION_EVENT_INVALID',
    });
    await expect(api.publishEvent(event('zod.order', { total: 1n, lines: [] }))).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_VIOLATION',
    });
  });
});

describe('the service', () => {
  it('lists, finds, validates', async () => {
    const service = (await start()).context.get(ContractsService);
    expect(service.list().map(({ name }) => name)).toEqual([
      'arktype.order',
      'gone.order',
      'later.order',
      'throwing-later.order',
      'throwing.order',
      'valibot.order',
      'zod.order',
    ]);
    expect(service.get('zod.order')).toBe(withZod);
    expect(service.get('zod.order', 2)).toBeUndefined();
    expect(await service.validate('zod.order', { total: 1, lines: [] })).toEqual({
      total: 1,
      currency: 'EUR',
      lines: [],
    });
    await expect(service.validate('zod.order', { total: 1 })).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_VIOLATION',
      details: { paths: ['payload.lines'] },
    });
    await expect(service.validate('zod.ordre', {})).rejects.toMatchObject({
      message: expect.stringContaining('did you mean zod.order?'),
    });
  });
});

describe('handlers', () => {
  const first = { name: 'raised.order', schema: z.object({ total: z.string() }) };
  const third = defineEvent({
    name: 'raised.order',
    version: 3,
    schema: z.object({ cents: z.number(), currency: z.string() }),
    upcast: {
      1: (old: { total: string }) => ({ cents: Math.round(Number(old.total) * 100) }),
      2: (old: { cents: number }) => {
        if (old.cents < 0) throw new Error('no debts');
        return { ...old, currency: 'EUR' };
      },
    },
  });

  async function publishOld(): Promise<void> {
    const old = await start([defineEvent(first)]);
    for (const total of ['1.5', '2']) await old.api.publishEvent(event('raised.order', { total }));
    await old.close();
  }

  it.each([
    ['one by one', {}],
    ['in batches', { batch: { maxSize: 10 } }],
    ['in a transaction', { transactional: true }],
    ['in batches in a transaction', { batch: { maxSize: 10 }, transactional: true }],
    ['as text', { payload: 'text' as const }],
  ])('see the newest version, whatever was stored: %s', async (_, options) => {
    await publishOld();
    const seen = new Recorder<unknown>();
    const record = (each: DomainEvent) =>
      seen.record([
        each.eventVersion,
        typeof each.payload === 'string' ? JSON.parse(each.payload) : each.payload,
      ]);
    const handler = (events: DomainEvent | DomainEvent[]) => void [events].flat().map(record);
    app = await startApp(
      database,
      [{ eventName: 'raised.order', consumerName: 'c', startFrom: 'earliest', handler, ...options } as never],
      { imports: [ContractsModule.forRoot(), ContractsModule.forFeature([third])] },
    );
    expect(await seen.first(2)).toEqual([
      [3, { cents: 150, currency: 'EUR' }],
      [3, { cents: 200, currency: 'EUR' }],
    ]);
  });

  it.each([
    [
      'what an upcaster cannot raise',
      '-1',
      'The upcaster of raised.order from version 2 to 3 threw: no debts',
    ],
    [
      'what does not fit the newest version',
      'many',
      'The upcaster of raised.order from version 2 to 3 returned a payload that does not fit version 3: payload.cents: ',
    ],
  ])('do not get %s: a failure of the event that names the versions', async (_, total, said) => {
    const old = await start([defineEvent(first)]);
    await old.api.publishEvent(event('raised.order', { total }));
    await old.close();
    const handled = new Recorder<unknown>();
    app = await startApp(
      database,
      [
        {
          eventName: 'raised.order',
          consumerName: 'c',
          startFrom: 'earliest',
          retry: { maxAttempts: 1 },
          handler: (each: DomainEvent) => handled.record(each),
        } as never,
      ],
      { imports: [ContractsModule.forRoot(), ContractsModule.forFeature([third])] },
    );
    await app.processor.drain();
    const [letter] = await app.inbox.findDeadLetters({ consumerName: 'c' });
    expect(letter?.lastError).toContain(said);
    expect(handled.all).toEqual([]);
  });

  it.each([
    ['are not called for a version that the code does not know: the event is put off', {}, []],
    [
      'get such an event as it is stored where that is asked for',
      { newerVersion: 'deliver' },
      [[3, { cents: 100, currency: 'EUR' }]],
    ],
  ] as const)('%s', async (_, options, expected) => {
    const young = await start([third]);
    await young.api.publishEvent(event('raised.order', { cents: 100, currency: 'EUR' }));
    await young.close();
    const handled = new Recorder<unknown>();
    const handler = ({ eventVersion, payload }: DomainEvent) => handled.record([eventVersion, payload]);
    app = await startApp(
      database,
      [{ eventName: 'raised.order', consumerName: 'c', startFrom: 'earliest', handler } as never],
      { imports: [ContractsModule.forRoot(options), ContractsModule.forFeature([defineEvent(first)])] },
    );
    await until('the event was handled or put off', async () => {
      const [row] = await inboxRows(database, 'c');
      return handled.all.length > 0 || row?.error?.includes('is stored in version 3');
    });
    expect(handled.all).toEqual(expected);
  });
});
