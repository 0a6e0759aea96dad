import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { runMigrations } from '../../src/database/migrations/migration-runner.js';
import { NonRetryableError, SkipEventError } from '../../src/errors.js';
import { type DoctorOptions, DoctorService } from '../../src/maintenance/doctor.js';
import type { Examination } from '../../src/maintenance/finding.js';
import { startEmbeddedPostgres } from '../../src/testing/index.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { startTransactionPooler } from '../support/transaction-pooler.js';

const HOUR_MS = 3_600_000;

let database: TestDatabase;
let apps: TestApp[];

beforeEach(async () => {
  apps = [];
  database = await createTestDatabase();
});
afterEach(async () => {
  // Also where a test has failed: an application that is left open would keep the run from ending.
  for (const app of apps) await app.close();
  await database.drop();
});

/** An application whose events take every way there is; those that failed come again after so many milliseconds. */
async function startLively(retryDelayMs: number): Promise<TestApp> {
  const handler = async ({ payload }: { payload: { n: number } }) => {
    if (payload.n % 7 === 1) throw new NonRetryableError('dead');
    if (payload.n % 7 === 2) throw new SkipEventError('not for me');
    if (payload.n % 7 === 3) throw new Error('tried again');
  };
  const app = await startApp(
    database,
    [
      { consumerName: 'plain', eventName: 'job.*', startFrom: 'earliest', handler },
      { consumerName: 'spread', eventName: 'job.*', startFrom: 'earliest', partitions: 3, handler },
      {
        consumerName: 'transactional',
        eventName: 'job.*',
        startFrom: 'earliest',
        transactional: true,
        handler,
      },
    ] as Parameters<typeof startApp>[1],
    { settings: { retryBaseDelayMs: retryDelayMs, retryMaxDelayMs: 2 * retryDelayMs } },
  );
  apps.push(app);
  return app;
}

async function publish(app: TestApp, count: number): Promise<void> {
  await app.api.publishEvents(
    Array.from({ length: count }, (_, n) => ({
      eventName: 'job.wanted',
      sourceModule: 'test',
      aggregateType: 'job',
      aggregateId: `j${n % 20}`,
      payload: { n },
      ...(n % 11 === 0 ? { delayMs: 500 } : {}),
    })),
  );
}

async function examine(options: DoctorOptions = {}, url = database.url): Promise<Examination> {
  const db = new EngineDatabase({ connectionString: url, schema: 'integration', max: 1 });
  try {
    return await new DoctorService(db, { environment: {}, ...options }).examine();
  } finally {
    await db.close();
  }
}

function checksOf({ findings }: Examination): string[] {
  return findings.map(({ check }) => check);
}

describe('the doctor', () => {
  it('finds nothing in a new database', async () => {
    const { findings, notChecked, checked } = await examine();
    expect({ findings, notChecked }).toEqual({ findings: [], notChecked: [] });
    expect(checked.length).toBeGreaterThan(15);
  });

  it('finds nothing while events are delivered, retried, delayed, skipped and dead, and consumers paused and replayed', async () => {
    const app = await startLively(200);
    for (let round = 0; round < 6; round++) {
      await publish(app, 60);
      if (round === 2) await app.consumers.pause('plain');
      if (round === 3) await app.consumers.resume('plain');
      if (round === 4) await app.consumers.replayAtOnce('spread', { from: 1 });
      if (round === 4) await app.consumers.replay('plain', { eventNames: ['job.wanted'] });
      if (round === 5) await app.consumers.redrive({});
      if (round === 5) await app.consumers.repartition('spread', 2, { timeoutMs: 0 });
      expect((await examine()).findings).toEqual([]);
    }
    await app.processor.drain();
    expect((await examine()).findings).toEqual([]);
    await app.close();
    expect((await examine()).findings).toEqual([]);
  });

  it('finds nothing where the sequence was restarted beyond every event, and has handed out nothing since', async () => {
    const app = await startLively(HOUR_MS);
    await publish(app, 21);
    await app.processor.drain();
    await app.close();
    await database.pool.query('ALTER SEQUENCE integration.outbox_event_position_seq RESTART WITH 1000');
    expect((await examine()).findings).toEqual([]);
  });

  it('says of a database without the tables only that, with the command to run', async () => {
    const empty = await createTestDatabase({ migrated: false });
    const { findings, checked } = await examine({}, empty.url);
    await empty.drop();
    expect(findings).toMatchObject([{ check: 'migrations', fix: 'Run: npx nestjs-integration migrate' }]);
    expect(checked).toEqual(['migrations']);
  });
});

