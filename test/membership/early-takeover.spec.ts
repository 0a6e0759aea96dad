import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { filter, firstValueFrom } from 'rxjs';
import { ownerText } from '../../src/cli/consumer-columns.js';
import type { DomainEvent } from '../../src/index.js';
import { DoctorService } from '../../src/maintenance/doctor.js';
import type { Finding } from '../../src/maintenance/finding.js';
import { IntegrationProcessStore } from '../../src/membership/beat/integration-process.store.js';
import { CursorStatusStore } from '../../src/status/cursor-status.store.js';
import type { AnySubscriberDefinition } from '../../src/subscribers/subscriber-definition.js';
import { startEmbeddedPostgres } from '../../src/testing/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { hearLog } from '../support/log-lines.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { startWorker, type WorkerProcess } from '../support/worker-process.js';

const CONSUMERS = ['one', 'other'];
/** Nobody waits for it in a test: who goes on earlier has not gone by the lease. */
const SETTINGS = { processingLeaseMs: 600_000 };

let database: TestDatabase;
let publisher: TestApp;
const workers: WorkerProcess[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  publisher = await startApp(database, [], { role: 'publisher' });
});
afterEach(async () => {
  const started = workers.splice(0);
  for (const worker of started) worker.kill('SIGKILL');
  await Promise.all(started.map((worker) => worker.ended));
});
afterAll(async () => {
  await publisher.close();
  await database.drop();
});

let published = 0;
async function publish(): Promise<number> {
  const n = ++published;
  await publisher.api.publishEvent({
    eventName: 'job.wanted',
    sourceModule: 'test',
    aggregateType: 'job',
    aggregateId: `j${n}`,
    payload: { n },
  });
  return n;
}

const untilHandled = (worker: WorkerProcess, consumer: string, n: number) =>
  firstValueFrom(worker.lines$.pipe(filter((line) => line.handled === n && line.consumer === consumer)));

/** The process that holds each consumer, by its pid. */
async function pids(): Promise<Map<string, number>> {
  const { rows } = await database.pool.query<{ consumer: string; pid: number }>(
    `SELECT c.consumer_name AS consumer, p.pid FROM integration.inbox_cursor c
     JOIN integration.integration_process p ON p.id = c.lease_owner`,
  );
  return new Map(rows.map(({ consumer, pid }) => [consumer, pid]));
}

describe('a process that is killed', () => {
  it('is replaced long before its lease runs out: another one sees its connection gone', async () => {
    const subscribers = CONSUMERS.map((consumerName) => ({ consumerName, eventName: 'job.*' }));
    for (let i = 0; i < 2; i++) workers.push(startWorker(database.url, subscribers, SETTINGS));
    // One each, so each has seen the other alive.
    await until('each process has one consumer', async () => new Set((await pids()).values()).size === 2);
    const owners = await pids();
    const [victim, survivor] = workers;
    if (victim === undefined || survivor === undefined) throw new Error('two were started');
    const consumer = CONSUMERS.find((name) => owners.get(name) === victim.pid) ?? '';
    await untilHandled(victim, consumer, await publish());

    victim.kill('SIGKILL');
    expect(await victim.ended).toBe('SIGKILL');
    await untilHandled(survivor, consumer, await publish());
    expect((await pids()).get(consumer)).toBe(survivor.pid);
  });

  it('is replaced by a process that was started after its end, too: the server it had signed in to says so', async () => {
    const subscriber = { consumerName: 'later', eventName: 'job.*' };
    const victim = startWorker(database.url, [subscriber], SETTINGS);
    workers.push(victim);
    await untilHandled(victim, 'later', await publish());
    victim.kill('SIGKILL');
    expect(await victim.ended).toBe('SIGKILL');

    // The doctor looks twice, and finds it while nobody takes over; so does status.
    const found = await until('its session is gone', async () => (await deserted('later'))[0]);
    expect(found?.finding).toMatch(
      new RegExp(`^Consumer "later", partition 0, is held by process .*:${victim.pid}\\), whose connection`),
    );
    const shown = (await new CursorStatusStore(database.engine()).cursorStatuses()).find(
      ({ consumerName }) => consumerName === 'later',
    );
    expect(shown && ownerText(shown)).toMatch(new RegExp(`:${victim.pid} \\(not seen since 20\\S+Z\\)$`));

    const wanted = await publish();
    const newcomer = startWorker(database.url, [subscriber], SETTINGS);
    workers.push(newcomer);
    await untilHandled(newcomer, 'later', wanted);
    expect((await pids()).get('later')).toBe(newcomer.pid);
    expect(await deserted('later')).toEqual([]);
  });
});

