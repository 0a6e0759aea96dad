import { randomUUID } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type IntegrationModuleOptions, type Lease, LeaseService } from '../../src/index.js';
import { LeaseStore } from '../../src/membership/leases/lease.store.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startApp, type TestApp } from '../support/app.js';
import { emptyTables } from '../support/empty-tables.js';
import { hearLog, type LogLines, silenceLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { startTcpProxy } from '../support/tcp-proxy.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let apps: TestApp[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  silenceLog();
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
  await database.drop();
});

async function start(options: IntegrationModuleOptions = {}, url = database.url): Promise<TestApp> {
  const app = await startApp({ ...database, url }, [], options);
  apps.push(app);
  return app;
}

async function close(app: TestApp): Promise<void> {
  apps = apps.filter((each) => each !== app);
  await app.close();
}

const leasesOf = (app: TestApp) => app.context.get(LeaseService);

/** Work that goes on until it is told to end, and what became of it. */
function work() {
  const began = new Recorder<Lease>();
  const ended = new Recorder<Lease>();
  return {
    began,
    ended,
    run: async (lease: Lease) => {
      began.record(lease);
      if (!lease.signal.aborted)
        await new Promise((resolve) => lease.signal.addEventListener('abort', resolve));
      ended.record(lease);
    },
  };
}

/** Without those of a beat that a busy machine has kept waiting. */
const warningsOf = (lines: LogLines) =>
  lines.texts('warn').filter((text) => !text.includes('is tried again'));
const reasonOf = ({ signal }: Lease) => signal.reason as { code: string; message: string };
const store = () => new LeaseStore(database.engine());

interface Row {
  readonly name: string;
  readonly owner: string | null;
  readonly token: number;
}

async function rows(): Promise<Row[]> {
  const { rows } = await database.pool.query(
    'SELECT name, owner, token::float8 AS token FROM integration.integration_lease ORDER BY name',
  );
  return rows;
}