interface Breakage {
  readonly check: string;
  /** What is done to the database. */
  readonly sql: string;
  readonly finding: RegExp;
  readonly fix: RegExp;
}

const CURSOR = 'integration.inbox_cursor';
const INBOX = 'integration.inbox_event';
const LOG = 'integration.outbox_event';

const BREAKAGES: Breakage[] = [
  {
    check: 'sequence-behind',
    sql: `SELECT setval(pg_get_serial_sequence('${LOG}', 'position'), 9007199254740991)`,
    finding: /has no position left: the last one is 9007199254740991/,
    fix: /Stop all processes.*setval/,
  },
  {
    check: 'sequence-behind',
    sql: `SELECT setval(pg_get_serial_sequence('${LOG}', 'position'), 5)`,
    finding: /next event would get position 6, but consumer "\w+" has left everything below 22 behind/,
    fix: /SELECT setval\('integration\.outbox_event_position_seq', 21\)/,
  },
  {
    check: 'sequence-behind',
    sql: `DELETE FROM ${INBOX}; UPDATE ${CURSOR} SET unread = '{[1,)}'; SELECT setval(pg_get_serial_sequence('${LOG}', 'position'), 5)`,
    finding: /next event would get position 6, but the log goes up to 21/,
    fix: /setval\('integration\.outbox_event_position_seq', 21\)/,
  },
  {
    check: 'position-source',
    sql: `ALTER SEQUENCE integration.outbox_event_position_seq CACHE 20`,
    finding: /CACHE 20/,
    fix: /ALTER SEQUENCE integration\.outbox_event_position_seq CACHE 1/,
  },
  {
    check: 'position-source',
    sql: 'ALTER SEQUENCE integration.outbox_event_position_seq NO MAXVALUE',
    finding: /goes on where JavaScript holds whole numbers no more/,
    fix: /ALTER SEQUENCE integration\.outbox_event_position_seq MAXVALUE 9007199254740991/,
  },
  {
    check: 'position-source',
    sql: `ALTER TABLE ${LOG} ALTER COLUMN position SET GENERATED BY DEFAULT`,
    finding: /not GENERATED ALWAYS/,
    fix: /SET GENERATED ALWAYS/,
  },
  {
    check: 'indexes',
    sql: `DROP INDEX integration.inbox_event_due_idx`,
    finding: /inbox_event_due_idx is missing/,
    fix: /^CREATE INDEX "inbox_event_due_idx" ON "integration"\."inbox_event" .*WHERE/,
  },
  {
    check: 'indexes',
    sql: `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'integration.outbox_event_id_key'::regclass`,
    finding: /outbox_event_id_key is not valid/,
    fix: /REINDEX INDEX CONCURRENTLY "integration"\."outbox_event_id_key"/,
  },
  {
    check: 'indexes',
    sql: `ALTER TABLE ${INBOX} DROP CONSTRAINT inbox_event_pkey`,
    finding: /inbox_event has no primary key/,
    fix: /ADD PRIMARY KEY/,
  },
  {
    check: 'triggers',
    sql: `ALTER TABLE integration.integration_setting DISABLE TRIGGER integration_setting_audit`,
    finding: /integration_setting_audit is missing or disabled/,
    fix: /CREATE TRIGGER "integration_setting_audit"/,
  },
  {
    check: 'consumer-partitions',
    sql: `DELETE FROM ${CURSOR} WHERE consumer_name = 'spread' AND partition = 1`,
    finding: /"spread" has the partitions 0, 2 of 3/,
    fix: /restore the rows/,
  },
  {
    check: 'cursor-closed',
    sql: `UPDATE ${CURSOR} SET unread = '{}' WHERE consumer_name = 'plain'`,
    finding: /"plain", partition 0, does not want what is yet to come/,
    fix: /UPDATE "integration"\.inbox_cursor SET unread/,
  },
  {
    check: 'inbox-and-cursor',
    sql: `UPDATE ${CURSOR} SET unread = '{[1,)}' WHERE consumer_name = 'plain'`,
    finding: /inbox rows of consumer "plain" are about events that its cursor has as unread/,
    fix: /take their positions out of unread/,
  },
  {
    check: 'inbox-without-event',
    sql: `DELETE FROM ${INBOX} WHERE consumer_name <> 'plain';
          DELETE FROM ${LOG} WHERE position IN (SELECT position FROM ${INBOX} WHERE consumer_name = 'plain' AND status = 'dead_letter')`,
    finding: /3 inbox rows of consumer "plain" are to run, or could be sent again/,
    fix: /and no others: UPDATE "integration"\.inbox_event i SET status = 'skipped'/,
  },
  {
    check: 'inbox-partition',
    sql: `UPDATE ${INBOX} SET partition = partition + 1, status = 'failed', available_at = now() + interval '1 hour' WHERE consumer_name = 'spread'`,
    finding: /inbox rows of consumer "spread" lie in a partition that is not their aggregate's/,
    fix: /integration_partition/,
  },
  {
    check: 'inbox-waiting',
    sql: `INSERT INTO integration.integration_process (id, role, host, pid) VALUES ('00000000-0000-4000-8000-000000000001', 'all', 'here', 1);
          UPDATE ${CURSOR} SET lease_owner = '00000000-0000-4000-8000-000000000001', lease_token = gen_random_uuid(), lease_expires_at = now() + interval '20 s';
          UPDATE ${INBOX} SET status = 'received', available_at = 'infinity', updated_at = now() - interval '1 hour' WHERE consumer_name = 'plain' AND aggregate_id = 'j1'`,
    finding: /inbox rows of consumer "plain" have waited for 15 minutes/,
    fix: /pause\('plain'\)/,
  },
  {
    check: 'leases',
    sql: `UPDATE ${CURSOR} SET lease_token = gen_random_uuid() WHERE consumer_name = 'plain'`,
    finding: /lease of consumer "plain", partition 0, is incomplete/,
    fix: /SET lease_owner = NULL, lease_token = NULL, lease_expires_at = NULL/,
  },
  {
    check: 'leases',
    sql: `UPDATE ${CURSOR} SET lease_owner = gen_random_uuid(), lease_token = gen_random_uuid(), lease_expires_at = now() + interval '2 days' WHERE consumer_name = 'plain'`,
    finding: /runs for another 172\d\d\d s/,
    fix: /lease_token = NULL/,
  },
  {
    check: 'leases',
    sql: `UPDATE ${CURSOR} SET lease_owner = gen_random_uuid(), lease_token = gen_random_uuid(), lease_expires_at = now() + interval '20 s' WHERE consumer_name = 'plain'`,
    finding: /belongs to process [0-9a-f-]{36}, which is not listed/,
    fix: /lease_token = NULL/,
  },
  {
    check: 'leases',
    sql: `INSERT INTO integration.integration_process (id, role, host, pid, consumers) VALUES (gen_random_uuid(), 'all', 'here', 1, '{plain}');
          UPDATE ${CURSOR} SET lease_owner = gen_random_uuid(), lease_token = gen_random_uuid(), lease_expires_at = now() - interval '1 hour' WHERE consumer_name = 'plain'`,
    finding: /has run out 36\d\d s ago, and no process has taken over/,
    fix: /restart them/,
  },
  {
    check: 'orphaned-consumer',
    sql: `UPDATE ${CURSOR} SET served_at = now() - interval '8 days' WHERE consumer_name = 'plain'`,
    finding: /No live process has been able to work on consumer "plain"/,
    fix: /npx nestjs-integration consumers remove plain/,
  },
  {
    check: 'unrouted-events',
    sql: `INSERT INTO ${LOG} (event_name, source_module, aggregate_type, aggregate_id) VALUES ('jbo.wanted', 'test', 'job', '1')`,
    finding: /no consumer asks for: "jbo\.wanted" \(at least 1\)/,
    fix: /Subscribe to them/,
  },
  {
    check: 'repartition-stuck',
    sql: `UPDATE ${CURSOR} SET repartition_to = 2, repartition_asked_at = now() - interval '20 minutes', held_back = true,
            last_progress_at = now() - interval '20 minutes' WHERE consumer_name = 'spread'`,
    finding:
      /"spread" has been about to change from 3 to 2 partitions since .*: no process takes the next step/,
    fix: /Start a process .* npx nestjs-integration consumers repartition spread 3$/,
  },
  {
    check: 'repartition-stuck',
    sql: `UPDATE ${CURSOR} SET repartition_to = 2, repartition_asked_at = now() - interval '20 minutes', held_back = true,
            last_progress_at = NULL, lease_owner = '00000000-0000-4000-8000-000000000001', lease_token = gen_random_uuid(),
            lease_expires_at = now() + interval '20 s' WHERE consumer_name = 'spread';
          INSERT INTO integration.integration_process (id, role, host, pid) VALUES ('00000000-0000-4000-8000-000000000001', 'all', 'here', 1)`,
    finding: /partitions 0, 1, 2 have not been handed over/,
    fix: /handlers that do not end; restart them/,
  },
  {
    check: 'repartition-stuck',
    sql: `DELETE FROM ${INBOX} WHERE consumer_name = 'spread';
          UPDATE ${CURSOR} SET repartition_to = 2, repartition_asked_at = now() - interval '20 minutes', cut_over = lower(unread),
            last_progress_at = now() - interval '20 minutes', paused_at = now(),
            unread = unread + int8multirange(int8range(lower(unread) - (partition = 1)::int, lower(unread))) WHERE consumer_name = 'spread'`,
    finding: /partition 1 has not caught up with the others/,
    fix: /^Resume it, so that they can catch up: ConsumerService\.resume\('spread'\)/,
  },
  {
    check: 'replay-stuck',
    // One that is paused is older, and is not meant.
    sql: `INSERT INTO integration.integration_operation (id, kind, state, filter, planned_events, requested_by, via)
          VALUES ('00000000-0000-4000-8000-000000000009', 'replay', 'paused', '{}', 9, 'ann', 'code');
          INSERT INTO integration.inbox_replay (id, consumer_name, next_position, to_position, created_at, progressed_at)
          VALUES ('00000000-0000-4000-8000-000000000009', 'plain', 1, 99, now() - interval '2 days', now() - interval '20 minutes');
          INSERT INTO integration.inbox_replay (consumer_name, next_position, to_position, created_at, progressed_at)
          VALUES ('plain', 5, 20, now() - interval '1 day', now() - interval '20 minutes'), ('plain', 5, 9, now(), now() - interval '20 minutes');
          UPDATE ${CURSOR} SET last_progress_at = now() - interval '16 minutes' WHERE consumer_name = 'plain'`,
    finding: /of consumer "plain" is open and has not come further than position 5 of 20 since/,
    fix: /Start a process/,
  },
  {
    check: 'replay-stuck',
    sql: `INSERT INTO integration.inbox_replay (consumer_name, next_position, to_position, progressed_at)
          VALUES ('plain', 5, 20, now() - interval '61 minutes'), ('spread', 5, 20, now() - interval '20 minutes');
          UPDATE ${CURSOR} SET paused_at = now(), last_progress_at = now()`,
    finding: /of consumer "plain" is open/,
    fix: /The consumer is paused: ConsumerService\.resume\('plain'\)/,
  },
  {
    check: 'operation-stuck',
    sql: `INSERT INTO integration.integration_operation (id, kind, state, filter, planned_events, changed, requested_by, via, started_at, progressed_at, lease_owner, lease_expires_at)
          VALUES ('00000000-0000-4000-8000-000000000001', 'redrive', 'running', '{}', 9, 4, 'ann', 'code', now() - interval '1 hour', now() - interval '6 minutes', gen_random_uuid(), now() - interval '5 minutes'),
            (gen_random_uuid(), 'redrive', 'running', '{}', 9, 4, 'ann', 'code', now() - interval '1 hour', now() - interval '1 minute', NULL, NULL),
            (gen_random_uuid(), 'redrive', 'done', '{}', 9, 9, 'ann', 'code', now() - interval '1 hour', now() - interval '6 minutes', NULL, NULL)`,
    finding:
      /^Operation 00000000-0000-4000-8000-000000000001 \(redrive\) runs and has changed 4 of about 9 events\. No process has worked on it since/,
    fix: /^Start a process that runs consumers .* Or cancel it: npx nestjs-integration operations cancel 00000000-/,
  },
  {
    check: 'operation-stuck',
    sql: `INSERT INTO integration.integration_operation (kind, state, filter, planned_events, requested_by, via, started_at, lease_owner, lease_expires_at)
          VALUES ('discard', 'running', '{}', 9, 'ann', 'code', now() - interval '6 minutes', gen_random_uuid(), now() + interval '9 seconds')`,
    finding: /\(discard\) runs and has changed 0 of about 9 events\. A process holds it/,
    fix: /^Look at the logs of the processes for "operations"/,
  },
  {
    check: 'maintenance-late',
    sql: `INSERT INTO integration.integration_process (id, role, host, pid, started_at) VALUES (gen_random_uuid(), 'all', 'here', 1, now() - interval '2 hours');
          INSERT INTO integration.integration_maintenance (task, done_at) VALUES ('consumers', now()), ('retention', now() - interval '3 hours'), ('unrouted', now()), ('operating-records', now()), ('hourly-counts', now())`,
    finding: /"retention" was last done/,
    fix: /logs/,
  },
  {
    check: 'settings',
    sql: `INSERT INTO integration.integration_setting (key, value) VALUES ('core.integration.outbox.batchSize', '"many"')`,
    finding: /core\.integration\.outbox\.batchSize/,
    fix: /settings set/,
  },
  {
    check: 'switched-off',
    sql: `INSERT INTO integration.integration_setting (key, value) VALUES ('core.integration.outbox.processor.enabled', 'false')`,
    finding: /^Processing is switched off for all processes, by \w+: processor\.enabled is false\.$/,
    fix: /npx nestjs-integration settings set processor\.enabled true\. .* npx nestjs-integration settings history processor\.enabled$/,
  },
  {
    check: 'switched-off',
    sql: `INSERT INTO integration.integration_setting (key, value) VALUES ('core.integration.outbox.enabled', 'false')`,
    finding: /^Publishing is switched off for all processes, by \w+: enabled is false\.$/,
    fix: /npx nestjs-integration settings set enabled true\./,
  },
  {
    check: 'migrations',
    sql: `UPDATE integration.integration_migration SET checksum = 'other'`,
    finding: /are changed: 20/,
    fix: /reinstall/,
  },
  {
    check: 'migrations',
    sql: `INSERT INTO integration.integration_migration (name, checksum) VALUES ('99991231000000_later', 'x')`,
    finding: /are newer: 99991231000000_later/,
    fix: /Upgrade/,
  },
  {
    check: 'migrations',
    sql: `DELETE FROM integration.integration_migration; CREATE TABLE integration.integration_migration_other (id int)`,
    finding: /are missing/,
    fix: /nestjs-integration migrate/,
  },
];

