import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { runHandler, runInHandlerContext } from '../../src/context/integration-context.js';
import { IntegrationError } from '../../src/errors.js';
import type { DomainEventInput } from '../../src/events/domain-event.js';
import type { PublishOptions } from '../../src/outbox/publish-options.js';
import type { PrismaClient } from '../generated/prisma/client.js';
import { emptyTables } from '../support/empty-tables.js';
import { type OutboxRoom, openOutbox } from '../support/outbox-room.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

declare module '../../src/events/domain-event.js' {
  interface IntegrationEvents {
    'publishing-spec.typed': { invoiceId: string; total: number };
  }
}

let database: TestDatabase;
let prisma: PrismaClient;
let room: OutboxRoom;

beforeAll(async () => {
  database = await createTestDatabase();
  prisma = database.prisma();
  room = openOutbox({ url: database.url, client: prisma, maxPayloadBytes: 10_000 });
});
beforeEach(async () => {
  await emptyTables(database.pool, 'integration.outbox_event', 'invoice');
});
afterAll(async () => {
  await room?.close();
  await database?.drop();
});

function event(overrides: Partial<DomainEventInput> = {}): DomainEventInput {
  return {
    eventName: 'invoice.created',
    sourceModule: 'finance',
    aggregateType: 'invoice',
    aggregateId: 'i-1',
    ...overrides,
  };
}

async function stored(): Promise<Record<string, unknown>[]> {
  const { rows } = await database.pool.query('SELECT * FROM integration.outbox_event ORDER BY position');
  return rows;
}

/** The typed error that a call rejects with. */
async function refusal(call: Promise<unknown>): Promise<IntegrationError> {
  const error = await call.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (error instanceof IntegrationError) return error;
  throw error;
}

const ROLLBACK = new Error('rolled back on purpose');
const swallowRollback = (error: unknown) => {
  if (error !== ROLLBACK) throw error;
};

describe('publishing in the caller’s transaction', () => {
  it('commits with the caller’s data', async () => {
    const receipt = await prisma.$transaction(async (tx) => {
      await tx.invoice.create({ data: { id: 'i-1', total: 5 } });
      return room.publisher.publishEvent(event({ payload: { total: 5 } }), { persistenceClient: tx });
    });
    expect(await stored()).toMatchObject([
      {
        id: receipt.outboxEventId,
        position: String(receipt.position),
        payload: { total: 5 },
        payload_bytes: 12,
      },
    ]);
    expect(receipt.duplicate).toBe(false);
  });

  it('vanishes with the caller’s data', async () => {
    await prisma
      .$transaction(async (tx) => {
        await tx.invoice.create({ data: { id: 'i-1' } });
        await room.publisher.publishEvent(event(), { persistenceClient: tx });
        await room.publisher.publishEvents([event(), event()], { persistenceClient: tx });
        throw ROLLBACK;
      })
      .catch(swallowRollback);
    expect(await stored()).toEqual([]);
    expect(await prisma.invoice.count()).toBe(0);
  });

  it('vanishes with the savepoint it was published under', async () => {
    await prisma.$transaction(async (tx) => {
      await room.publisher.publishEvent(event({ aggregateId: 'kept' }), { persistenceClient: tx });
      await tx.$executeRawUnsafe('SAVEPOINT attempt');
      await room.publisher.publishEvent(event({ aggregateId: 'undone' }), { persistenceClient: tx });
      await tx.$executeRawUnsafe('ROLLBACK TO SAVEPOINT attempt');
      await room.publisher.publishEvent(event({ aggregateId: 'kept too' }), { persistenceClient: tx });
    });
    expect((await stored()).map((row) => row.aggregate_id)).toEqual(['kept', 'kept too']);
  });

  it('works through a client of $extends', async () => {
    const extended = prisma.$extends({});
    await extended.$transaction((tx) => room.publisher.publishEvent(event(), { persistenceClient: tx }));
    expect(await stored()).toHaveLength(1);
    const root = await refusal(room.publisher.publishEvent(event(), { persistenceClient: extended }));
    expect(root.code).toBe('INTEGRATION_CLIENT_IS_ROOT');
  });
});

