import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  type DomainEvent,
  type IntegrationModuleOptions,
  OutboxNotifier,
  PgSqlClient,
  type SqlClient,
  type SubscriberContext,
  type TransactionalSqlClient,
} from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { effectsOf, transactionOf, writeEffect, writeEffectBySql } from '../support/effects.js';
import { gate } from '../support/gate.js';
import { inboxRows, unreadOf } from '../support/inbox-rows.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilConsumerSettled } from '../support/until-settled.js';

type Handle = (event: DomainEvent, context: SubscriberContext) => unknown;

let database: TestDatabase;
const apps: TestApp[] = [];
const proxies: TcpProxy[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
});
/** Connections of a test's own. */
const listeners: pg.Client[] = [];
afterEach(async () => {
  await Promise.all([...proxies.splice(0), ...apps.splice(0)].map((opened) => opened.close()));
  await Promise.all(listeners.splice(0).map((listener) => listener.end()));
  silenceLog();
});
afterAll(() => database.drop());

async function openProxy(): Promise<TcpProxy> {
  const proxy = await startTcpProxy(database.url);
  proxies.push(proxy);
  return proxy;
}

/** One application with one transactional consumer of one event name of its own. Resolves to it and the attempts it makes. */
async function consume(
  name: string,
  handle: Handle,
  options: IntegrationModuleOptions & { timeoutMs?: number } = {},
): Promise<{ app: TestApp; attempts: Recorder<number> }> {
  const attempts = new Recorder<number>();
  const { timeoutMs, ...moduleOptions } = options;
  const app = await startApp(
    database,
    [
      {
        eventName: name,
        consumerName: name,
        transactional: true,
        timeoutMs,
        handler: async (event: DomainEvent, context: SubscriberContext) => {
          attempts.record(context.attempt);
          await handle(event, context);
        },
      },
    ],
    moduleOptions,
  );
  apps.push(app);
  return { app, attempts };
}

const event = (eventName: string, aggregateId = 'a') => ({
  eventName,
  sourceModule: 'test',
  aggregateType: 'thing',
  aggregateId,
});

const untilSettled = (name: string) => untilConsumerSettled(database, name);

/** Resolves when a backend of this database waits for a row that another transaction holds. */
const untilSomebodyWaitsForARow = () =>
  until('somebody waits for a row', async () => {
    const { rowCount } = await database.pool.query(
      `SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'transactionid'`,
    );
    return rowCount === 1;
  });

/** The transactions that wait for a row of another's. */
async function waitingForARow(): Promise<string[]> {
  const { rows } = await database.pool.query<{ transaction: string }>(
    `SELECT pid || ' ' || xact_start AS transaction FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event = 'transactionid'`,
  );
  return rows.map((row) => row.transaction);
}

/** While `fn` runs, a transaction that is rolled back afterwards holds the inbox row of an event that is to be published. */
async function whileHeld(consumer: string, id: string, fn: () => Promise<void>): Promise<void> {
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  try {
    await holder.query('BEGIN');
    await writeRow(holder, consumer, id);
    await fn();
  } finally {
    await holder.end();
  }
}

const writeRow = (client: pg.Client | pg.Pool, consumer: string, id: string) =>
  client.query(
    `INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
     VALUES ($1, 1, $2, 'thing', 'a', 'processed')`,
    [id, consumer],
  );

/** Resolves when that transaction does not wait any more and another one does. */
const untilAnotherWaits = (former: string | undefined) =>
  until('another attempt waits for the row', async () => {
    const [waiting] = await waitingForARow();
    return waiting !== undefined && waiting !== former;
  });