/** Resolves when the heartbeat of every process has asked for everything anew, twice. */
async function twoBeats(): Promise<void> {
  for (let n = 0; n < 2; n++) {
    const { rows: now } = await database.pool.query('SELECT clock_timestamp()::text AS at');
    await until('each process has beaten', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'nestjs-integration heartbeat'
           AND (state <> 'idle' OR query_start < $1::timestamptz)`,
        [now[0].at],
      );
      return rows.length === 0;
    });
  }
}

describe('work under a lease', () => {
  it('runs in one process at a time, and in the next one, under a greater token, when it is released', async () => {
    const first = work();
    const second = work();
    const a = leasesOf(await start()).hold('sync', first.run);
    const [lease] = await first.began.first(1);
    const b = leasesOf(await start({ settings: { processingLeaseMs: 3_000 } })).hold('sync', second.run);
    await twoBeats();
    expect(second.began.all).toEqual([]);
    expect([a.isHeld, b.isHeld, lease?.isHeld()]).toEqual([true, false, true]);
    await a.release();
    expect(first.ended.all).toEqual([lease]);
    expect([a.isHeld, lease?.isHeld()]).toEqual([false, false]);
    const [next] = await second.began.first(1);
    expect(next?.token).toBeGreaterThan(lease?.token ?? Number.NaN);
    expect(b.isHeld).toBe(true);
    await twoBeats();
    expect(first.began.all).toHaveLength(1);
  });

  it('that resolves is done: its lease is given back, and it is not called again', async () => {
    const began = new Recorder<Lease>();
    const app = await start();
    leasesOf(app).hold('once', async (lease) => began.record(lease));
    const [lease] = await began.first(1);
    await until('it is given back', async () => (await rows())[0]?.owner === null);
    expect(lease?.signal.aborted).toBe(true);
    await twoBeats();
    expect(began.all).toHaveLength(1);
    // The name is free for this process as well.
    const again = work();
    leasesOf(app).hold('once', again.run);
    expect((await again.began.first(1))[0]?.token).toBeGreaterThan(lease?.token ?? Number.NaN);
  });

  it('that rejects is logged and called again later, under a greater token', async () => {
    const lines = hearLog();
    const began = new Recorder<Lease>();
    leasesOf(await start()).hold('failing', async (lease) => {
      began.record(lease);
      if (began.all.length === 1) throw new Error('the first time');
    });
    const [first, second] = await began.first(2);
    expect(second?.token).toBeGreaterThan(first?.token ?? Number.NaN);
    expect(first?.signal.aborted).toBe(true);
    expect(warningsOf(lines)).toEqual([
      'The work under the lease "failing" has failed, and is begun again: the first time',
    ]);
  });

  it('begins when every module is ready, and not in a publisher', async () => {
    const publisher = work();
    const held = leasesOf(await start({ role: 'publisher' })).hold('n', publisher.run);
    await twoBeats();
    expect([publisher.began.all, held.isHeld]).toEqual([[], false]);
    const worker = work();
    leasesOf(await start({ role: 'worker' })).hold('n', worker.run);
    await worker.began.first(1);
    expect(publisher.began.all).toEqual([]);
  });

  it('runs with the processor switched off, too: it is no consumer', async () => {
    const { began, run } = work();
    leasesOf(await start({ settings: { 'processor.enabled': false } })).hold('n', run);
    await began.first(1);
  });
});

describe('a lease', () => {
  it('in force is taken by nobody, even where the clock of a process is an hour fast', async () => {
    const held = work();
    leasesOf(await start()).hold('n', held.run);
    await held.began.first(1);
    const now = Date.now;
    Date.now = () => now() + 3_600_000;
    try {
      const other = work();
      leasesOf(await start()).hold('n', other.run);
      await twoBeats();
      expect(other.began.all).toEqual([]);
      expect(held.ended.all).toEqual([]);
    } finally {
      Date.now = now;
    }
  });

  it('is renewed for as long as its work runs', async () => {
    const { began, ended, run } = work();
    leasesOf(await start({ settings: { processingLeaseMs: 6_000 } })).hold('n', run);
    const [lease] = await began.first(1);
    const until = async () =>
      (await database.pool.query('SELECT expires_at AS at FROM integration.integration_lease')).rows[0].at;
    const first = await until();
    while ((await until()) <= new Date(first.getTime() + 6_000)) await turn();
    expect(ended.all).toEqual([]);
    expect(lease?.isHeld()).toBe(true);
  });

  it('is renewed while its own transactions fence it without a gap, and is not lost', async () => {
    const app = await start({ settings: { processingLeaseMs: 3_000 } });
    const { began, ended, run } = work();
    leasesOf(app).hold('n', run);
    const [lease] = await began.first(1);
    if (lease === undefined) throw new Error('it began');
    const { sql, values } = lease.fenceSql(1);
    const fenced = async () => {
      const client = await database.pool.connect();
      await client.query('BEGIN');
      expect((await client.query(`SELECT 1 WHERE ${sql}`, [...values])).rowCount).toBe(1);
      return client;
    };
    let holder = await fenced();
    const commit = async () => {
      await holder.query('COMMIT');
      holder.release();
    };
    const expiry = async () =>
      (await database.pool.query('SELECT expires_at AS at FROM integration.integration_lease')).rows[0].at;
    const first = await expiry();
    try {
      await until('it was renewed for longer than it lasts, or is lost', async () => {
        const next = await fenced();
        await commit();
        holder = next;
        return ended.all.length > 0 || (await expiry()) > new Date(first.getTime() + 4_000);
      });
    } finally {
      await commit();
    }
    expect([began.all.length, ended.all.length, lease.isHeld()]).toEqual([1, 0, true]);
  });

  it('whose work always fails is begun again and again, and that is said once', async () => {
    const lines = hearLog();
    const began = new Recorder<Lease>();
    const app = await start();
    leasesOf(app).hold('n', async (lease) => {
      began.record(lease);
      throw new Error('it always fails');
    });
    await began.first(4);
    expect(lines.texts('warn').filter((line) => line.includes('it always fails'))).toHaveLength(1);
    expect(lines.all.find(({ text }) => text.includes('it always fails'))?.stack).toContain(
      'Error: it always',
    );
  });

  it('that another process has taken is lost: the work is told to end, and what it saves is refused', async () => {
    const lines = hearLog();
    const app = await start();
    const { began, ended, run } = work();
    leasesOf(app).hold('n', run);
    const [lease] = await began.first(1);
    const [{ owner } = { owner: null }] = await rows();
    const [taken] = await store().take(['n'], randomUUID(), 600_000, [owner ?? '']);
    await ended.first(1);
    if (lease === undefined) throw new Error('it began');
    expect(reasonOf(lease)).toMatchObject({ code: 'INTEGRATION_LEASE_LOST' });
    expect(taken?.token).toBeGreaterThan(lease.token);
    await expect(app.prisma.$transaction((tx) => lease.fence(tx))).rejects.toMatchObject({
      code: 'INTEGRATION_LEASE_LOST',
      message: expect.stringContaining('"n"'),
    });
    expect(warningsOf(lines)).toEqual([expect.stringMatching(/^The lease "n" was lost: another process/)]);
  });

  it('whose row is gone, or has the token of a server that lost the last takings, is lost and taken anew', async () => {
    const { began, run } = work();
    leasesOf(await start()).hold('n', run);
    const [first] = await began.first(1);
    await emptyTables(database.pool, 'integration.integration_lease');
    const [, second] = await began.first(2);
    await database.pool.query('UPDATE integration.integration_lease SET token = 7, owner = NULL');
    const [, , third] = await began.first(3);
    const tokens = [first, second, third].map((lease) => lease?.token ?? 0);
    expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
    expect(new Set(tokens).size).toBe(3);
  });

  it('is dropped when a connection of the engine is lost, and taken anew when the work has ended', async () => {
    const began = new Recorder<Lease>();
    let mayEnd = () => {};
    const end = new Promise<void>((resolve) => {
      mayEnd = resolve;
    });
    leasesOf(await start()).hold('n', async (lease) => {
      began.record(lease);
      await end;
    });
    const [first] = await began.first(1);
    const aborted = new Promise((resolve) => first?.signal.addEventListener('abort', resolve));
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'nestjs-integration heartbeat'`,
    );
    await aborted;
    if (first === undefined) throw new Error('it began');
    expect(reasonOf(first).message).toMatch(/connection was lost/);
    await twoBeats();
    expect(began.all).toHaveLength(1);
    mayEnd();
    const [, second] = await began.first(2);
    expect(second?.token).toBeGreaterThan(first.token);
  });

  it('that cannot be renewed is dropped when its time has passed, while the other side of the network takes it', async () => {
    const proxy = await startTcpProxy(database.url);
    const settings = { processingLeaseMs: 2_000 };
    const behind = work();
    leasesOf(await start({ settings }, proxy.url)).hold('n', behind.run);
    const [lease] = await behind.began.first(1);
    const beyond = work();
    leasesOf(await start({ settings })).hold('n', beyond.run);
    proxy.freeze();
    const [next] = await beyond.began.first(1);
    await behind.ended.first(1);
    expect(lease?.isHeld()).toBe(false);
    expect(next?.token).toBeGreaterThan(lease?.token ?? Number.NaN);
    await proxy.close();
  });

  it('makes a transaction its own: fence refuses the client itself and what is no client', async () => {
    const app = await start();
    const { began, run } = work();
    leasesOf(app).hold('n', run);
    const [lease] = await began.first(1);
    if (lease === undefined) throw new Error('it began');
    await app.prisma.$transaction(async (tx) => {
      await lease.fence(tx);
      await tx.invoice.create({ data: { id: 'saved' } });
    });
    await app.api.transaction((tx) => lease.fence(tx));
    const { sql, values } = lease.fenceSql(2);
    const save = `UPDATE invoice SET total = $1::int WHERE ${sql}`;
    expect(await app.prisma.$executeRawUnsafe(save, 5, ...values)).toBe(1);
    await expect(lease.fence(app.prisma)).rejects.toMatchObject({ code: 'INTEGRATION_CLIENT_IS_ROOT' });
    await expect(lease.fence({} as never)).rejects.toMatchObject({ code: 'INTEGRATION_CLIENT_INVALID' });
  });
});