describe('the two forms of publishEvent', () => {
  it('write the same columns', async () => {
    const payload = { total: 5 };
    const rest = { eventVersion: 2, metadata: { tenantId: 't' }, deduplicationKey: 'k', delayMs: 60_000 };
    await room.publisher.publishEvent(event({ payload, ...rest }));
    await database.pool.query(`UPDATE integration.outbox_event SET dedup_key = 'other'`);
    await room.publisher.publishEvent('invoice.created', 'finance', 'invoice', 'i-1', payload, rest);
    const [one, two] = (await stored()).map(
      ({ id, position, created_at, available_at, metadata, dedup_key, ...columns }) => {
        expect((metadata as Record<string, unknown>).correlationId).toBe(id);
        const delay = (available_at as Date).getTime() - (created_at as Date).getTime();
        expect(Math.abs(delay - 60_000)).toBeLessThan(1_000);
        return columns;
      },
    );
    expect(one).toEqual(two);
    expect(one).toMatchObject({ event_name: 'invoice.created', event_version: 2, payload });
  });

  it('take an event without payload as {}', async () => {
    await room.publisher.publishEvent('invoice.created', 'finance', 'invoice', 'i-1');
    await room.publisher.publishEvent(event({ payload: null }));
    expect((await stored()).map((row) => row.payload)).toEqual([{}, null]);
  });

  it('check the payload of a declared event at compile time', async () => {
    const typed = {
      eventName: 'publishing-spec.typed',
      sourceModule: 'm',
      aggregateType: 't',
      aggregateId: 'a',
    } as const;
    const good = { invoiceId: 'i', total: 1 };
    await room.publisher.publishEvent('publishing-spec.typed', 'm', 't', 'a', good);
    await room.publisher.publishEvent({ ...typed, payload: good });
    await room.publisher.publishEvents([{ ...typed, payload: good }, event({ payload: 'anything' })]);
    // @ts-expect-error total is missing
    await room.publisher.publishEvent('publishing-spec.typed', 'm', 't', 'a', { invoiceId: 'i' });
    // @ts-expect-error total is a number
    await room.publisher.publishEvent({ ...typed, payload: { invoiceId: 'i', total: 'x' } });
    // @ts-expect-error total is a number
    await room.publisher.publishEvents([event(), { ...typed, payload: { invoiceId: 'i', total: 'x' } }]);
    expect(await stored()).toHaveLength(8);
  });

  it('store a time from which the event may be handled', async () => {
    const availableAt = new Date('2030-05-06T07:08:09.123Z');
    await prisma.$transaction(async (tx) => {
      await tx.$executeRawUnsafe(`SET LOCAL timezone = 'Asia/Tokyo'`);
      await room.publisher.publishEvent(event({ availableAt }), { persistenceClient: tx });
      await room.publisher.publishEvents([event({ availableAt }), event()], { persistenceClient: tx });
    });
    expect((await stored()).map((row) => row.available_at)).toEqual([availableAt, availableAt, null]);
  });

  it('take an id of the caller’s own, and refuse it the second time', async () => {
    const id = '018F3C2A-0000-7000-8000-00000000000A';
    const receipt = await room.publisher.publishEvent(event({ id }));
    expect(receipt.outboxEventId).toBe(id.toLowerCase());
    expect(await refusal(room.publisher.publishEvent(event({ id })))).toMatchObject({
      code: 'INTEGRATION_EVENT_INVALID',
      details: { fields: ['id'] },
    });
    expect(
      await refusal(
        room.publisher.publishEvents([event({ id: receipt.outboxEventId.replace('a', 'b') }), event({ id })]),
      ),
    ).toMatchObject({
      code: 'INTEGRATION_EVENT_INVALID',
    });
    expect(await stored()).toHaveLength(1);
  });

  it('cost the client no stack trace, and a failure says where it was published all the same', async () => {
    const limits: number[] = [];
    const failure = await prisma
      .$transaction(async (tx) => {
        const persistenceClient = {
          $queryRawUnsafe: <T>(sql: string, ...values: unknown[]) => {
            limits.push(Error.stackTraceLimit);
            return tx.$queryRawUnsafe<T>(sql, ...values);
          },
          $executeRawUnsafe: (sql: string, ...values: unknown[]) => tx.$executeRawUnsafe(sql, ...values),
        };
        await room.publisher.publishEvent(event(), { persistenceClient });
        await tx.$executeRawUnsafe('SELECT FROM nowhere').catch(() => {});
        await room.publisher.publishEvent(event(), { persistenceClient });
      })
      .catch((error: unknown) => error);
    expect(limits).toEqual([0, 0]);
    expect((failure as Error).stack).toContain('publishing.spec');
  });
});

