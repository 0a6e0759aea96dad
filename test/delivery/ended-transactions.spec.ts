import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DomainEvent, SubscriberContext, TransactionalSqlClient, Tx } from '../../src/index.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { effectsOf, transactionOf, writeEffectBySql } from '../support/effects.js';
import { hostClientOver, hostsOf, type PgHostClient } from '../support/host-clients.js';
import { inboxRows } from '../support/inbox-rows.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';

let database: TestDatabase;
let overPg: PgHostClient;
let app: TestApp | undefined;

beforeAll(async () => {
  database = await createTestDatabase();
  overPg = hostClientOver(database.url);
});
afterEach(async () => {
  await app?.close();
  app = undefined;
});
afterAll(async () => {
  await overPg.close();
  await database.drop();
});

const hosts = hostsOf(() => ({ database, overPg }));
const slug = (text: string) => text.replace(/[^a-z0-9]+/gi, '-').toLowerCase();

const event = (eventName: string, aggregateId = 'a') => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
});

type Run = (sql: string) => PromiseLike<unknown>;

/** A consumer that gives an event up after two attempts; its handler writes an effect, and then does this. */
async function play(
  name: string,
  client: TransactionalSqlClient | undefined,
  then: (run: Run, context: SubscriberContext) => Promise<unknown>,
): Promise<void> {
  app = await startApp(
    database,
    [
      {
        eventName: name,
        consumerName: name,
        transactional: true,
        retry: { maxAttempts: 2 },
        handler: async (e: DomainEvent, context: SubscriberContext) => {
          await writeEffectBySql(name, e, context);
          await then((sql) => transactionOf(context).$executeRawUnsafe(sql), context);
        },
      },
    ],
    { client },
  );
  await app.api.publishEvent(event(name));
  await untilConsumerSettled(database, name);
}

const failing = (run: Run) => Promise.resolve(run('SELECT 1 / 0')).catch(() => {});

describe('a transactional handler that rolls its transaction back itself', () => {
  const ways: { how: string; end: (run: Run) => Promise<unknown> }[] = [
    { how: 'ROLLBACK', end: async (run) => run('ROLLBACK') },
    { how: 'ROLLBACK AND CHAIN', end: async (run) => run('ROLLBACK AND CHAIN') },
    {
      how: 'ROLLBACK; BEGIN behind a savepoint',
      end: async (run) => {
        await run('SAVEPOINT mine');
        await run('ROLLBACK; BEGIN');
      },
    },
    {
      how: 'COMMIT of what had failed',
      end: async (run) => {
        await failing(run);
        await run('COMMIT');
      },
    },
  ];
  it.each(hosts.flatMap((host) => ways.map((way) => ({ ...host, ...way }))))(
    'has failed at each attempt, and is told why: $how ($host)',
    async ({ host, clientOf, how, end }) => {
      const name = slug(`${host} ${how}`);
      await play(name, clientOf(), end);
      expect(await inboxRows(database, name)).toMatchObject([
        {
          status: 'dead_letter',
          attempts: 2,
          error: expect.stringMatching(
            /was ended by one of its own statements, ROLLBACK\. .* is rolled back\./,
          ),
        },
      ]);
      expect(await effectsOf(database, name)).toEqual([]);
    },
  );
});

describe('a transactional handler that commits its transaction itself', () => {
  const ways: { how: string; end: (run: Run) => Promise<unknown> }[] = [
    { how: 'COMMIT', end: async (run) => run('COMMIT') },
    { how: 'COMMIT AND CHAIN', end: async (run) => run('COMMIT AND CHAIN') },
    { how: 'COMMIT; BEGIN', end: async (run) => run('COMMIT; BEGIN') },
    {
      how: 'COMMIT, and throws',
      end: async (run) => {
        await run('COMMIT');
        throw new Error('after its own commit');
      },
    },
    {
      how: 'COMMIT, and then a statement that fails',
      end: async (run) => {
        await run('COMMIT');
        await run('SELECT 1 / 0');
      },
    },
    { how: 'COMMIT with a failure in one message', end: async (run) => run('COMMIT; SELECT 1 / 0') },
  ];
  it.each(hosts.flatMap((host) => ways.map((way) => ({ ...host, ...way }))))(
    'has failed, is told that its effects stay, and is not run again: $how ($host)',
    async ({ host, clientOf, how, end }) => {
      const name = slug(`${host} ${how}`);
      await play(name, clientOf(), end);
      expect(await inboxRows(database, name)).toMatchObject([
        {
          status: 'dead_letter',
          attempts: 1,
          error: expect.stringMatching(/was ended by one of its own statements, COMMIT\. .* is committed/),
        },
      ]);
      expect(await effectsOf(database, name)).toEqual(['attempt 1']);
    },
  );

  it.each(hosts)('at an attempt of the retry loop ($host)', async ({ host, clientOf }) => {
    const name = slug(`${host} retried`);
    await play(name, clientOf(), async (run, { attempt }) => {
      if (attempt === 1) throw new Error('the first fails');
      await run('COMMIT');
    });
    // Until the attempt has ended the row says what the handler has committed.
    await until('it is a dead letter', async () => {
      const [row] = await inboxRows(database, name);
      return row?.status === 'dead_letter';
    });
    expect(await inboxRows(database, name)).toMatchObject([
      {
        status: 'dead_letter',
        attempts: 2,
        error: expect.stringContaining('one of its own statements, COMMIT'),
      },
    ]);
    expect(await effectsOf(database, name)).toEqual(['attempt 2']);
  });
});