describe('the doctor finds, and says what it means and what to do', () => {
  it.each(BREAKAGES)('$check: $finding', async ({ check, sql, finding, fix }) => {
    const app = await startLively(HOUR_MS);
    await publish(app, 21);
    await app.processor.drain();
    await app.close();
    expect((await examine()).findings).toEqual([]);
    await database.pool.query(sql);
    const found = await examine();
    expect(checksOf(found)).toEqual([check]);
    expect(found.findings[0]?.finding).toMatch(finding);
    expect(found.findings[0]?.fix).toMatch(fix);
    expect(found.findings[0]?.meaning).toMatch(/\.$/);
  });

  it('inbox-without-event: its statement sets aside the rows without an event, and leaves the others as they are', async () => {
    const app = await startLively(HOUR_MS);
    await publish(app, 21);
    await app.processor.drain();
    await app.close();
    await database.pool.query(
      `DELETE FROM ${LOG} WHERE position = (SELECT min(position) FROM ${INBOX} WHERE consumer_name = 'plain' AND status = 'dead_letter')`,
    );
    const open = async () => {
      const { rows } = await database.pool.query(
        `SELECT count(*)::int AS count FROM ${INBOX} WHERE status NOT IN ('processed', 'skipped')`,
      );
      return rows[0].count as number;
    };
    const before = await open();
    const [fix = ''] = (await examine()).findings.flatMap((found) => /UPDATE .*/s.exec(found.fix) ?? []);
    await database.pool.query(fix);
    expect(before - (await open())).toBe(1);
    expect((await examine()).findings.filter((found) => found.fix.includes("'plain'"))).toEqual([]);
  });

  it('inbox-without-event: looks at the oldest and the newest rows of many, and at all of them if it is to be thorough', async () => {
    await database.pool.query(`
      WITH events AS (
        INSERT INTO ${LOG} (event_name, source_module, aggregate_type, aggregate_id, payload)
        SELECT 'job.wanted', 'test', 'job', 'j' || n, '{}' FROM generate_series(1, 4100) AS n
        RETURNING id, position, aggregate_type, aggregate_id
      )
      INSERT INTO ${INBOX} (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
      SELECT id, position, 'plain', aggregate_type, aggregate_id, 'dead_letter' FROM events`);
    const lose = (positions: string) =>
      database.pool.query(`DELETE FROM ${LOG} WHERE position IN (${positions})`);
    const found = async (options: DoctorOptions = {}) =>
      (await examine(options)).findings
        .filter(({ check }) => check === 'inbox-without-event')
        .map(({ finding }) => finding.replace(/ of consumer.*/, ''));
    await lose('2050');
    expect(await found()).toEqual([]);
    expect(await found({ thorough: true })).toEqual(['1 inbox rows']);
    await lose('1, 4100');
    expect(await found()).toEqual(['At least 2 inbox rows']);
    expect(await found({ thorough: true })).toEqual(['3 inbox rows']);
  });

  it('writes names as the database and the shell want them: what it prints can be pasted', async () => {
    const name = `o'neil's "big" $(exit 1) one`;
    await database.pool.query(
      `INSERT INTO ${CURSOR} (consumer_name, event_names, unread, served_at, lease_owner, lease_token, lease_expires_at)
       VALUES ($1, '{job.*}', '{[1,)}', now() - interval '8 days', gen_random_uuid(), gen_random_uuid(), now() + interval '3 days')`,
      [name],
    );
    const fixOf = async (check: string) =>
      (await examine()).findings.find((each) => each.check === check)?.fix ?? '';
    await database.pool.query((await fixOf('leases')).replace('Free it: ', ''));
    expect(checksOf(await examine())).toEqual(['orphaned-consumer']);
    const [, command = ''] = /npx nestjs-integration (.*)$/.exec(await fixOf('orphaned-consumer')) ?? [];
    const words = execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${command}`], { encoding: 'utf8' });
    expect(await runCommand([...words.split('\0').slice(0, -1), '--yes'], database)).toMatchObject({
      status: 0,
    });
    expect((await examine()).findings).toEqual([]);
  });

  it('open-transaction: whoever has published and not ended, by pid, application and age', async () => {
    const app = await startLively(HOUR_MS);
    await publish(app, 20);
    await app.processor.drain();
    await app.close();
    const writer = new pg.Client({ connectionString: database.url, application_name: 'a forgotten job' });
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query(
      `INSERT INTO ${LOG} (event_name, source_module, aggregate_type, aggregate_id) VALUES ('job.wanted', 'test', 'job', '1')`,
    );
    expect((await examine()).findings).toEqual([]);
    const found = await examine({ openTransactionSeconds: 0 });
    expect(checksOf(found)).toEqual(['open-transaction']);
    const { rows } = await writer.query('SELECT pg_backend_pid() AS pid');
    expect(found.findings[0]).toMatchObject({
      finding: expect.stringMatching(
        /\(a forgotten job, user postgres from 127\.0\.0\.1\S*, idle in transaction\) has published/,
      ),
      fix: expect.stringContaining(`pg_terminate_backend(${rows[0].pid})`),
      details: { pid: rows[0].pid, application: 'a forgotten job' },
    });
    await writer.query('ROLLBACK');
    expect((await examine({ openTransactionSeconds: 0 })).findings).toEqual([]);
    await writer.end();
  });

  it('old-snapshot: whoever keeps dead rows from being cleaned up', async () => {
    const reader = new pg.Client({ connectionString: database.url, application_name: 'a report' });
    await reader.connect();
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    await reader.query('SELECT count(*) FROM integration.outbox_event');
    const found = await examine({ snapshotSeconds: 0 });
    expect(checksOf(found)).toEqual(['old-snapshot']);
    expect(found.findings[0]?.finding).toContain('a report');
    await reader.end();
  });

  it('prepared-transaction: one that has published and that nobody has committed', async () => {
    const server = await startEmbeddedPostgres({
      flags: ['-c', 'max_prepared_transactions=5', '-c', 'fsync=off'],
    });
    await runMigrations({ connectionString: server.url });
    const writer = new pg.Client({ connectionString: server.url });
    await writer.connect();
    await writer.query('BEGIN');
    await writer.query(
      `INSERT INTO ${LOG} (event_name, source_module, aggregate_type, aggregate_id) VALUES ('job.wanted', 'test', 'job', '1')`,
    );
    await writer.query(`PREPARE TRANSACTION 'lost'`);
    const found = await examine({ openTransactionSeconds: -1 }, server.url);
    await writer.query(`ROLLBACK PREPARED 'lost'`);
    const healed = await examine({ openTransactionSeconds: -1 }, server.url);
    await writer.end();
    await server.stop();
    expect(checksOf(found)).toEqual(['prepared-transaction']);
    expect(found.findings[0]?.fix).toContain(`ROLLBACK PREPARED 'lost'`);
    expect(healed.findings).toEqual([]);
  });
});

describe('nestjs-integration doctor', () => {
  it('exits with 0 and says so when all is well', async () => {
    const { status, stdout } = await doctor(database.url);
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^\d+ checks made: nothing is wrong\.\n$/),
    });
  });

  it('exits with 1 and prints finding, meaning and fix of each', async () => {
    await database.pool.query('DROP INDEX integration.inbox_event_due_idx');
    const { status, stdout } = await doctor(database.url);
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^1\. Index inbox_event_due_idx is missing\. \[indexes, warning\]\n {3}Meaning: .+\n {3}Fix: CREATE INDEX .+\n\n\d+ checks made: 1 finding\.\n$/,
    );
  });

  it('prints one JSON object with --json', async () => {
    await database.pool.query('DROP INDEX integration.inbox_event_due_idx');
    const { status, stdout } = await doctor(database.url, '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'integration',
      findings: [{ check: 'indexes' }],
      notChecked: [],
    });
  });

  it('reports a server that cannot be reached as a finding', async () => {
    const { status, stdout } = await doctor('postgresql://nobody@127.0.0.1:1/nowhere', '--json');
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      findings: [{ check: 'connection', fix: expect.stringContaining('DATABASE_URL') }],
    });
  });

  it('reports a connection that goes through a pooler as a finding', async () => {
    const pooler = await startTransactionPooler(database.url);
    const { status, stdout } = await doctor(pooler.url, '--json');
    await pooler.close();
    expect(status).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      findings: [{ check: 'connection', details: { code: 'INTEGRATION_DATABASE_POOLED' } }],
    });
  });
});

const doctor = (url: string, ...words: string[]) => runCommand(['doctor', ...words], { url });
