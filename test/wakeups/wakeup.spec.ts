import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import pg from 'pg';
import { filter, firstValueFrom, take, toArray } from 'rxjs';
import { currentContext, runHandler } from '../../src/context/integration-context.js';
import type { Tx } from '../../src/database/clients/sql-client.js';
import { SILENT_AFTER_MS } from '../../src/database/wire/answer-within.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import type { Wakeup } from '../../src/wakeups/wakeup.js';
import type { PrismaClient } from '../generated/prisma/client.js';
import { startApp } from '../support/app.js';
import { Ear } from '../support/ear.js';
import { type OutboxRoom, openOutbox } from '../support/outbox-room.js';
import { Recorder } from '../support/recorder.js';
import { named, type StatementProxy, startStatementProxy } from '../support/statement-proxy.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { wireMessages } from '../support/wire-messages.js';

let database: TestDatabase;
let prisma: PrismaClient;
const rooms: OutboxRoom[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  prisma = database.prisma();
});
afterEach(() => closeRooms());
afterAll(() => database?.drop());

async function closeRooms(): Promise<void> {
  await Promise.all(rooms.splice(0).map((room) => room.close()));
}

/** One process's outbox. */
function openRoomAt(url: string): OutboxRoom {
  const room = openOutbox({ url, client: prisma });
  rooms.push(room);
  return room;
}

const openRoom = (url = database.url) => openRoomAt(url);

const EVENT = {
  eventName: 'invoice.created',
  sourceModule: 'finance',
  aggregateType: 'invoice',
  aggregateId: 'i-1',
};

/** The type of a protocol message that asks for an answer and nothing else. */
const SYNC = 'S';

function nextWakeup(room: OutboxRoom, source: Wakeup['source']): Promise<Wakeup> {
  return firstValueFrom(room.notifier.wakeups$.pipe(filter((wakeup) => wakeup.source === source)));
}