describe('hold', () => {
  it.each([
    ['a name of more than 127 characters', 'n'.repeat(128), async () => {}],
    ['an empty name', ' ', async () => {}],
    ['no name', undefined, async () => {}],
    ['a name that no row can hold', 'a\u0000', async () => {}],
    ['no work', 'n', undefined],
  ])('refuses %s', async (_, name, run) => {
    const leases = leasesOf(await start());
    expect(() => leases.hold(name as string, run as () => Promise<void>)).toThrow(
      expect.objectContaining({ code: 'INTEGRATION_ADMIN_INVALID' }),
    );
  });

  it('refuses a name that the process wants already, and takes it when that one was released', async () => {
    const leases = leasesOf(await start());
    const { began, run } = work();
    const hold = leases.hold('n', run);
    await began.first(1);
    expect(() => leases.hold('n', run)).toThrow(
      expect.objectContaining({ code: 'INTEGRATION_ADMIN_INVALID' }),
    );
    await hold.release();
    leases.hold('n', run);
    await began.first(2);
  });

  it('refuses everything once the application has ended', async () => {
    const app = await start();
    const leases = leasesOf(app);
    await close(app);
    expect(() => leases.hold('n', async () => {})).toThrow(
      expect.objectContaining({ code: 'INTEGRATION_CLOSED' }),
    );
  });
});