describe('publishEvents', () => {
  it('keeps the order given, in one gapless run of positions', async () => {
    const events = Array.from({ length: 1_000 }, (_, index) =>
      event({ aggregateId: `a-${(index * 7919) % 1_000}` }),
    );
    const receipts = await room.publisher.publishEvents(events);
    const first = receipts[0]?.position ?? 0;
    expect(receipts.map((receipt) => receipt.position)).toEqual(events.map((_, index) => first + index));
    const rows = await stored();
    expect(rows.map((row) => row.aggregate_id)).toEqual(events.map((item) => item.aggregateId));
    expect(rows.map((row) => row.id)).toEqual(receipts.map((receipt) => receipt.outboxEventId));
  });

  it('keeps the order while others publish too', async () => {
    const batches = await Promise.all(
      Array.from({ length: 8 }, () =>
        room.publisher.publishEvents(Array.from({ length: 50 }, () => event())),
      ),
    );
    for (const batch of batches) {
      const positions = batch.map((receipt) => receipt.position);
      expect(positions).toEqual([...positions].sort((a, b) => a - b));
    }
  });

  it('stores what JSON and arrays make difficult', async () => {
    const payloads = [
      'a "quoted" \\ text, {braces} and, commas',
      { 'k,{}"\\': ['NULL', null, ''] },
      [[], {}],
      'NULL',
      '',
      'ü€😀',
    ];
    await prisma.$transaction((tx) =>
      room.publisher.publishEvents(
        payloads.map((payload) =>
          event({ payload, aggregateId: 'NULL', deduplicationKey: `{"${JSON.stringify(payload)},` }),
        ),
        { persistenceClient: tx },
      ),
    );
    expect((await stored()).map((row) => row.payload)).toEqual(payloads);
  });

  it('of no events does nothing', async () => {
    // A process of its own: the other one still looks for the commits of the tests before.
    const other = openOutbox({ url: database.url, client: prisma });
    expect(await other.publisher.publishEvents([])).toEqual([]);
    expect(other.wakeups).toEqual([]);
    await other.close();
  });

  it('publishes none if one is refused, and says which', async () => {
    const error = await refusal(
      room.publisher.publishEvents([event(), event({ payload: { lines: [{ price: Number.NaN }] } })]),
    );
    expect(error).toMatchObject({
      code: 'INTEGRATION_PAYLOAD_INVALID',
      details: { path: 'events[1].payload.lines[0].price' },
    });
    const named = await refusal(room.publisher.publishEvents([event(), event({ eventName: '' })]));
    expect(named.message).toContain('events[1].eventName');
    expect(await stored()).toEqual([]);
  });

  it('refuses one id for two events of a call', async () => {
    const id = '018f3c2a-0000-7000-8000-00000000000b';
    const error = await refusal(
      room.publisher.publishEvents([event({ id }), event({ id: id.toUpperCase() })]),
    );
    expect(error.code).toBe('INTEGRATION_EVENT_INVALID');
    expect(await stored()).toEqual([]);
  });
});

