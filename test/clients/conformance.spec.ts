import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent, DomainEventInput, SubscriberContext, Tx } from '../../src/index.js';
import { failAt, verifyClient } from '../../src/testing/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { LIBRARIES } from './libraries.js';
import type { TriedLibrary } from './tried-library.js';

const PAYLOAD = {
  quotes: `"double", 'single', \\backslash\\, \\"both`,
  unicode: 'ü € 😀',
  list: [1, null, [true, 'x']],
  marks: '$1 $$ ? ?? \\? :name {a,b},NULL',
};
const FAILURE = new Error('on purpose');

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database?.drop());

describe.each(LIBRARIES)('%s', (name, open) => {
  let library: TriedLibrary;
  let app: TestApp;
  const seen = new Recorder<DomainEvent>();
  const failures = new Map<string, number>();
  const event = (eventName: string, more: Partial<DomainEventInput> = {}): DomainEventInput => ({
    eventName: `${eventName}.${name.toLowerCase().replaceAll(' ', '-')}`,
    sourceModule: 'clients',
    aggregateType: 'thing',
    aggregateId: '"1", \\2 ?',
    payload: PAYLOAD,
    ...more,
  });

  async function writeEffect(tx: object, consumer: string, { outboxEventId }: DomainEvent): Promise<void> {
    const sql = 'INSERT INTO effect (consumer, event_id, note) VALUES ($1, $2, $3)';
    await library.adapter.query(tx, sql, [consumer, outboxEventId, 'done']);
  }

  const effectsOf = async (consumer: string): Promise<number> => {
    const { rows } = await database.pool.query('SELECT FROM effect WHERE consumer = $1', [consumer]);
    return rows.length;
  };
  const stored = async (id: string) => {
    const { rows } = await database.pool.query(
      'SELECT payload, jsonb_typeof(payload) AS type FROM integration.outbox_event WHERE id = $1',
      [id],
    );
    return rows[0] as { payload: unknown; type: string } | undefined;
  };
  const failsOnce = (what: string) => {
    failures.set(what, (failures.get(what) ?? 0) + 1);
    if (failures.get(what) === 1) throw FAILURE;
  };

  beforeAll(async () => {
    library = await open(database.url);
    const of = (what: string) => ({ eventName: event(what).eventName, consumerName: `${what} ${name}` });
    app = await startApp(
      database,
      [
        {
          ...of('plain'),
          handler: async (each: DomainEvent) => {
            seen.record(each);
          },
        },
        {
          ...of('single'),
          transactional: true,
          handler: async (each: DomainEvent, { transaction }: SubscriberContext) => {
            await writeEffect(transaction, `single ${name}`, each);
            failsOnce('single');
            await app.api.publishEvent(event('plain'), { persistenceClient: transaction });
          },
        },
        {
          ...of('batch'),
          transactional: true,
          batch: { maxSize: 10 },
          handler: async (all: DomainEvent[], { transaction }: SubscriberContext) => {
            for (const each of all) await writeEffect(transaction, `batch ${name}`, each);
            failsOnce('batch');
          },
        },
        {
          ...of('swallowing'),
          transactional: true,
          retry: { maxAttempts: 2 },
          handler: async (each: DomainEvent, { transaction }: SubscriberContext) => {
            await writeEffect(transaction, `swallowing ${name}`, each);
            await library.adapter.query(transaction, 'SELECT 1 / 0', []).catch(() => {});
          },
        },
        {
          ...of('cut'),
          transactional: true,
          handler: async (each: DomainEvent, { transaction, attempt }: SubscriberContext) => {
            await writeEffect(transaction, `cut ${name}`, each);
            if (failures.has('cut')) {
              expect(attempt).toBe(1);
              return;
            }
            failures.set('cut', 1);
            const { rows } = await library.adapter.query(transaction, 'SELECT pg_backend_pid() AS pid', []);
            await database.pool.query('SELECT pg_terminate_backend($1)', [(rows[0] as { pid: number }).pid]);
            await library.adapter.query(transaction, 'SELECT 1', []);
          },
        },
      ],
      { client: library.adapter },
    );
  });
  afterAll(async () => {
    await app?.close();
    await library?.close();
  });

  it('keeps the contract of a client', async () => {
    const report = await verifyClient(library.adapter);
    expect(report.ok ? '' : `${report}`).toBe('');
  });

  it('a statement arrives as it was written: ? as text and as an operator, parameters in any order and twice', async () => {
    const sql = `SELECT '{"a": 1}'::jsonb ? $2::text AS has, '?' AS mark, $1::text || $2::text AS both`;
    const answer = await library.adapter.query(undefined, sql, ['b', 'a']);
    expect(answer).toEqual({ rows: [{ has: true, mark: '?', both: 'ba' }], count: 1 });
  });

  it('an event of a transaction that is rolled back is gone; of one that commits it is kept as it was given', async () => {
    let gone = '';
    const failing = library.transaction(async (tx) => {
      gone = (await app.api.publishEvent(event('kept'), { persistenceClient: tx as Tx })).outboxEventId;
      throw FAILURE;
    });
    await expect(failing).rejects.toThrow(FAILURE.message);
    expect(await stored(gone)).toBeUndefined();
    const kept = await library.transaction((tx) =>
      app.api.publishEvent(event('kept'), { persistenceClient: tx as Tx }),
    );
    expect(kept).toMatchObject({ position: expect.any(Number), duplicate: false });
    expect(await stored(kept.outboxEventId)).toEqual({ payload: PAYLOAD, type: 'object' });
  });

  // Neither Kysely nor postgres.js shows the connection of a transaction.
  if (name !== 'Kysely' && !name.endsWith('postgres.js'))
    it.each(['ROLLBACK', 'COMMIT'])(
      'publishes nothing in a transaction that was ended by a statement: %s',
      async (statement) => {
        const ended = `${statement} ${name}`;
        const refused = library.transaction(async (tx) => {
          await library.adapter.query(tx, statement, []);
          await app.api.publishEvent(event(ended), { persistenceClient: tx as Tx });
        });
        await expect(refused).rejects.toMatchObject({
          code: expect.stringMatching(/^INTEGRATION_(CLIENT_INVALID|TRANSACTION_ENDED)$/),
        });
        const { rows } = await database.pool.query(
          'SELECT FROM integration.outbox_event WHERE event_name = $1',
          [event(ended).eventName],
        );
        expect(rows).toEqual([]);
      },
    );

  it('keys, delays, a thousand events and links are of the transaction', async () => {
    const deduplicationKey = `key ? $1 ${name}`;
    const [first, second, many, link] = await library.transaction(async (tx) => {
      const where = { persistenceClient: tx as Tx };
      return [
        await app.api.publishEvent(event('kept', { deduplicationKey }), where),
        await app.api.publishEvent(event('kept', { deduplicationKey, delayMs: 1 }), where),
        await app.api.publishEvents(
          Array.from({ length: 1_000 }, () => event('kept')),
          where,
        ),
        await app.api.createLink(
          {
            sourceModule: name,
            sourceEntityType: 'a',
            sourceEntityId: 'b',
            targetModule: 'c',
            targetEntityType: 'd',
            targetEntityId: 'e',
            linkType: 'reference',
            metadata: PAYLOAD,
          },
          tx as Tx,
        ),
      ] as const;
    });
    expect(second).toEqual({ ...first, duplicate: true });
    expect(new Set(many.map(({ position }) => position)).size).toBe(1_000);
    expect(link).toMatchObject({ metadata: PAYLOAD, createdAt: expect.any(Date) });
  });

  it('what integrationApi.transaction published is delivered, and its argument is the transaction of the library', async () => {
    const { outboxEventId } = await app.api.transaction(async (tx) => {
      expect(library.adapter.stateOf(tx)).toBe('open');
      await expect(app.api.publishEvent(event('plain'))).rejects.toMatchObject({
        code: 'INTEGRATION_TRANSACTION_FORGOTTEN',
      });
      return app.api.publishEvent(event('plain'), { persistenceClient: tx as Tx });
    });
    await seen.find((each) => each.outboxEventId === outboxEventId);
  });

  it.each(['single', 'batch'])('the effects of a transactional handler are there once: %s', async (kind) => {
    const fault = failAt(app.context, 'after-commit', { consumerName: `${kind} ${name}` });
    const { outboxEventId } = await app.api.publishEvent(event(kind));
    await fault.reached;
    await app.processor.drain();
    expect(await effectsOf(`${kind} ${name}`)).toBe(1);
    expect(await app.inbox.isProcessed(outboxEventId, `${kind} ${name}`)).toBe(true);
  });

  it('a handler that swallows an error of the database is not processed', async () => {
    const { outboxEventId } = await app.api.publishEvent(event('swallowing'));
    const consumerName = `swallowing ${name}`;
    await app.processor.drain();
    for (;;) {
      const dead = await app.inbox.findDeadLetters({ consumerName });
      if (dead.some((each) => each.outboxEventId === outboxEventId)) break;
      await app.processor.drain();
    }
    expect(await effectsOf(consumerName)).toBe(0);
  });

  it('a connection that the server ends in a handler counts no attempt', async () => {
    const { outboxEventId } = await app.api.publishEvent(event('cut'));
    for (;;) {
      await app.processor.drain();
      if (await app.inbox.isProcessed(outboxEventId, `cut ${name}`)) break;
    }
    expect(await effectsOf(`cut ${name}`)).toBe(1);
  });

  it('the root, a transaction that has ended, and a foreign one are refused', async () => {
    const ended: object[] = [];
    const end = async (tx: object) => {
      ended.push(tx);
    };
    await app.api.transaction(end);
    // The engine did not begin this one, and postgres.js does not tell that it has ended.
    const tells = !name.endsWith('postgres.js');
    if (tells) await library.transaction(end);
    const code = (persistenceClient: object) =>
      app.api.publishEvent(event('kept'), { persistenceClient: persistenceClient as Tx }).then(
        () => 'published',
        (error: { code: string; message: string }) => error,
      );
    expect(await code(library.root)).toMatchObject({ code: 'INTEGRATION_CLIENT_IS_ROOT' });
    for (const each of ended) expect(await code(each)).toMatchObject({ code: 'INTEGRATION_CLIENT_INVALID' });
    expect(ended).toHaveLength(tells ? 2 : 1);
    expect(await code({ query() {} })).toMatchObject({
      code: 'INTEGRATION_CLIENT_INVALID',
      message: expect.stringContaining(library.adapter.words?.transaction ?? ''),
    });
    const other = await open(`${database.url}?application_name=other`, 1);
    try {
      if (name !== 'node-postgres')
        await other.transaction(async (tx) =>
          expect(await code(tx)).toMatchObject({ code: 'INTEGRATION_CLIENT_INVALID' }),
        );
    } finally {
      await other.close();
    }
  });

  it('a transaction that has ended publishes nothing in the next one on its connection', async () => {
    const single = await open(database.url, 1);
    const own = await startApp(database, [], { client: single.adapter, role: 'publisher' });
    try {
      let ended = {} as Tx;
      await own.api.transaction(async (tx) => {
        ended = tx;
      });
      const published = single.transaction(() =>
        own.api.publishEvent(event('kept'), { persistenceClient: ended }),
      );
      await expect(published).rejects.toMatchObject({ code: 'INTEGRATION_CLIENT_INVALID' });
    } finally {
      await own.close();
      await single.close();
    }
  });

  it('an event of a savepoint that is rolled back is gone, and the outer one stays', async () => {
    let inner = '';
    const outer = await library.transaction(async (tx) => {
      const first = await app.api.publishEvent(event('kept'), { persistenceClient: tx as Tx });
      await library
        .savepoint(tx, async (nested) => {
          inner = (await app.api.publishEvent(event('kept'), { persistenceClient: nested as Tx }))
            .outboxEventId;
          throw FAILURE;
        })
        .catch((error) => {
          if (error !== FAILURE) throw error;
        });
      return first.outboxEventId;
    });
    expect(await stored(inner)).toBeUndefined();
    expect(await stored(outer)).toBeDefined();
  });
});