describe('an application that ends', () => {
  it('tells its work to end, and gives the leases back for the next process', async () => {
    const first = work();
    const app = await start({ settings: { processingLeaseMs: 600_000 } });
    leasesOf(app).hold('n', first.run);
    const [lease] = await first.began.first(1);
    await close(app);
    expect(first.ended.all).toEqual([lease]);
    if (lease === undefined) throw new Error('it began');
    expect(reasonOf(lease)).toMatchObject({ code: 'INTEGRATION_CLOSED' });
    expect(await rows()).toMatchObject([{ name: 'n', owner: null }]);
    const second = work();
    leasesOf(await start()).hold('n', second.run);
    await second.began.first(1);
  });

  it('does not wait for work that goes on, and does not give its lease back', async () => {
    const lines = hearLog();
    const app = await start({ shutdownTimeoutMs: 100 });
    const began = new Recorder<Lease>();
    let mayEnd = () => {};
    leasesOf(app).hold('stubborn', (lease) => {
      began.record(lease);
      return new Promise((resolve) => {
        mayEnd = resolve;
      });
    });
    const [lease] = await began.first(1);
    await close(app);
    expect(warningsOf(lines)).toEqual([
      'Work under leases has not ended in time, so they run out: "stubborn"',
    ]);
    expect(await rows()).toMatchObject([
      { name: 'stubborn', owner: expect.any(String), token: lease?.token },
    ]);
    mayEnd();
  });
});

describe('names of several processes', () => {
  it('are shared evenly, also with a process that comes later, and by those that are left', async () => {
    const names = Array.from({ length: 12 }, (_, n) => `lane ${n}`);
    const join = async () => {
      const app = await start();
      const { run } = work();
      for (const name of names) leasesOf(app).hold(name, run);
      return app;
    };
    const shares = async () => {
      const owners = (await rows()).map(({ owner }) => owner);
      if (owners.includes(null) || owners.length < names.length) return '';
      return [...new Set(owners)].map((owner) => owners.filter((each) => each === owner).length).join(' ');
    };
    await join();
    await until('one has all', async () => (await shares()) === '12');
    const second = await join();
    await until('two have six each', async () => (await shares()) === '6 6');
    await join();
    await until('three have four each', async () => (await shares()) === '4 4 4');
    await close(second);
    await until('two have six each again', async () => (await shares()) === '6 6');
  });

  it('that only some of them want are taken by those', async () => {
    const [a, b] = [work(), work()];
    const app = await start();
    const other = await start();
    for (const name of ['a1', 'a2', 'a3']) leasesOf(app).hold(name, a.run);
    leasesOf(other).hold('b1', b.run);
    await a.began.first(3);
    await b.began.first(1);
    await twoBeats();
    expect([a.ended.all, b.ended.all]).toEqual([[], []]);
  });

  it('may be ten thousand: one statement renews them, and they are given back together', async () => {
    const app = await start();
    const { began, ended, run } = work();
    for (let n = 0; n < 10_000; n++) leasesOf(app).hold(`connection ${n}`, run);
    await began.first(10_000);
    await twoBeats();
    expect(ended.all).toEqual([]);
    await close(app);
    const { rows: left } = await database.pool.query(
      `SELECT count(*)::int AS n, count(owner)::int AS held FROM integration.integration_lease`,
    );
    expect(left).toEqual([{ n: 10_000, held: 0 }]);
  }, 60_000);
});

describe('a process whose role may not use the table', () => {
  it.each([
    [
      'the table is missing',
      'ALTER TABLE integration.integration_lease RENAME TO hidden',
      /no table .*migrations/,
    ],
  ])('goes on with its consumers and says what to do: %s', async (_, sql, words) => {
    const lines = hearLog();
    await database.pool.query(sql);
    const handled = new Recorder<string>();
    const app = await startApp(database, [
      {
        eventName: 'a',
        consumerName: 'c',
        handler: async ({ aggregateId }: { aggregateId: string }) => handled.record(aggregateId),
      } as AnySubscriberDefinition,
    ]);
    apps.push(app);
    const { began, run } = work();
    leasesOf(app).hold('n', run);
    await lines.saying(words);
    await app.api.publishEvent({ eventName: 'a', sourceModule: 's', aggregateType: 't', aggregateId: '1' });
    await handled.first(1);
    await twoBeats();
    expect(began.all).toEqual([]);
    expect(lines.texts('error')).toHaveLength(1);
  });

  it('that loses the table while it runs drops its leases, and its heartbeat goes on', async () => {
    const lines = hearLog();
    const app = await start();
    const { began, ended, run } = work();
    leasesOf(app).hold('n', run);
    await began.first(1);
    await database.pool.query('ALTER TABLE integration.integration_lease RENAME TO hidden');
    await lines.saying(/no table/);
    await ended.first(1);
    await twoBeats();
  });
});