async function terminate(applicationName: string): Promise<void> {
  const { rows } = await database.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()`,
    [applicationName],
  );
  expect(rows.length).toBeGreaterThan(0);
}

/** So long others wait for a message that is sent for all of them. */
const REST_MS = 5;

/** A stream has begun when so many looks, one soon after another, have each found something. */
const IN_A_STREAM = 4;
/** The longest rest after a look in a stream that has only begun. */
const LONGEST_REST_MS = 12;
/** The age at which a publish is looked for first. */
const FIRST_AGE_MS = 2;

describe('the commit of a transaction of the host’s own', () => {
  const LOOK = named('integration_announce_visible');
  let wire: StatementProxy;

  beforeEach(async () => {
    wire = await startStatementProxy(database.url);
  });
  afterEach(async () => {
    await closeRooms();
    await wire.close();
  });

  const openRoom = () => openRoomAt(wire.url);
  const looks = () => wire.sentOf(LOOK).length;
  /** Resolves when the log has been searched `count` more times. */
  const moreLooks = (count: number) => wire.more(count, LOOK);

  it('is signalled once it is visible, and not before', async () => {
    const room = openRoom();
    const signal = nextWakeup(room, 'commit');
    await prisma.$transaction(async (tx) => {
      await room.publisher.publishEvents([EVENT, { ...EVENT, eventName: 'other' }], {
        persistenceClient: tx,
      });
      await moreLooks(4);
      expect(room.wakeups).toEqual([]);
    });
    expect(await signal).toEqual({ source: 'commit', eventNames: ['invoice.created', 'other'] });
    expect(room.prober.size).toBe(0);
  });

  it('is never signalled after a rollback, and given up after 30 seconds', async () => {
    const room = openRoom();
    await prisma
      .$transaction(async (tx) => {
        await room.publisher.publishEvent(EVENT, { persistenceClient: tx });
        throw new Error('rolled back');
      })
      .catch(() => {});
    await moreLooks(4);
    expect(room.prober.size).toBe(1);
    const started = performance.now();
    const later = jest.spyOn(performance, 'now').mockImplementation(() => started + 31_000);
    while (room.prober.size > 0) await new Promise((resolve) => setImmediate(resolve));
    later.mockRestore();
    expect(room.wakeups).toEqual([]);
  });

  it('is found with those of others in one query', async () => {
    const room = openRoom();
    const receipts = await room.publisher.publishEvents([EVENT, EVENT, { ...EVENT, eventName: 'other' }]);
    const before = looks();
    const signal = nextWakeup(room, 'commit');
    for (const [index, receipt] of receipts.entries()) room.prober.watch(receipt.position, [`name-${index}`]);
    expect(await signal).toEqual({ source: 'commit', eventNames: ['name-0', 'name-1', 'name-2'] });
    expect(looks() - before).toBe(1);
  });

  it('is looked for less often where one comes soon after another, several times', async () => {
    const room = openRoom();
    const published = await room.publisher.publishEvents(
      Array.from({ length: IN_A_STREAM + 1 }, () => EVENT),
    );
    // However busy this machine is, a look takes a millisecond by this clock, and nothing else takes any time.
    let clock = performance.now();
    const stoppedClock = jest.spyOn(performance, 'now').mockImplementation(() => clock);
    wire.sent.each((statement) => {
      if (LOOK(statement)) clock += 1;
    });
    let waitedSince = process.hrtime.bigint();
    for (const { position } of published) {
      const signal = nextWakeup(room, 'commit');
      waitedSince = process.hrtime.bigint();
      room.prober.watch(position, ['again']);
      clock += FIRST_AGE_MS;
      await signal;
    }
    const waitedMs = Number(process.hrtime.bigint() - waitedSince) / 1e6;
    stoppedClock.mockRestore();
    // A timer may fire a millisecond early.
    expect(waitedMs).toBeGreaterThan(LONGEST_REST_MS - 2);
  });

  it('is told to the other processes once, with the look that finds it', async () => {
    const ear = await Ear.open(database.url);
    const room = openRoom();
    room.broadcaster.start();
    const signal = nextWakeup(room, 'commit');
    await prisma.$transaction(async (tx) => {
      await room.publisher.publishEvent(EVENT, { persistenceClient: tx });
      await moreLooks(3);
    });
    await signal;
    await room.broadcaster.stop();
    await ear.close();
    expect(ear.heard.all).toHaveLength(1);
  });

  it('is found although the connection that looked for it was lost', async () => {
    const room = openRoom();
    const signal = nextWakeup(room, 'commit');
    await prisma.$transaction(async (tx) => {
      await room.publisher.publishEvent(EVENT, { persistenceClient: tx });
      await moreLooks(2);
      await terminate('nestjs-integration');
    });
    expect((await signal).source).toBe('commit');
  });

  it('costs nothing when nothing is outstanding', async () => {
    const room = openRoom();
    const signal = nextWakeup(room, 'commit');
    await prisma.$transaction((tx) => room.publisher.publishEvent(EVENT, { persistenceClient: tx }));
    await signal;
    await room.publisher.publishEvent(EVENT);
    await room.transactions.run((tx) => room.publisher.publishEvent(EVENT, { persistenceClient: tx }));
    const before = looks();
    await room.db.query('SELECT pg_sleep(0.1)');
    expect(looks()).toBe(before);
  });

  it('is not looked for after close', async () => {
    const room = openRoom();
    await prisma.$transaction(async (tx) => {
      await room.publisher.publishEvent(EVENT, { persistenceClient: tx });
      await room.prober.close();
      await room.publisher.publishEvent(EVENT, { persistenceClient: tx });
    });
    expect(room.prober.size).toBe(0);
  });
});

describe('the commit of a transaction of the engine’s own client', () => {
  /** Another process: what it hears, from whom, and how many events of the aggregate it sees at that moment. */
  let ear: pg.Client;
  let heard: Recorder<{ readonly pid: number; readonly events: number }>;
  let lastLook: Promise<unknown>;

  /** One look after another: node-postgres 9 refuses a statement while another one waits for its client. */
  function look(sql: string): Promise<pg.QueryResult> {
    const answer = lastLook.then(() => ear.query(sql));
    lastLook = answer.catch(() => {});
    return answer;
  }

  beforeEach(async () => {
    heard = new Recorder();
    lastLook = Promise.resolve();
    ear = new pg.Client({ connectionString: database.url });
    await ear.connect();
    ear.on('notification', async ({ processId: pid }) => {
      const { rows } = await look(
        `SELECT count(*)::int AS events FROM integration.outbox_event WHERE aggregate_id = 'behind'`,
      );
      heard.record({ pid, events: rows[0].events });
    });
    await look(
      `LISTEN integration_outbox; DELETE FROM integration.outbox_event WHERE aggregate_id = 'behind'`,
    );
  });
  afterEach(async () => {
    // What is heard from now on is nobody's; what was asked is answered before the connection ends.
    ear.removeAllListeners('notification');
    await look('SELECT 1');
    await ear.end();
  });

  /** Whatever was said until now. */
  async function allHeard(): Promise<void> {
    await look('SELECT 1');
    // What that brought is looked up before this.
    await look('SELECT 1');
  }

  function openOwnRoom(): OutboxRoom {
    const room = openOutbox({ url: database.url });
    rooms.push(room);
    room.broadcaster.start();
    return room;
  }

  /** Publishes in a transaction; resolves, after its commit, to the backend that it ran on. */
  function publish(
    room: OutboxRoom,
    also: (tx: Tx) => PromiseLike<unknown> = async () => {},
  ): Promise<number> {
    return room.transactions.run(async (tx) => {
      await room.publisher.publishEvent({ ...EVENT, aggregateId: 'behind' }, { persistenceClient: tx });
      await also(tx);
      const [session] = await tx.$queryRawUnsafe<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
      return session?.pid ?? 0;
    });
  }

  /** A table whose rows let their transaction wait at its COMMIT for as long as `holder` has the lock. */
  async function slowCommits(holder: pg.ClientBase): Promise<void> {
    await database.pool.query(`
      CREATE TABLE IF NOT EXISTS slow_commit (id int);
      CREATE OR REPLACE FUNCTION wait_at_commit() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_advisory_xact_lock(4711); RETURN NULL; END';
      DROP TRIGGER IF EXISTS slow ON slow_commit;
      CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON slow_commit DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION wait_at_commit()`);
    await holder.query('SELECT pg_advisory_lock(4711)');
  }

  const isCommitting = async () => {
    const { rows } = await database.pool.query(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COMMIT%' AND wait_event_type = 'Lock'`,
    );
    return rows.length > 0;
  };

  it('is told to the others by its own connection, once it is visible and once only', async () => {
    const room = openOwnRoom();
    const pid = await publish(room);
    expect(await heard.first(1)).toEqual([{ pid, events: 1 }]);
    expect(room.wakeups).toEqual([{ source: 'commit', eventNames: ['invoice.created'] }]);
    await room.close();
    await allHeard();
    expect(heard.all).toHaveLength(1);
  });

  it('is not told after a rollback', async () => {
    const room = openOwnRoom();
    const rolledBack = publish(room, async () => {
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    const pid = await publish(room);
    expect(await heard.first(1)).toEqual([{ pid, events: 1 }]);
  });

  it('that fails leaves its connection fit for the next one', async () => {
    const room = openOwnRoom();
    await database.pool.query('CREATE TABLE once (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)');
    const pids: number[] = [];
    const failed = publish(room, async (tx) => {
      const [session] = await tx.$queryRawUnsafe<{ pid: number }[]>('SELECT pg_backend_pid() AS pid');
      pids.push(session?.pid ?? 0);
      await tx.$executeRawUnsafe('INSERT INTO once VALUES (1), (1)');
    });
    await expect(failed).rejects.toThrow('once_id_key');
    pids.push(await publish(room));
    expect(pids[1]).toBe(pids[0]);
    expect(room.wakeups).toHaveLength(1);
    expect(await heard.find(({ events }) => events > 0)).toMatchObject({ events: 1 });
  });

  it('is told with others where many come at once', async () => {
    const room = openOwnRoom();
    const startedAt = performance.now();
    // Ten at a time, fewer than there are connections: on a busy machine others would wait too long for one.
    await Promise.all(
      Array.from({ length: 10 }, async () => {
        for (let n = 0; n < 10; n++) await publish(room);
      }),
    );
    const tookMs = performance.now() - startedAt;
    await room.close();
    await allHeard();
    expect(heard.all.at(-1)?.events).toBe(100);
    // Messages are five milliseconds apart. On a machine that needs much longer for the commits, each may have its own.
    expect(heard.all.length).toBeLessThanOrEqual(Math.max(50, tookMs / 4));
  });

  it('keeps no other one waiting, however long it takes', async () => {
    const room = openOwnRoom();
    const holder = await database.pool.connect();
    await slowCommits(holder);
    const slow = publish(room, (tx) => tx.$executeRawUnsafe('INSERT INTO slow_commit VALUES (1)'));
    while (!(await isCommitting())) await new Promise((resolve) => setImmediate(resolve));
    await publish(room);
    expect(await heard.first(1)).toMatchObject([{ events: 1 }]);
    await holder.query('SELECT pg_advisory_unlock(4711)');
    holder.release();
    await slow;
    expect((await heard.first(2)).at(-1)).toMatchObject({ events: 2 });
  });

  it('is told by another connection where its own is lost', async () => {
    const room = openOwnRoom();
    const holder = await database.pool.connect();
    await slowCommits(holder);
    const lost = publish(room, (tx) => tx.$executeRawUnsafe('INSERT INTO slow_commit VALUES (1)'));
    lost.catch(() => {});
    while (!(await isCommitting())) await new Promise((resolve) => setImmediate(resolve));
    await terminate('nestjs-integration client');
    await expect(lost).rejects.toThrow();
    await holder.query('SELECT pg_advisory_unlock(4711)');
    holder.release();
    expect(await heard.first(1)).toMatchObject([{ events: 0 }]);
  });

  it('goes on in nobody’s context', async () => {
    const room = openOwnRoom();
    const contexts = new Recorder<unknown>();
    const start = setTimeout;
    const timers = jest.spyOn(globalThis, 'setTimeout').mockImplementation(((fn: () => void, ms?: number) => {
      if (ms === REST_MS) contexts.record(currentContext());
      return start(fn, ms);
    }) as typeof setTimeout);
    await runHandler('c', undefined, () => publish(room), undefined, undefined);
    expect(await contexts.first(1)).toEqual([undefined]);
    timers.mockRestore();
    await heard.first(1);
  });
});

