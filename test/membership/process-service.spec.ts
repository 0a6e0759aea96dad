import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type DomainEvent, ProcessService, type ProcessView } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { untilSignedIn } from '../support/until-signed-in.js';

const VERSION = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;

let database: TestDatabase;
const apps: TestApp[] = [];

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  for (const app of apps.splice(0)) await app.close();
  await database.drop();
});

async function start(
  ...[subscribers, options]: Parameters<typeof startApp> extends [unknown, ...infer R] ? R : never
) {
  const app = await startApp(database, subscribers, options);
  apps.push(app);
  return app;
}

const processes = (app: TestApp) => app.context.get(ProcessService);

/** The one process there is, once it is as it should be. */
const processWhere = (app: TestApp, what: string, isThere: (view: ProcessView) => boolean) =>
  until(what, async () => {
    const [view] = (await processes(app).list()).processes;
    return view !== undefined && isThere(view) && view;
  });

/** Does something while another session holds the row of the process. */
async function whileRowIsHeld(work: () => Promise<void>): Promise<void> {
  const session = await database.pool.connect();
  try {
    await session.query('BEGIN');
    await session.query('SELECT FROM integration.integration_process FOR UPDATE');
    await work();
  } finally {
    await session.query('ROLLBACK');
    session.release();
  }
}

const event = (aggregateId: string) => ({
  eventName: 'order.placed',
  sourceModule: 'test',
  aggregateType: 'order',
  aggregateId,
});

const idle = { consumerName: 'billing', eventName: 'order.*', partitions: 2, handler: async () => {} };

describe('the list of processes', () => {
  it('finds by host and by what they handle, and those that were seen, on every page', async () => {
    const app = await start([idle]);
    await untilSignedIn(database);
    await database.pool.query(
      `INSERT INTO integration.integration_process (id, host, pid, role, handles, started_at, seen_at, version)
       SELECT gen_random_uuid(), 'Worker-' || n, n, 'worker', ARRAY['mail%' || n], now(), now() - interval '1 hour', '1' FROM generate_series(1, 12) AS n`,
    );
    const hosts = async (page: Parameters<ProcessService['list']>[0]) =>
      (await processes(app).list(page)).processes.map(({ host }) => host).sort();
    expect(await hosts({ text: 'worker-1' })).toEqual(['Worker-1', 'Worker-10', 'Worker-11', 'Worker-12']);
    expect(await hosts({ text: 'MAIL%7' })).toEqual(['Worker-7']);
    expect(await hosts({ text: 'l_7' })).toEqual([]);
    expect(await hosts({ alive: true })).toEqual([hostname()]);
    expect(await hosts({ alive: false, text: 'worker' })).toHaveLength(12);
    const first = await processes(app).list({ text: 'worker', limit: 7 });
    const second = await processes(app).list({ text: 'worker', limit: 7, after: first.next ?? undefined });
    expect([first, second].map((page) => page.processes.length)).toEqual([7, 5]);
    expect(second.next).toBeNull();
    // Also the last page that is full.
    expect((await processes(app).list({ text: 'worker', limit: 12 })).next).toBeNull();
    const invalid = { code: 'INTEGRATION_ADMIN_INVALID' };
    await expect(processes(app).list({ alive: 'yes' } as object)).rejects.toMatchObject(invalid);
    await expect(processes(app).list({ text: 7 } as object)).rejects.toMatchObject(invalid);
  });
});