describe('a process of which nobody can tell whether it has ended', () => {
  it.each([
    [
      'the server was restarted since',
      `pg_postmaster_start_time() - interval '1 hour'`,
      'ARRAY(SELECT pid FROM pg_stat_activity)',
    ],
    ['the server has crashed since', 'pg_postmaster_start_time()', `'{2147483647}'`],
  ])('keeps its lease where %s, and whoever waits for it says so', async (_, started, pids) => {
    const lines = hearLog();
    const handled = new Recorder<number>();
    const handler = (event: DomainEvent<{ n: number }>) => handled.record(event.payload.n);
    const subscriber = { consumerName: 'unjudged', eventName: 'job.*', handler } as AnySubscriberDefinition;
    await (await startApp(database, [subscriber])).close();
    const { rows } = await database.pool.query<{ id: string; until: Date }>(
      `WITH missing AS (
         INSERT INTO integration.integration_process (id, role, host, pid, consumers, handles, backend_pid, backend_start, server_started, server_pids)
         VALUES (gen_random_uuid(), 'all', 'there', 42, '{unjudged}', '{unjudged}', 2147483647, now(), ${started}, ${pids}) RETURNING id)
       UPDATE integration.inbox_cursor SET lease_owner = missing.id, lease_token = gen_random_uuid(), lease_expires_at = now() + interval '1 hour'
       FROM missing WHERE consumer_name = 'unjudged' RETURNING lease_owner AS id, lease_expires_at AS until`,
    );
    const newcomer = await startApp(database, [subscriber]);
    try {
      const warning = await lines.saying('is gone');
      expect(warning).toContain('Consumer "unjudged" is held by process ');
      expect(warning).toContain('(there:42), whose connection to the database is gone');
      expect(warning).toContain(`run out by ${rows[0]?.until.toISOString()}`);
      const { rows: owners } = await database.pool.query(
        `SELECT lease_owner AS id FROM integration.inbox_cursor WHERE consumer_name = 'unjudged'`,
      );
      expect(owners).toEqual([{ id: rows[0]?.id }]);

      await database.pool.query('UPDATE integration.inbox_cursor SET lease_expires_at = now()');
      const n = await publish();
      await handled.find((each) => each === n);
    } finally {
      await newcomer.close();
    }
  });
});

describe('a process that lives while its server crashes', () => {
  it('keeps its consumers, however slow it is to come back, also for a process that is started in between', async () => {
    const server = await startEmbeddedPostgres();
    const subscriber = { consumerName: 'slow', eventName: 'job.*', startFrom: 'earliest' };
    try {
      const worker = startWorker(server.url, [subscriber], SETTINGS, { migrations: 'run' });
      workers.push(worker);
      await untilOwned(server.url, worker.pid);
      // It cannot come back as long as it is stopped.
      worker.kill('SIGSTOP');
      await crash(server.url);

      const newcomer = startWorker(server.url, [subscriber], SETTINGS);
      workers.push(newcomer);
      const warning = await untilWarned(newcomer, 'Whether it has ended cannot be told');
      expect(warning).toContain(`:${worker.pid})`);
      await untilOwned(server.url, worker.pid);
      worker.kill('SIGCONT');
      await query(
        server.url,
        `INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, payload)
         VALUES ('job.wanted', 'test', 'job', '1', '{"n": 1}')`,
      );
      await untilHandled(worker, 'slow', 1);
    } finally {
      for (const worker of workers) worker.kill('SIGKILL');
      await Promise.all(workers.map((worker) => worker.ended));
      await server.stop();
    }
  });
});