describe('a wake-up', () => {
  it('does not run its listeners in the publisher’s context', async () => {
    const room = openRoom();
    const contexts: unknown[] = [];
    room.notifier.wakeups$.subscribe(() => contexts.push(currentContext()));
    await runHandler(
      'c',
      undefined,
      async () => {
        await room.publisher.publishEvent(EVENT);
        room.notifier.notify();
      },
      undefined,
      undefined,
    );
    const signal = nextWakeup(room, 'commit');
    await runHandler(
      'c',
      undefined,
      () => prisma.$transaction((tx) => room.publisher.publishEvent(EVENT, { persistenceClient: tx })),
      undefined,
      undefined,
    );
    await signal;
    expect(contexts).toEqual([undefined, undefined, undefined]);
  });

  it('reaches other processes, and does not come back to its own', async () => {
    const [one, other] = [openRoom(), openRoom()];
    await Promise.all([one.listener.start(), other.listener.start()]);
    one.broadcaster.start();
    other.broadcaster.start();
    const heard = nextWakeup(other, 'listen');
    await one.publisher.publishEvent(EVENT);
    await heard;
    const answered = nextWakeup(one, 'listen');
    other.notifier.notify();
    await answered;
    expect(one.wakeups.map((wakeup) => wakeup.source)).toEqual(['publish', 'listen']);
    expect(other.wakeups.map((wakeup) => wakeup.source)).toEqual(['listen', 'manual']);
  });

  it('is answered by reading through the session that heard it', async () => {
    const handled = new Recorder<string>();
    const handler = ({ aggregateId }: { aggregateId: string }) => handled.record(aggregateId);
    const slowPolls = { pollingIntervalMs: 60_000, idlePollingIntervalMs: 60_000 };
    const app = await startApp(
      database,
      [{ consumerName: 'reader', eventName: 'order.placed', handler } as AnySubscriberDefinition],
      { settings: slowPolls },
    );
    await app.processor.drain();
    const room = openRoom();
    room.broadcaster.start();
    await room.publisher.publishEvent({ ...EVENT, eventName: 'order.placed', aggregateId: 'heard' });
    await handled.find((aggregateId) => aggregateId === 'heard');
    const { rows } = await database.pool.query(
      `SELECT query FROM pg_stat_activity WHERE application_name = 'nestjs-integration listen' AND datname = current_database()`,
    );
    await app.close();
    expect(rows).toEqual([{ query: expect.stringContaining('FROM unnest($1::int8multirange)') }]);
  });

  it('tells other processes whether rows of the inbox may be due as well', async () => {
    const [one, other] = [openRoom(), openRoom()];
    await other.listener.start();
    one.broadcaster.start();
    for (const say of [() => one.publisher.publishEvent(EVENT), () => one.notifier.notify()]) {
      const heard = nextWakeup(other, 'listen');
      await say();
      await heard;
    }
    expect(other.wakeups.map(({ concernsInbox }) => concernsInbox)).toEqual([false, true]);
  });

  it('is passed on at once, and a burst of them as one more', async () => {
    const ear = await Ear.open(database.url);
    const room = openRoom();
    room.broadcaster.start();
    for (let count = 0; count < 50; count++) room.notifier.notify('burst');
    await room.broadcaster.stop();
    await ear.close();
    expect(ear.heard.all).toHaveLength(2);
    expect(new Set(ear.heard.all.map(({ text }) => text)).size).toBe(1);
  });

  it('that cannot be passed on is forgotten', async () => {
    const room = openRoom();
    room.broadcaster.start();
    await room.db.close();
    room.notifier.notify();
    await room.broadcaster.stop();
    expect(room.wakeups).toEqual([{ source: 'manual', eventNames: undefined, concernsInbox: true }]);
  });
});