describe('a process', () => {
  it('says its version, what it owns and when it was seen', async () => {
    const app = await start([idle]);
    const view = await processWhere(app, 'it owns both partitions', ({ owns }) => owns.length === 2);
    expect(view).toMatchObject({
      host: hostname(),
      pid: process.pid,
      role: 'all',
      version: VERSION,
      alive: true,
      connected: true,
      handles: ['billing'],
      owns: [
        { consumerName: 'billing', partition: 0, until: expect.any(Date) },
        { consumerName: 'billing', partition: 1, until: expect.any(Date) },
      ],
      working: [],
      startedAt: expect.any(Date),
      seenAt: expect.any(Date),
    });
    expect(view.seenSecondsAgo).toBeLessThan(30);
  });

  it('says which value of each setting is in force there, as soon as one changes', async () => {
    const app = await start([], { settings: { maxAttempts: 7, processingLeaseMs: 600_000 } });
    const key = 'core.integration.outbox.batchSize';
    const before = await processWhere(app, 'it has said', ({ settings }) => settings[key] === 500);
    expect(before.settings).toMatchObject({ 'core.integration.outbox.maxAttempts': 7 });
    expect(Object.keys(before.settings)).toHaveLength(app.settings.getAll().length);
    await app.settings.set('batchSize', 77, 'ann');
    // Its leases are renewed only every 200 seconds.
    await processWhere(app, 'it uses the new value', ({ settings }) => settings[key] === 77);
    await app.settings.reset('batchSize', 'ann');
    await processWhere(app, 'it uses the default again', ({ settings }) => settings[key] === 500);
  });

  it('says what has run for long: at most a hundred attempts, the longest first', async () => {
    const held = gate();
    const begun = new Recorder<string>();
    const app = await start(
      [
        {
          consumerName: 'slow',
          eventName: 'order.*',
          concurrency: 120,
          startFrom: 'earliest',
          handler: async ({ aggregateId }: DomainEvent) => {
            begun.record(aggregateId);
            await held.opened;
          },
        },
      ],
      // Its leases are renewed only every 200 seconds. So this comes from reports.
      { maxConcurrency: 120, settings: { processingLeaseMs: 600_000 } },
    );
    await app.api.publishEvent(event('first'));
    await begun.first(1);
    const beganBefore = Date.now();
    const view = await processWhere(app, 'it says so', ({ working }) => working.length === 1);
    expect(view.working).toEqual([
      {
        consumerName: 'slow',
        partition: 0,
        position: 1,
        eventName: 'order.placed',
        events: 1,
        attempt: 1,
        since: expect.any(Date),
      },
    ]);
    expect(Math.abs((view.working[0]?.since.getTime() ?? 0) - beganBefore)).toBeLessThan(10_000);
    await app.api.publishEvents(Array.from({ length: 105 }, (_, n) => event(`o${n}`)));
    const full = await processWhere(app, 'it says a hundred', ({ working }) => working.length > 99);
    expect(full.working).toHaveLength(100);
    expect(full.working[0]?.position).toBe(1);
    held.open();
    await processWhere(app, 'nothing runs', ({ working }) => working.length === 0);
  });

  it('keeps its leases while somebody holds its row, and says what runs after that', async () => {
    const held = gate();
    const app = await start([{ ...idle, handler: () => held.opened }], {
      settings: { processingLeaseMs: 3_000 },
    });
    const { owns: before } = await processWhere(
      app,
      'it owns both partitions',
      ({ owns }) => owns.length === 2,
    );
    await whileRowIsHeld(async () => {
      await app.api.publishEvent(event('held'));
      // By then the attempt has run for more than two seconds, and a report has found the row held.
      const after = (before[0]?.until.getTime() ?? 0) + 6_000;
      const view = await processWhere(app, 'the leases were renewed for twice their length', ({ owns }) => {
        expect(owns).toHaveLength(2);
        return owns.every(({ until }) => until.getTime() > after);
      });
      expect(view.working).toEqual([]);
    });
    await processWhere(app, 'it says what runs', ({ working }) => working.length === 1);
    held.open();
    await processWhere(app, 'it says that it has ended', ({ working }) => working.length === 0);
  });

  it('makes up at once for a beat that has found its row held', async () => {
    // Its leases are renewed only every 200 seconds.
    const app = await start([idle], { settings: { processingLeaseMs: 600_000 } });
    const key = 'core.integration.outbox.batchSize';
    await processWhere(app, 'it has said', ({ settings }) => settings[key] === 500);
    await whileRowIsHeld(async () => {
      await app.settings.set('batchSize', 77, 'ann');
      const { rows } = await database.pool.query<{ now: Date }>('SELECT clock_timestamp() AS now');
      await until('a beat has begun since then', async () => {
        const beats = await database.pool.query(
          `SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'nestjs-integration heartbeat'
             AND query_start > $1 AND state = 'idle'`,
          [rows[0]?.now],
        );
        return beats.rowCount === 1;
      });
    });
    await processWhere(app, 'it says the new value', ({ settings }) => settings[key] === 77);
  });

  it('takes no statement more than a beat', async () => {
    const app = await start([idle]);
    await processWhere(app, 'it owns both partitions', ({ owns }) => owns.length === 2);
    const { rows } = await database.pool.query<{ query: string }>(
      `SELECT query FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'nestjs-integration heartbeat'`,
    );
    expect(rows).toHaveLength(1);
    expect(rows[0]?.query).toContain('settings = $8::jsonb');
  });
});

describe('a process that has died', () => {
  it('is listed as not alive and not connected', async () => {
    const app = await start([]);
    await database.pool.query(
      `INSERT INTO integration.integration_process (id, role, host, pid, backend_pid, backend_start, seen_at)
       VALUES ('00000000-0000-4000-8000-000000000000', 'worker', 'elsewhere', 1, 1, 'epoch', now() - interval '1 minute')`,
    );
    const all = await until('both processes are listed', async () => {
      const { processes: listed } = await processes(app).list();
      return listed.length === 2 && listed;
    });
    expect(all[0]).toMatchObject({
      host: 'elsewhere',
      alive: false,
      connected: false,
      version: null,
      settings: {},
      working: [],
    });
    expect(all[0]?.seenSecondsAgo).toBeGreaterThan(59);
  });
});

describe('pages of processes', () => {
  it('lose none, and refuse what is no page', async () => {
    const app = await start([]);
    await processWhere(app, 'it has reported itself', () => true);
    await database.pool.query(
      `INSERT INTO integration.integration_process (id, role, host, pid)
       SELECT gen_random_uuid(), 'worker', 'host' || n, n FROM generate_series(1, 10) n`,
    );
    const found: string[] = [];
    for (let after: string | null | undefined; after !== null; ) {
      const page = await processes(app).list({ limit: 3, after });
      found.push(...page.processes.map(({ id }) => id));
      after = page.next;
    }
    expect(new Set(found).size).toBe(11);
    expect(found).toHaveLength(11);
    await expect(processes(app).list({ after: 'x' })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });
});