describe('the effects of a transactional handler', () => {
  it('are there once, with no row left in the inbox', async () => {
    const { app } = await consume('plain', (e, context) => writeEffect('plain', e, context));
    await app.api.publishEvents([event('plain', 'a'), event('plain', 'a'), event('plain', 'b')]);
    await untilSettled('plain');
    expect(await effectsOf(database, 'plain')).toEqual(['attempt 1', 'attempt 1', 'attempt 1']);
    expect(await inboxRows(database, 'plain')).toEqual([]);
  });

  it('vanish with an attempt that fails after writing, and are there once after the one that succeeds', async () => {
    const { app } = await consume('fails', async (e, context) => {
      await writeEffect('fails', e, context);
      if (context.attempt < 3) throw new Error('after writing');
    });
    await app.api.publishEvent(event('fails'));
    await untilSettled('fails');
    expect(await effectsOf(database, 'fails')).toEqual(['attempt 3']);
    expect(await inboxRows(database, 'fails')).toMatchObject([{ status: 'processed', attempts: 3 }]);
  });

  it.each([
    { host: 'no client', name: 'swallows', clientOf: () => undefined },
    { host: 'Prisma', name: 'swallows-prisma', clientOf: () => database.prisma() },
  ])(
    'are not lost where a handler swallows an error of the database ($host): that attempt has failed',
    async ({ name, clientOf }) => {
      const handle: Handle = async (e, context) => {
        await writeEffectBySql(name, e, context);
        if (context.attempt < 3)
          await transactionOf(context)
            .$executeRawUnsafe('SELECT 1 / 0')
            .catch(() => {});
      };
      const { app, attempts } = await consume(name, handle, { client: clientOf() });
      await app.api.publishEvent(event(name));
      await untilSettled(name);
      expect(attempts.all).toEqual([1, 2, 3]);
      expect(await effectsOf(database, name)).toEqual(['attempt 3']);
    },
  );

  it('are there once where the process forgets everything between the commit and the save', async () => {
    const committed = new pg.Client({ connectionString: database.url });
    listeners.push(committed);
    await committed.connect();
    await committed.query('LISTEN committed');
    const notified = new Promise((resolve) => committed.once('notification', resolve));
    const { app, attempts } = await consume(
      'cut',
      async (e, context) => {
        await writeEffect('cut', e, context);
        await transactionOf(context).$queryRawUnsafe(`SELECT pg_notify('committed', '')::text`);
      },
      // The save comes a second after the commit.
      { settings: { flushIntervalMs: 1_000 } },
    );
    await app.api.publishEvent(event('cut'));
    await notified;
    const before = await unreadOf(database, 'cut');
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'nestjs-integration%' AND datname = current_database()`,
    );
    expect(await unreadOf(database, 'cut')).toBe(before);
    await untilSettled('cut');
    expect(await effectsOf(database, 'cut')).toEqual(['attempt 1']);
    expect(attempts.all).toEqual([1]);
  });

  it('are there once where the answer to the commit is lost, at the first attempt and at a later one', async () => {
    const proxy = await openProxy();
    const { app, attempts } = await consume(
      'unanswered',
      async (e, context) => {
        await writeEffect('unanswered', e, context);
        if (e.aggregateId === 'later' && context.attempt === 1) throw new Error('the first fails');
        lost.push(proxy.loseAnswerTo('COMMIT'));
      },
      {
        client: database.prisma({ url: proxy.url }),
        settings: { retryBaseDelayMs: 500, retryMaxDelayMs: 500 },
      },
    );
    const lost: Promise<void>[] = [];
    for (const id of ['first', 'later']) {
      await database.pool.query(
        `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id) VALUES ('unanswered', 'test', 'thing', $1)`,
        [id],
      );
      app.context.get(OutboxNotifier).notify();
      await untilSettled('unanswered');
    }
    await Promise.all(lost);
    expect(attempts.all).toEqual([1, 1, 2]);
    expect(await effectsOf(database, 'unanswered')).toEqual(['attempt 1', 'attempt 2']);
  });

  it('are there once where the commit takes longer than the deadline, at the first attempt and at a later one', async () => {
    await database.pool.query(`
      CREATE FUNCTION slow_commit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.6); RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON effect DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW WHEN (NEW.consumer = 'late') EXECUTE FUNCTION slow_commit();`);
    const { app, attempts } = await consume(
      'late',
      async (e, context) => {
        if (e.aggregateId === 'later' && context.attempt === 1) throw new Error('the first fails');
        await writeEffect('late', e, context);
      },
      { timeoutMs: 400 },
    );
    await app.api.publishEvents([event('late', 'first'), event('late', 'later')]);
    await untilSettled('late');
    // Nothing is held up behind them.
    await app.api.publishEvents([event('late', 'first'), event('late', 'later')]);
    await untilSettled('late');
    expect((await effectsOf(database, 'late')).length).toBe(4);
    expect(attempts.all.length).toBeGreaterThanOrEqual(5);
  });

  it.each([
    { host: 'Prisma', name: 'longest', clientOf: () => database.prisma() },
    { host: 'no client', name: 'longest-engine', clientOf: () => undefined },
  ])('are there once where it may take as long as can be said ($host)', async ({ name, clientOf }) => {
    const handle: Handle = (e, context) => writeEffectBySql(name, e, context);
    const { app } = await consume(name, handle, { client: clientOf(), timeoutMs: 2_147_483_647 });
    await app.api.publishEvent(event(name));
    await untilSettled(name);
    expect(await effectsOf(database, name)).toEqual(['attempt 1']);
  });

  it('of a handler that hangs are ended by the server soon after its deadline, and the next attempt succeeds', async () => {
    const { app } = await consume(
      'hangs',
      async (e, context) => {
        await writeEffect('hangs', e, context);
        if (context.attempt === 1) await new Promise(() => {});
      },
      // Long enough for the second attempt, also on a busy machine.
      { timeoutMs: 1_500 },
    );
    await app.api.publishEvent(event('hangs'));
    await untilSettled('hangs');
    expect(await effectsOf(database, 'hangs')).toEqual(['attempt 2']);
    expect(await inboxRows(database, 'hangs')).toMatchObject([
      { status: 'processed', attempts: 2, error: expect.stringContaining('did not finish') },
    ]);
  });
});

describe('the effects of many events that waited behind one', () => {
  it('are there once each and in order, while the engine’s connections are cut', async () => {
    const done = new Recorder<number>();
    const { app } = await consume('queue', async (e, context) => {
      const { n } = e.payload as { n: number };
      if (n === 1 && context.attempt === 1) throw new Error('the first fails');
      await transactionOf(context).effect.create({
        data: { consumer: 'queue', eventId: e.outboxEventId, note: String(n) },
      });
      done.record(n);
    });
    const numbers = Array.from({ length: 250 }, (_, i) => i + 1);
    await app.api.publishEvents(numbers.map((n) => ({ ...event('queue'), payload: { n } })));
    for (const reached of [20, 120, 200]) {
      await done.first(reached);
      await database.pool.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'nestjs-integration%' AND datname = current_database()`,
      );
    }
    await untilSettled('queue');
    expect(await effectsOf(database, 'queue')).toEqual(numbers.map(String));
  });
});

