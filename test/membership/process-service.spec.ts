import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type DomainEvent, ProcessService, type ProcessView } from '../../src/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { gate } from '../support/gate.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

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

const event = (aggregateId: string) => ({
  eventName: 'order.placed',
  sourceModule: 'test',
  aggregateType: 'order',
  aggregateId,
});

const idle = { consumerName: 'billing', eventName: 'order.*', partitions: 2, handler: async () => {} };

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
    expect(Object.keys(before.settings)).toHaveLength(17);
    await app.settings.set('batchSize', 77, 'ann');
    // Its leases are renewed only every 200 seconds.
    await processWhere(app, 'it uses the new value', ({ settings }) => settings[key] === 77);
    await app.settings.reset('batchSize', 'ann');
    await processWhere(app, 'it uses the default again', ({ settings }) => settings[key] === 500);
  });

  it('says what has run for long: at most twenty attempts, the longest first', async () => {
    const held = gate();
    const begun = new Recorder<string>();
    const app = await start(
      [
        {
          consumerName: 'slow',
          eventName: 'order.*',
          concurrency: 30,
          startFrom: 'earliest',
          handler: async ({ aggregateId }: DomainEvent) => {
            begun.record(aggregateId);
            await held.opened;
          },
        },
      ],
      { settings: { processingLeaseMs: 3_000 } },
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
    await app.api.publishEvents(Array.from({ length: 25 }, (_, n) => event(`o${n}`)));
    const full = await processWhere(app, 'it says twenty', ({ working }) => working.length > 19);
    expect(full.working).toHaveLength(20);
    expect(full.working[0]?.position).toBe(1);
    held.open();
    await processWhere(app, 'nothing runs', ({ working }) => working.length === 0);
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