describe('a transactional handler that goes back to a savepoint', () => {
  it.each(hosts)('has ended nothing ($host)', async ({ host, clientOf }) => {
    const name = slug(`${host} savepoint`);
    await play(name, clientOf(), async (run) => {
      await run('SAVEPOINT mine');
      await failing(run);
      await run('ROLLBACK TO SAVEPOINT mine');
      await run('ROLLBACK TO mine; SELECT 1');
      await run('RELEASE mine');
    });
    expect(await inboxRows(database, name)).toEqual([]);
    expect(await effectsOf(database, name)).toEqual(['attempt 1']);
  });

  it.each(hosts)(
    'and fails after that, has failed for its own reason ($host)',
    async ({ host, clientOf }) => {
      const name = slug(`${host} savepoint fails`);
      await play(name, clientOf(), async (run) => {
        await run('SAVEPOINT mine');
        await failing(run);
        await run('ROLLBACK TO SAVEPOINT mine');
        throw new Error('business rule');
      });
      expect(await inboxRows(database, name)).toMatchObject([
        { status: 'dead_letter', attempts: 2, error: 'Error: business rule' },
      ]);
    },
  );
});

describe('a transactional batch whose handler ends the transaction itself', () => {
  it.each(
    hosts.flatMap((host) =>
      ['ROLLBACK', 'ROLLBACK AND CHAIN', 'COMMIT; BEGIN'].map((how) => ({ ...host, how })),
    ),
  )(
    'settles nothing in another one: the event at fault is found ($how, $host)',
    async ({ host, clientOf, how }) => {
      const name = slug(`batch ${host} ${how}`);
      const definition: AnySubscriberDefinition = {
        eventName: name,
        consumerName: name,
        transactional: true,
        batch: { maxSize: 10 },
        concurrency: 1,
        retry: { maxAttempts: 2 },
        handler: async (events: DomainEvent[], context: SubscriberContext) => {
          for (const each of events) await writeEffectBySql(name, each, context);
          if (events.some(({ aggregateId }) => aggregateId === 'a3'))
            await transactionOf(context).$executeRawUnsafe(how);
        },
      };
      app = await startApp(database, [definition], { client: clientOf() });
      await app.api.publishEvents(Array.from({ length: 10 }, (_, i) => event(name, `a${i}`)));
      await untilConsumerSettled(database, name);
      expect(await inboxRows(database, name)).toMatchObject([
        {
          aggregateId: 'a3',
          status: 'dead_letter',
          error: expect.stringContaining('ended by one of its own statements'),
        },
      ]);
      // What a COMMIT has committed stays, and the others run once more.
      if (how !== 'COMMIT; BEGIN') expect(await effectsOf(database, name)).toHaveLength(9);
    },
  );
});

describe('integrationApi.transaction', () => {
  const clients = hosts.filter(({ host }) => host !== 'Prisma');
  const run = (tx: Tx, sql: string) => (tx as unknown as { $executeRawUnsafe: Run }).$executeRawUnsafe(sql);

  it.each(
    clients.flatMap((client) => ['COMMIT', 'ROLLBACK', 'COMMIT; BEGIN'].map((sql) => ({ ...client, sql }))),
  )('rejects where a statement of it is $sql ($host)', async ({ clientOf, sql }) => {
    app = await startApp(database, [], { client: clientOf() });
    const ended = app.api.transaction(async (tx) => run(tx, sql));
    await expect(ended).rejects.toMatchObject({
      code: 'INTEGRATION_TRANSACTION_ENDED',
      details: { endedBy: sql.split(';')[0] },
    });
    // Its connection is as good as new.
    await app.api.transaction(async (tx) => run(tx, 'SELECT 1'));
  });

  it('of the engine’s own client refuses what comes behind such a statement', async () => {
    app = await startApp(database, [], { client: undefined });
    const ended = app.api.transaction(async (tx) => {
      await run(tx, 'COMMIT');
      await run(tx, `INSERT INTO effect (consumer, event_id) VALUES ('late', 'late')`);
    });
    await expect(ended).rejects.toMatchObject({ code: 'INTEGRATION_TRANSACTION_ENDED' });
    expect(await effectsOf(database, 'late')).toEqual([]);
  });

  it.each(clients)('may go back to a savepoint ($host)', async ({ clientOf }) => {
    app = await startApp(database, [], { client: clientOf() });
    await app.api.transaction(async (tx) => {
      await run(tx, 'SAVEPOINT mine');
      await failing((sql) => run(tx, sql));
      await run(tx, 'ROLLBACK TO SAVEPOINT mine');
    });
  });
});