describe('when another owner takes over from one that is stalled', () => {
  /**
   * Two processes with one consumer. The first, with `firstHandle`, has it; its engine's connections stand still on demand, its
   * host's client is not concerned.
   */
  async function twoOwners(
    name: string,
    firstHandle: Handle,
    options: IntegrationModuleOptions & { timeoutMs?: number } = {},
  ) {
    const proxy = await openProxy();
    const settings = { processingLeaseMs: 2_000 };
    const first = await consume(name, firstHandle, { ...options, connectionString: proxy.url, settings });
    await untilLeased(name);
    const { timeoutMs } = options;
    const ordinary: Handle = (e, context) => writeEffect(name, e, context);
    const second = await consume(name, ordinary, {
      settings,
      ...(timeoutMs === undefined ? {} : { timeoutMs }),
    });
    return { first, second, stallFirst: () => proxy.freeze() };
  }

  /** The transaction as it is in a process that stands still: the engine's abort of a late one never comes. */
  const withoutAbort = <Client extends SqlClient>(client: Client): Client =>
    new Proxy(client, {
      get(target, key) {
        const value: unknown = Reflect.get(target, key);
        if (key !== '$executeRawUnsafe') return typeof value === 'function' ? value.bind(target) : value;
        return (sql: string, ...values: unknown[]) =>
          sql.startsWith('DO ') ? new Promise(() => {}) : target.$executeRawUnsafe(sql, ...values);
      },
    });

  /** The first owner's consumer is leased before the second is there. */
  const untilLeased = (name: string) =>
    until(`${name} is leased`, async () => {
      const { rows } = await database.pool.query<{ leased: boolean }>(
        'SELECT lease_owner IS NOT NULL AS leased FROM integration.inbox_cursor WHERE consumer_name = $1',
        [name],
      );
      return rows[0]?.leased;
    });

  async function publish(name: string): Promise<void> {
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id) VALUES ($1, 'test', 'thing', 'a')`,
      [name],
    );
  }

  it('in its handler, and goes on later: it still holds the row, and the other one finds the effects', async () => {
    const stall = gate();
    const { first, second, stallFirst } = await twoOwners('goes-on', async (e, context) => {
      await writeEffect('goes-on', e, context);
      await stall.opened;
    });
    await publish('goes-on');
    await first.attempts.first(1);
    stallFirst();
    await untilSomebodyWaitsForARow();
    stall.open();
    await untilSettled('goes-on');
    expect(await effectsOf(database, 'goes-on')).toEqual(['attempt 1']);
    expect(second.attempts.all).toEqual([]);
  });

  it('in its handler, for good: the server ends its transaction, and the other one is held up no longer than that', async () => {
    const prisma = database.prisma();
    const { first, second, stallFirst } = await twoOwners(
      'for-good',
      async (e, context) => {
        await writeEffect('for-good', e, context);
        await new Promise(() => {});
      },
      {
        timeoutMs: 5_000,
        // In a stopped process the client's own timeout does not fire either, and nothing aborts the transaction.
        client: {
          $queryRawUnsafe: (sql, ...values) => prisma.$queryRawUnsafe(sql, ...values),
          $executeRawUnsafe: (sql, ...values) => prisma.$executeRawUnsafe(sql, ...values),
          $transaction: (fn, options) =>
            prisma.$transaction((tx) => fn(withoutAbort(tx)), { ...options, timeout: 120_000 }),
        },
      },
    );
    await publish('for-good');
    await first.attempts.first(1);
    const began = performance.now();
    stallFirst();
    await untilSomebodyWaitsForARow();
    await second.attempts.first(1);
    // The client's own timeout is two minutes.
    expect(performance.now() - began).toBeLessThan(30_000);
    await untilSettled('for-good');
    expect(await effectsOf(database, 'for-good')).toEqual(['attempt 1']);
  });

  it.each([
    { host: 'Prisma', name: 'before', clientOf: () => database.prisma() },
    { host: 'no client', name: 'before-engine', clientOf: () => database.engine().openClient() },
  ])(
    'before its transaction began ($host): it finds its lease lost, and its handler is not called',
    async ({ name, clientOf }) => {
      const [asked, stall, ended] = [gate(), gate(), gate()];
      let stands = false;
      const hosts: TransactionalSqlClient = clientOf();
      const client: TransactionalSqlClient = {
        $queryRawUnsafe: (sql, ...values) => hosts.$queryRawUnsafe(sql, ...values),
        $executeRawUnsafe: (sql, ...values) => hosts.$executeRawUnsafe(sql, ...values),
        $transaction: async (fn, options) => {
          if (!stands) return hosts.$transaction(fn, options);
          asked.open();
          await stall.opened;
          return hosts.$transaction(fn, options).finally(() => ended.open());
        },
      };
      const { first, second, stallFirst } = await twoOwners(
        name,
        (e, context) => writeEffectBySql(name, e, context),
        { client },
      );
      // The boot asks the client in a transaction, too: it is the handler's that stands still.
      stands = true;
      await publish(name);
      await asked.opened;
      stallFirst();
      // The second owner has saved by then, and cleaned its row up: nothing but the token tells.
      await untilSettled(name);
      expect(await inboxRows(database, name)).toEqual([]);
      stall.open();
      await ended.opened;
      expect(first.attempts.all).toEqual([]);
      expect(second.attempts.all).toEqual([1]);
      expect(await effectsOf(database, name)).toEqual(['attempt 1']);
    },
  );

  it('with its transaction open and no row yet: having written one it still asks for the token, and finds it lost', async () => {
    const [asked, stall, ended] = [gate(), gate(), gate()];
    const prisma = database.prisma();
    const client: TransactionalSqlClient = {
      $queryRawUnsafe: (sql, ...values) => prisma.$queryRawUnsafe(sql, ...values),
      $executeRawUnsafe: (sql, ...values) => prisma.$executeRawUnsafe(sql, ...values),
      $transaction: async (fn, options) => {
        let isOfTheHandler = false;
        const transaction = prisma.$transaction(
          (tx) =>
            fn({
              $queryRawUnsafe: async (sql, ...values) => {
                if (/INSERT INTO "integration".inbox_event/.test(sql)) {
                  isOfTheHandler = true;
                  asked.open();
                  await stall.opened;
                }
                return tx.$queryRawUnsafe(sql, ...values);
              },
              $executeRawUnsafe: (sql, ...values) => tx.$executeRawUnsafe(sql, ...values),
            }),
          options,
        );
        return transaction.finally(() => isOfTheHandler && ended.open());
      },
    };
    const ran = new Recorder<string>();
    const { second, stallFirst } = await twoOwners('between', () => ran.record('the stalled one'), {
      client,
    });
    await publish('between');
    await asked.opened;
    stallFirst();
    // Saved and cleaned up by the second owner: its row does not stand in the way any more.
    await untilSettled('between');
    expect(await inboxRows(database, 'between')).toEqual([]);
    stall.open();
    await ended.opened;
    expect(ran.all).toEqual([]);
    expect(second.attempts.all).toEqual([1]);
    expect(await inboxRows(database, 'between')).toEqual([]);
  });
});

describe('without a client of the host, the handler of an event that nobody has begun yet', () => {
  const WITHOUT_CLIENT: IntegrationModuleOptions = { client: undefined };

  /** All of its pool's connections have prepared what they begin with by then. */
  const warmUp = async (app: TestApp, name: string) => {
    await app.api.publishEvents(Array.from({ length: 40 }, (_, i) => event(name, `warm ${i}`)));
    await untilSettled(name);
    await database.pool.query('DELETE FROM effect WHERE consumer = $1', [name]);
  };

  it('is called while its inbox row is not in yet, at its first attempt', async () => {
    const id = randomUUID();
    const attempts = new Recorder<number>();
    const { app } = await consume(
      'ahead',
      async (e, context) => {
        // Those that warm up may be slower than the deadline, and called again.
        if (e.outboxEventId === id) attempts.record(context.attempt);
        await writeEffectBySql('ahead', e, context);
      },
      { ...WITHOUT_CLIENT, timeoutMs: 1_000 },
    );
    await warmUp(app, 'ahead');
    await whileHeld('ahead', id, async () => {
      await app.api.publishEvent({ ...event('ahead'), id });
      await untilSomebodyWaitsForARow();
      expect(attempts.all).toEqual([1]);
      const [first] = await waitingForARow();
      await untilAnotherWaits(first);
      expect(attempts.all).toEqual([1]);
    });
    await untilSettled('ahead');
    expect(attempts.all).toEqual([1, 1]);
    expect(await effectsOf(database, 'ahead')).toEqual(['attempt 1']);
  });

  it('is called no sooner where another owner may have begun it', async () => {
    const handle: Handle = (e, context) => writeEffectBySql('behind', e, context);
    const former = await consume('behind', handle, WITHOUT_CLIENT);
    await warmUp(former.app, 'behind');
    await former.app.close();
    const { app, attempts } = await consume('behind', handle, WITHOUT_CLIENT);
    const id = randomUUID();
    await whileHeld('behind', id, async () => {
      await app.api.publishEvent({ ...event('behind'), id });
      await untilSomebodyWaitsForARow();
      expect(attempts.all).toEqual([]);
    });
    await untilSettled('behind');
    expect(await effectsOf(database, 'behind')).toEqual(['attempt 1']);
  });

  it.each([{ how: 'writes' }, { how: 'fails' }])(
    'leaves no effect, and no attempt, where its inbox row is there all the same and it $how',
    async ({ how }) => {
      const name = `there-and-${how}`;
      const id = randomUUID();
      const { app, attempts } = await consume(
        name,
        async (e, context) => {
          if (how === 'fails' && e.outboxEventId === id) throw new Error('it is there');
          await writeEffectBySql(name, e, context);
        },
        WITHOUT_CLIENT,
      );
      await writeRow(database.pool, name, id);
      await app.api.publishEvents([{ ...event(name), id }, event(name, 'b')]);
      await untilSettled(name);
      expect(attempts.all).toEqual([1, 1]);
      expect(await effectsOf(database, name)).toEqual(['attempt 1']);
      expect((await inboxRows(database, name)).filter(({ status }) => status !== 'processed')).toEqual([]);
    },
  );

  it.each([
    { name: 'cancelled', how: 'writes' },
    { name: 'cancelled-and-fails', how: 'fails for a reason of its own' },
  ])('is not to blame where its transaction cannot be entered and it $how', async ({ name, how }) => {
    const id = randomUUID();
    let runs = 0;
    const { app, attempts } = await consume(
      name,
      async (e, context) => {
        if (e.outboxEventId === id && ++runs === 1 && how !== 'writes')
          throw Object.assign(new Error('it is elsewhere already'), { code: '23505' });
        await writeEffectBySql(name, e, context);
      },
      WITHOUT_CLIENT,
    );
    await warmUp(app, name);
    await whileHeld(name, id, async () => {
      await app.api.publishEvent({ ...event(name), id });
      await untilSomebodyWaitsForARow();
      const [waiting] = await waitingForARow();
      await database.pool.query('SELECT pg_cancel_backend($1::int)', [waiting?.split(' ')[0]]);
      await untilAnotherWaits(waiting);
    });
    await untilSettled(name);
    expect(attempts.all).toEqual(Array.from({ length: 42 }, () => 1));
    expect(await effectsOf(database, name)).toEqual(['attempt 1']);
  });

  it.each([{ how: 'writes' }, { how: 'fails' }])(
    'leaves no effect, and no attempt, where the lease was lost meanwhile and it $how',
    async ({ how }) => {
      const name = `lost-and-${how}`;
      const { app, attempts } = await consume(
        name,
        async (e, context) => {
          if (how === 'fails' && attempts.all.length === 41) throw new Error('somebody else does it');
          await writeEffectBySql(name, e, context);
        },
        WITHOUT_CLIENT,
      );
      await warmUp(app, name);
      const id = randomUUID();
      await whileHeld(name, id, async () => {
        await app.api.publishEvent({ ...event(name), id });
        await untilSomebodyWaitsForARow();
        expect(attempts.all).toHaveLength(41);
        await database.pool.query(
          `UPDATE integration.inbox_cursor SET lease_token = gen_random_uuid(), lease_owner = gen_random_uuid(),
             lease_expires_at = clock_timestamp() + interval '1 second' WHERE consumer_name = $1`,
          [name],
        );
      });
      await untilSettled(name);
      expect(await effectsOf(database, name)).toEqual(['attempt 1']);
      expect(attempts.all).toHaveLength(42);
    },
  );
});

describe('a failure of the infrastructure counts no attempt', () => {
  it('a client that opens repeatable read is told so, and its events are run once it does not', async () => {
    const lines = hearLog();
    let isolationLevel: 'RepeatableRead' | 'ReadCommitted' = 'RepeatableRead';
    const prisma = database.prisma();
    const client: TransactionalSqlClient = {
      $queryRawUnsafe: (sql, ...values) => prisma.$queryRawUnsafe(sql, ...values),
      $executeRawUnsafe: (sql, ...values) => prisma.$executeRawUnsafe(sql, ...values),
      $transaction: (fn) => prisma.$transaction(fn, { isolationLevel }),
    };
    const { app, attempts } = await consume('isolated', (e, context) => writeEffect('isolated', e, context), {
      client,
    });
    await app.api.publishEvent(event('isolated'));
    await lines.saying('READ COMMITTED is needed');
    expect(attempts.all).toEqual([]);
    isolationLevel = 'ReadCommitted';
    await untilSettled('isolated');
    expect(attempts.all).toEqual([1]);
    expect(await inboxRows(database, 'isolated')).toEqual([]);
  });

  it.each([
    { host: 'no client', name: 'held', clientOf: () => undefined },
    { host: 'Prisma', name: 'held-prisma', clientOf: () => database.prisma() },
  ])(
    'a row that somebody holds uncommitted is waited for no longer than the handler may take ($host)',
    async ({ name, clientOf }) => {
      const id = randomUUID();
      const lines = hearLog();
      const { app, attempts } = await consume(name, (e, context) => writeEffectBySql(name, e, context), {
        client: clientOf(),
        timeoutMs: 1_500,
      });
      await whileHeld(name, id, async () => {
        await app.api.publishEvent({ ...event(name), id });
        const [waiter] = await until('somebody waits for the row', async () => {
          const waiting = await waitingForARow();
          return waiting.length > 0 && waiting;
        });
        await until(
          'it does not wait any more',
          async () => !(await waitingForARow()).includes(waiter ?? ''),
        );
      });
      await untilSettled(name);
      expect(lines.texts('warn').filter((message) => !message.includes('no attempt is counted'))).toEqual([]);
      // It may have been called ahead of its row: that is no attempt either.
      expect(new Set(attempts.all)).toEqual(new Set([1]));
      expect(await effectsOf(database, name)).toEqual(['attempt 1']);
    },
  );

  /** A host's client over node-postgres, with a connection for each transaction. */
  function overPg(): TransactionalSqlClient {
    const prisma = database.prisma();
    return {
      $queryRawUnsafe: (sql, ...values) => prisma.$queryRawUnsafe(sql, ...values),
      $executeRawUnsafe: (sql, ...values) => prisma.$executeRawUnsafe(sql, ...values),
      $transaction: async (fn) => {
        const client = new pg.Client({ connectionString: database.url });
        client.on('error', () => {});
        await client.connect();
        try {
          await client.query('BEGIN');
          const result = await fn(new PgSqlClient(client));
          await client.query('COMMIT');
          return result;
        } finally {
          await client.end();
        }
      },
    };
  }

  /** The session of the handler's transaction is ended, and its client has heard of it before anybody asks it again. */
  async function cutOff(context: SubscriberContext): Promise<void> {
    const [session] = await transactionOf(context).$queryRawUnsafe<{ pid: number }[]>(
      'SELECT pg_backend_pid() AS pid',
    );
    // It answers when the session is gone.
    await database.pool.query('SELECT pg_terminate_backend($1::int, 5000)', [session?.pid]);
    // What its socket has is read by the time that these answers are.
    for (let turn = 0; turn < 2; turn++) await database.pool.query('SELECT 1');
  }

  const hosts = [
    { host: 'no client', clientOf: () => undefined },
    { host: 'Prisma', clientOf: () => database.prisma() },
    { host: 'node-postgres', clientOf: () => overPg() },
  ];
  it.each(
    hosts.flatMap((host) =>
      ['fails at its next statement', 'ends', 'fails for its own reason'].map((how) => ({ ...host, how })),
    ),
  )(
    'a handler whose session was ended while it did something else, and that $how then ($host)',
    async ({ host, how, clientOf }) => {
      const name = `${host} ${how}`;
      const { app, attempts } = await consume(
        name,
        async (e, context) => {
          if (attempts.all.length > 1) return writeEffectBySql(name, e, context);
          await cutOff(context);
          if (how === 'fails for its own reason') throw new Error('the order could not be stored');
          if (how !== 'ends') await writeEffectBySql(name, e, context);
        },
        { client: clientOf() },
      );
      await app.api.publishEvent(event(name));
      await untilSettled(name);
      expect(attempts.all).toEqual([1, 1]);
      expect(await effectsOf(database, name)).toEqual(['attempt 1']);
      expect(await inboxRows(database, name)).toEqual([]);
    },
  );

  it('a host whose pool is exhausted gets its events once there is a connection', async () => {
    const lines = hearLog();
    const client = database.prisma({ max: 1 });
    const busy = gate();
    const { app, attempts } = await consume(
      'exhausted',
      (e, context) => writeEffect('exhausted', e, context),
      {
        client,
        timeoutMs: 1_000,
      },
    );
    const occupied = gate();
    const holding = client.$transaction(
      async (tx) => {
        await tx.$queryRawUnsafe('SELECT 1');
        occupied.open();
        await busy.opened;
      },
      { timeout: 60_000 },
    );
    await occupied.opened;
    await database.pool.query(
      `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id)
       SELECT 'exhausted', 'test', 'thing', 'a' || n FROM generate_series(1, 5) n`,
    );
    app.context.get(OutboxNotifier).notify();
    await until('there is a warning', async () => lines.texts('warn').length > 0);
    expect(lines.texts('warn').filter((message) => !message.includes('no attempt is counted'))).toEqual([]);
    busy.open();
    await holding;
    await untilSettled('exhausted');
    expect(await effectsOf(database, 'exhausted')).toEqual(Array(5).fill('attempt 1'));
    expect(new Set(attempts.all)).toEqual(new Set([1]));
    expect(await inboxRows(database, 'exhausted')).toEqual([]);
  });
});

describe('publishing inside a transactional handler', () => {
  it('is part of its transaction, and signalled after the commit', async () => {
    const { app } = await consume('upstream', async (_event, context) => {
      await app.api.publishEvent(
        { ...event('downstream'), payload: { attempt: context.attempt } },
        { persistenceClient: context.transaction },
      );
      if (context.attempt === 1) throw new Error('the first fails');
    });
    const signals = new Recorder<string>();
    const listening = app.context.get(OutboxNotifier).wakeups$.subscribe(async ({ source, eventNames }) => {
      if (eventNames?.includes('downstream')) signals.record(source);
    });
    await app.api.publishEvent(event('upstream'));
    expect(await signals.first(1)).toEqual(['commit']);
    const { items } = await app.outbox.findMany({ eventName: 'downstream' });
    expect(items.map((item) => item.payload)).toEqual([{ attempt: 2 }]);
    listening.unsubscribe();
  });

  it('throws where persistenceClient is forgotten', async () => {
    const { app } = await consume('forgetful', async () => {
      await app.api.publishEvent(event('lost'));
    });
    await app.api.publishEvent(event('forgetful'));
    await untilSettled('forgetful');
    expect(await inboxRows(database, 'forgetful')).toMatchObject([
      { status: 'dead_letter', error: expect.stringContaining('without persistenceClient') },
    ]);
    expect((await app.outbox.findMany({ eventName: 'lost' })).items).toEqual([]);
  });
});