describe('listening', () => {
  /** Shorter than the default, so that a test waits for the thing itself. */
  const PING_MS = 200;

  it('notices by default within some seconds that its connection fell silent', () => {
    expect(openRoom().listener.pingIntervalMs + SILENT_AFTER_MS).toBeLessThan(15_000);
  });

  it('goes on after its connection was ended, beginning with a wake-up for what was missed', async () => {
    const [one, other] = [openRoom(), openRoom()];
    await one.listener.start();
    const caughtUp = nextWakeup(one, 'listen');
    await terminate('nestjs-integration listen');
    await caughtUp;
    const heard = nextWakeup(one, 'listen');
    other.broadcaster.start();
    await other.publisher.publishEvent(EVENT);
    await heard;
  });

  it('goes on after its connection fell silent', async () => {
    const proxy = await startTcpProxy(database.url);
    const one = openRoom(proxy.url);
    one.listener.pingIntervalMs = PING_MS;
    await one.listener.start();
    proxy.freeze();
    await nextWakeup(one, 'listen');
    const other = openRoom();
    const heard = nextWakeup(one, 'listen');
    other.broadcaster.start();
    await other.publisher.publishEvent(EVENT);
    await heard;
    await one.close();
    await proxy.close();
  });

  it('sends no statement to find out whether it would hear', async () => {
    const sent = new Recorder<string>();
    const proxy = await startTcpProxy(database.url, () => wireMessages(false, (type) => sent.record(type)));
    const one = openRoom(proxy.url);
    one.listener.pingIntervalMs = PING_MS;
    await one.listener.start();
    const before = sent.all.length;
    await sent.first(before + 2);
    expect(sent.all.slice(before)).toEqual([SYNC, SYNC]);
    const other = openRoom();
    const heard = nextWakeup(one, 'listen');
    other.broadcaster.start();
    await other.publisher.publishEvent(EVENT);
    await heard;
    await one.close();
    await proxy.close();
  });

  it('tells of changed settings', async () => {
    const [one, other] = [openRoom(), openRoom()];
    await one.listener.start();
    const changes = firstValueFrom(one.listener.settingsChanged$.pipe(take(2), toArray()));
    await other.settings.set('batchSize', 7, 'test');
    await other.settings.reset('batchSize', 'test');
    expect(await changes).toHaveLength(2);
    expect(one.wakeups).toEqual([]);
  });

  it('to a server that cannot be reached fails quietly, and stops when told', async () => {
    const room = openRoom('postgresql://nobody@127.0.0.1:1/none');
    await room.listener.start();
    await room.listener.stop();
    expect(room.wakeups).toEqual([]);
  });

  it('may start again after it was stopped', async () => {
    const [one, other] = [openRoom(), openRoom()];
    await one.listener.start();
    await one.listener.stop();
    await one.listener.start();
    const heard = nextWakeup(one, 'listen');
    other.broadcaster.start();
    other.notifier.notify();
    await heard;
  });
});