describe('the same deduplicationKey again', () => {
  it('burns no position where its event is committed, alone or among others', async () => {
    const known = await room.publisher.publishEvent(event({ deduplicationKey: 'k' }));
    for (let i = 0; i < 3; i++) await room.publisher.publishEvent(event({ deduplicationKey: 'k' }));
    const receipts = await room.publisher.publishEvents(
      ['k', 'new', 'k', undefined].map((key) => event(key === undefined ? {} : { deduplicationKey: key })),
    );
    const next = known.position + 1;
    expect(receipts.map(({ position }) => position)).toEqual([
      known.position,
      next,
      known.position,
      next + 1,
    ]);
    expect((await room.publisher.publishEvent(event())).position).toBe(next + 2);
  });

  it('changes nothing and returns the first event', async () => {
    const first = await room.publisher.publishEvent(event({ deduplicationKey: 'k', payload: 1 }));
    const second = await room.publisher.publishEvent(event({ deduplicationKey: 'k', payload: 2 }));
    expect(second).toEqual({ ...first, duplicate: true });
    expect(await stored()).toMatchObject([{ payload: 1 }]);
  });

  it('within one call publishes the first', async () => {
    const events = ['a', 'b', 'a', 'c', 'b'].map((key, payload) => event({ deduplicationKey: key, payload }));
    await room.publisher.publishEvent(event({ deduplicationKey: 'c', payload: 'earlier' }));
    const receipts = await room.publisher.publishEvents(events);
    expect(receipts.map((receipt) => receipt.duplicate)).toEqual([false, false, true, true, true]);
    expect(receipts[2]?.outboxEventId).toBe(receipts[0]?.outboxEventId);
    expect(receipts[4]?.position).toBe(receipts[1]?.position);
    expect((await stored()).map((row) => row.payload)).toEqual(['earlier', 0, 1]);
  });

  it('from a concurrent transaction waits for it, then returns its event', async () => {
    const both = await Promise.all(
      Array.from({ length: 10 }, () =>
        prisma.$transaction((tx) =>
          room.publisher.publishEvent(event({ deduplicationKey: 'k' }), { persistenceClient: tx }),
        ),
      ),
    );
    expect(both.filter((receipt) => !receipt.duplicate)).toHaveLength(1);
    expect(new Set(both.map((receipt) => receipt.outboxEventId)).size).toBe(1);
    expect(await stored()).toHaveLength(1);
  });

  it('publishes when the transaction before rolled back', async () => {
    const other = await database.pool.connect();
    await other.query('BEGIN');
    await other.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, dedup_key) VALUES ('n', 'm', 't', 'a', 'k')`,
    );
    const publishing = room.publisher.publishEvent(event({ deduplicationKey: 'k' }));
    await untilSomebodyWaits();
    await other.query('ROLLBACK');
    other.release();
    expect((await publishing).duplicate).toBe(false);
  });
});

async function untilSomebodyWaits(): Promise<void> {
  for (;;) {
    const { rows } = await database.pool.query(
      `SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()`,
    );
    if (rows.length > 0) return;
  }
}

const cycle: Record<string, unknown> = { name: 'c' };
cycle.self = { again: [cycle] };
const REFUSED: [what: string, payload: unknown, path: string][] = [
  ['undefined in an array', { lines: [1, undefined] }, 'payload.lines[1]'],
  ['a hole in an array', { lines: new Array(1) }, 'payload.lines[0]'],
  ['a function', { 'on click': () => {} }, 'payload["on click"]'],
  ['a symbol', { kind: Symbol('k') }, 'payload.kind'],
  ['a cycle', cycle, 'payload.self.again[0]'],
  ['a BigInt', { invoice: { id: 1n } }, 'payload.invoice.id'],
  ['NaN', { lines: [0, 1, 2, { price: Number.NaN }] }, 'payload.lines[3].price'],
  ['Infinity', [Number.NEGATIVE_INFINITY], 'payload[0]'],
  ['a Map', { tags: new Map([['a', 1]]) }, 'payload.tags'],
  ['a Set', new Set([1]), 'payload'],
  ['an invalid Date', { at: new Date(Number.NaN) }, 'payload.at'],
  ['a Promise', { user: Promise.resolve(1) }, 'payload.user'],
  ['a NUL character', { text: 'a\0b' }, 'payload.text'],
  ['a NUL character in a key', { a: { 'b\0': 1 } }, 'payload.a["b\\u0000"]'],
  ['a lone surrogate', ['fine', '\ud83d'], 'payload[1]'],
  ['a lone surrogate in a key', { '\udc00': 1 }, 'payload["\\udc00"]'],
  ['too much', { text: 'x'.repeat(10_000) }, 'payload'],
];

describe('what the database would refuse is refused before it', () => {
  it.each(REFUSED)('%s, with its path, and the transaction stays usable', async (_, payload, path) => {
    await prisma.$transaction(async (tx) => {
      for (const options of [
        { persistenceClient: tx },
        { outsideTransaction: true },
      ] satisfies PublishOptions[]) {
        const error = await refusal(room.publisher.publishEvent(event({ payload }), options));
        expect(error.code).toBe(
          path === 'payload' && !(payload instanceof Set)
            ? 'INTEGRATION_PAYLOAD_TOO_LARGE'
            : 'INTEGRATION_PAYLOAD_INVALID',
        );
        expect(error.details.path).toBe(path);
        expect(error.message.startsWith(`${path} `)).toBe(true);
      }
      await tx.invoice.create({ data: { id: 'after the refusal' } });
    });
    expect(await stored()).toEqual([]);
    expect(await prisma.invoice.count()).toBe(1);
  });

  it('a BigInt is told what to do instead', async () => {
    const error = await refusal(room.publisher.publishEvent(event({ payload: { id: 1n } })));
    expect(error.message).toContain('use String(id)');
  });

  it('metadata is checked as the payload is', async () => {
    const error = await refusal(room.publisher.publishEvent(event({ metadata: { big: 1n } })));
    expect(error).toMatchObject({ code: 'INTEGRATION_PAYLOAD_INVALID', details: { path: 'metadata.big' } });
  });

  it.each([
    ['eventName', ''],
    ['eventName', '   '],
    ['eventName', 'x'.repeat(256)],
    ['eventName', 'a\0'],
    ['eventName', 'a\tb'],
    ['sourceModule', 'x'.repeat(128)],
    ['aggregateType', undefined],
    ['aggregateId', 42],
    ['aggregateId', 'x'.repeat(256)],
    ['aggregateId', '\ud800'],
    ['deduplicationKey', 'x'.repeat(256)],
    ['deduplicationKey', ''],
    ['id', 'not-a-uuid'],
    ['eventVersion', 0],
    ['eventVersion', 1.5],
    ['availableAt', new Date(Number.NaN)],
    ['availableAt', '2030-01-01'],
    ['delayMs', -1],
    ['delayMs', Number.NaN],
    ['metadata', 'text'],
    ['metadata', new Map([['tenantId', 't']])],
  ])('a bad %s (case %#)', async (field, value) => {
    const error = await refusal(
      room.publisher.publishEvent(event({ [field]: value } as Partial<DomainEventInput>)),
    );
    expect(error.code).toBe('INTEGRATION_EVENT_INVALID');
    expect(error.details.fields).toEqual([field]);
    expect(error.message).toContain(field);
    expect(await stored()).toEqual([]);
  });

  it('names every bad field at once', async () => {
    const error = await refusal(room.publisher.publishEvent({ eventName: '' } as DomainEventInput));
    expect(error.details.fields).toEqual(['eventName', 'sourceModule', 'aggregateType', 'aggregateId']);
  });

  it('names as long as the columns, counted in characters, are stored', async () => {
    await room.publisher.publishEvent(
      event({
        eventName: '😀'.repeat(255),
        sourceModule: 'm'.repeat(127),
        aggregateType: '€'.repeat(127),
        aggregateId: 'i'.repeat(255),
      }),
    );
    expect(await stored()).toHaveLength(1);
  });
});

describe('publishing to the wrong place', () => {
  it('a root client is refused, and the array form of $transaction is explained', async () => {
    const error = await refusal(room.publisher.publishEvent(event(), { persistenceClient: prisma }));
    expect(error.code).toBe('INTEGRATION_CLIENT_IS_ROOT');
    expect(error.message).toContain('array form');
  });

  it.each([null, {}, 'tx', { $queryRawUnsafe: 1 }])('%p is no client', async (persistenceClient) => {
    const options = { persistenceClient } as unknown as PublishOptions;
    expect((await refusal(room.publisher.publishEvent(event(), options))).code).toBe(
      'INTEGRATION_CLIENT_INVALID',
    );
  });

  it('a client under another name is not passed over', async () => {
    await prisma.$transaction(async (tx) => {
      for (const options of [tx, { tx }, { transaction: tx }]) {
        const error = await refusal(room.publisher.publishEvent(event(), options as PublishOptions));
        expect(error.code).toBe('INTEGRATION_CLIENT_INVALID');
        expect(error.message).toContain('persistenceClient: tx');
      }
    });
  });

  it('forgetting the client inside integrationApi.transaction is refused', async () => {
    await room.transactions.run(async (tx) => {
      const error = await refusal(room.publisher.publishEvent(event()));
      expect(error.code).toBe('INTEGRATION_TRANSACTION_FORGOTTEN');
      expect((await refusal(room.publisher.publishEvents([event()]))).code).toBe(
        'INTEGRATION_TRANSACTION_FORGOTTEN',
      );
      await room.publisher.publishEvent(event({ aggregateId: 'inside' }), { persistenceClient: tx });
    });
    expect((await stored()).map((row) => row.aggregate_id)).toEqual(['inside']);
  });

  it('publishing outside on purpose stays when the transaction rolls back', async () => {
    await room.transactions
      .run(async (tx) => {
        await room.publisher.publishEvent(event({ aggregateId: 'inside' }), { persistenceClient: tx });
        await room.publisher.publishEvent(event({ aggregateId: 'outside' }), { outsideTransaction: true });
        throw ROLLBACK;
      })
      .catch(swallowRollback);
    expect((await stored()).map((row) => row.aggregate_id)).toEqual(['outside']);
  });

  it('forgetting the client inside a transactional handler is refused, inside a plain one it is allowed', async () => {
    const handled = { outboxEventId: '018f3c2a-0000-7000-8000-000000000001', metadata: {} };
    await prisma.$transaction(async (transaction) => {
      const scope = { consumerName: 'c', event: handled, engine: 'default', transaction, published: [] };
      const error = await runInHandlerContext(scope, () => refusal(room.publisher.publishEvent(event())));
      expect(error.code).toBe('INTEGRATION_TRANSACTION_FORGOTTEN');
      expect(error.message).toContain('context.transaction');
    });
    await runHandler('c', handled, () => room.publisher.publishEvent(event()), undefined, undefined);
    expect(await stored()).toHaveLength(1);
  });

  it('work left behind by a transaction that has ended may publish', async () => {
    let later: Promise<unknown> = Promise.resolve();
    let ended = () => {};
    const end = new Promise<void>((resolve) => {
      ended = resolve;
    });
    await room.transactions.run(async () => {
      later = end.then(() => room.publisher.publishEvent(event()));
    });
    ended();
    await later;
    expect(await stored()).toHaveLength(1);
  });

  it('a switched-off outbox refuses clearly and drops nothing silently', async () => {
    await room.settings.set('enabled', false, 'test');
    const error = await refusal(room.publisher.publishEvent(event()));
    expect(error.code).toBe('INTEGRATION_OUTBOX_DISABLED');
    expect((await refusal(room.publisher.publishEvents([]))).code).toBe('INTEGRATION_OUTBOX_DISABLED');
    await room.settings.reset('enabled', 'test');
    await room.publisher.publishEvent(event());
    expect(await stored()).toHaveLength(1);
  });
});

describe('metadata', () => {
  async function metadataOf(position: number): Promise<unknown> {
    const row = (await stored()).find((candidate) => Number(candidate.position) === position);
    return row?.metadata;
  }

  it('starts a correlation with the event’s own id', async () => {
    const receipt = await room.publisher.publishEvent(event());
    expect(await metadataOf(receipt.position)).toEqual({ correlationId: receipt.outboxEventId });
  });

  it('of an event published by a handler comes from the event it handles', async () => {
    const outboxEventId = '018f3c2a-0000-7000-8000-000000000001';
    const handled = { outboxEventId, metadata: { correlationId: 'c-1', tenantId: 't-1', origin: 'crm' } };
    const receipt = await runHandler(
      'billing',
      handled,
      () => room.publisher.publishEvent(event()),
      undefined,
      undefined,
    );
    expect(await metadataOf(receipt.position)).toEqual({
      correlationId: 'c-1',
      causationId: outboxEventId,
      producer: 'billing',
      tenantId: 't-1',
      origin: 'crm',
    });
  });

  it('of the caller’s own wins', async () => {
    const handled = { outboxEventId: 'e', metadata: { correlationId: 'c-1' } };
    const metadata = {
      correlationId: 'mine',
      causationId: 'mine',
      producer: 'mine',
      traceparent: 'mine',
      extra: [1],
    };
    const receipt = await runHandler(
      'billing',
      handled,
      () => room.publisher.publishEvent(event({ metadata })),
      undefined,
      undefined,
    );
    expect(await metadataOf(receipt.position)).toEqual(metadata);
  });
});

describe('signals', () => {
  // A process of its own: the other one still looks for what the tests before rolled back.
  let signalling: OutboxRoom;
  beforeEach(() => {
    signalling = openOutbox({ url: database.url, client: prisma });
  });
  afterEach(() => signalling.close());

  it('come at once without a transaction, after the commit with one, and never for a duplicate', async () => {
    await signalling.publisher.publishEvent(event({ deduplicationKey: 'k' }));
    expect(signalling.wakeups).toEqual([{ source: 'publish', eventNames: ['invoice.created'] }]);
    await signalling.publisher.publishEvent(event({ deduplicationKey: 'k' }));
    expect(signalling.wakeups).toHaveLength(1);
    await signalling.transactions.run(async (tx) => {
      await signalling.publisher.publishEvents([event(), event({ eventName: 'other' })], {
        persistenceClient: tx,
      });
      expect(signalling.wakeups).toHaveLength(1);
    });
    expect(signalling.wakeups[1]).toEqual({ source: 'commit', eventNames: ['invoice.created', 'other'] });
    await signalling.transactions
      .run(async (tx) => {
        await signalling.publisher.publishEvent(event(), { persistenceClient: tx });
        throw ROLLBACK;
      })
      .catch(swallowRollback);
    expect(signalling.wakeups).toHaveLength(2);
    expect(signalling.prober.size).toBe(0);
  });

  it('of nested transactions follow the one that each event was published in', async () => {
    await signalling.transactions
      .run(async (outer) => {
        await signalling.transactions.run(async (inner) => {
          await signalling.publisher.publishEvent(event({ eventName: 'inner' }), {
            persistenceClient: inner,
          });
          await signalling.publisher.publishEvent(event({ eventName: 'outer' }), {
            persistenceClient: outer,
          });
        });
        expect(signalling.wakeups).toEqual([{ source: 'commit', eventNames: ['inner'] }]);
        throw ROLLBACK;
      })
      .catch(swallowRollback);
    expect(signalling.wakeups).toHaveLength(1);
    expect((await stored()).map((row) => row.event_name)).toEqual(['inner']);
  });

  it('of a transactional handler are left to whoever commits it', async () => {
    const published: { eventName: string; position: number }[] = [];
    const receipt = await prisma.$transaction((transaction) =>
      runInHandlerContext({ consumerName: 'c', engine: 'default', transaction, published }, () =>
        signalling.publisher.publishEvent(event(), { persistenceClient: transaction }),
      ),
    );
    expect(published).toEqual([{ eventName: 'invoice.created', position: receipt.position }]);
    expect(signalling.wakeups).toEqual([]);
    expect(signalling.prober.size).toBe(0);
  });
});