describe('the sign-in of a process', () => {
  it('names the run of the server: another one than after a restart, and than after a crash', async () => {
    const db = database.engine();
    const processes = new IntegrationProcessStore(db);
    const connection = await db.openDedicated('test', false);
    const id = '00000000-0000-4000-8000-000000000009';
    const snapshotOf = async () => {
      const report = { settings: {}, working: [] };
      const nothing = {
        processId: id,
        consumers: [],
        able: [],
        tokens: [],
        leaseMs: 1_000,
        renew: false,
        report,
        parts: null,
        leases: undefined,
      };
      const { processes: all } = await processes.beat(connection, nothing, true);
      return all.find((each) => each.id === id);
    };
    try {
      await processes.signIn(connection, {
        id,
        role: 'worker',
        host: 'here',
        pid: 1,
        version: undefined,
      });
      expect(await snapshotOf()).toMatchObject({ backendGone: false, signedInToThisRun: true });
      for (const made of [
        `server_started = server_started - interval '1 s'`,
        `server_pids = '{2147483647}'`,
      ]) {
        await database.pool.query(`UPDATE integration.integration_process SET ${made} WHERE id = $1`, [id]);
        expect(await snapshotOf()).toMatchObject({ backendGone: false, signedInToThisRun: false });
        await processes.signIn(connection, {
          id,
          role: 'worker',
          host: 'here',
          pid: 1,
          version: undefined,
        });
        expect(await snapshotOf()).toMatchObject({ backendGone: false, signedInToThisRun: true });
      }
    } finally {
      await connection.close();
      await processes.signOut(id);
    }
  });
});

describe('an application that listens for no signal', () => {
  it('says at its boot that its shutdown hooks are off', async () => {
    const subscriber = { consumerName: 'unhooked', eventName: 'job.*' };
    const environment = { SIGNALS: 'nobody', NODE_ENV: 'development', JEST_WORKER_ID: '', VITEST: '' };
    const worker = startWorker(database.url, [subscriber], SETTINGS, {}, environment);
    workers.push(worker);
    expect(await untilWarned(worker, 'SIGTERM')).toContain('Call app.enableShutdownHooks() in main.ts');
  });
});

/** What the doctor says of this consumer's lease. */
async function deserted(consumer: string): Promise<Finding[]> {
  const { findings } = await new DoctorService(database.engine()).examine();
  return findings.filter(
    ({ check, details }) => check === 'lease-deserted' && details.consumerName === consumer,
  );
}

const untilWarned = (worker: WorkerProcess, words: string) =>
  firstValueFrom(worker.logged$.pipe(filter((line) => line.includes(words))));

async function query<R extends pg.QueryResultRow>(url: string, sql: string): Promise<R[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<R>(sql)).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

const untilOwned = (url: string, pid: number) =>
  until(`process ${pid} holds the consumer`, async () => {
    const rows = await query(
      url,
      `SELECT FROM integration.inbox_cursor c JOIN integration.integration_process p ON p.id = c.lease_owner
       WHERE p.pid = ${pid} AND c.lease_expires_at > now()`,
    ).catch(() => []);
    return rows.length > 0;
  });

/** One backend is killed, so the server ends all of them and begins anew. */
async function crash(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const ended = new Promise<void>((resolve) => client.once('end', () => resolve()));
  if (rows[0] !== undefined) process.kill(rows[0].pid, 'SIGKILL');
  await ended;
  await until('the server takes connections again', () =>
    query(url, 'SELECT 1').then(
      () => true,
      () => false,
    ),
  );
}
