import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { readMigrationFiles } from '../../src/database/migrations/migration-files.js';
import {
  type MigrationProgress,
  runMigrations,
  verifyMigrations,
} from '../../src/database/migrations/migration-runner.js';
import { migrationStatus, requireCurrent } from '../../src/database/migrations/migration-status.js';
import { startApp } from '../support/app.js';
import { runCommand, runJsonCommand } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const FIRST = '20261127200000_log_and_publishing';
/** The first migration of those that there were before the first release. */
const FIRST_UNRELEASED = '20261120000000_outbox_and_inbox';
const ALL = (await readMigrationFiles()).map((file) => file.name);
const folders: string[] = [];

let database: TestDatabase;
let engine: EngineDatabase;

beforeEach(async () => {
  database = await createTestDatabase({ migrated: false });
  engine = engineOn('integration');
});

afterEach(async () => {
  await engine.close();
  await database.drop();
});

afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true }))));

describe('running migrations', () => {
  it('creates the tables and notes each migration with the checksum of its file', async () => {
    const result = await runMigrations({ connectionString: database.url });
    const files = await readMigrationFiles();
    expect(result).toEqual({ applied: files.map((file) => file.name), alreadyApplied: 0 });
    const { rows } = await database.pool.query(
      'SELECT name, checksum FROM integration.integration_migration ORDER BY name',
    );
    expect(rows).toEqual(files.map(({ name, checksum }) => ({ name, checksum })));
    await expect(verifyMigrations(engine)).resolves.toBeUndefined();
  });

  it('does nothing the second time', async () => {
    const { applied } = await runMigrations({ connectionString: database.url });
    expect(await runMigrations({ connectionString: database.url })).toEqual({
      applied: [],
      alreadyApplied: applied.length,
    });
  });

  it('is safe when ten processes do it at once', async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, async () => {
        const { stdout } = await promisify(execFile)(
          process.execPath,
          ['dist/bin/main.js', 'migrate', '--json'],
          { env: { ...process.env, DATABASE_URL: database.url } },
        );
        return JSON.parse(stdout) as { applied: string[] };
      }),
    );
    const files = await readMigrationFiles();
    expect(results.flatMap((result) => result.applied)).toEqual(files.map((file) => file.name));
    await expect(verifyMigrations(engine)).resolves.toBeUndefined();
  });

  it('is safe when ten callers in one process do it at once', async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, () => runMigrations({ connectionString: database.url })),
    );
    expect(results.flatMap((result) => result.applied)).toEqual(ALL);
  });

  it('puts the tables into another schema when told so, next to the first', async () => {
    await runMigrations({ connectionString: database.url });
    await runMigrations({ connectionString: database.url, schema: 'events_2' });
    const tables = async (schema: string) => {
      const { rows } = await database.pool.query<{ name: string }>(
        `SELECT relname || ' ' || relkind::text AS name FROM pg_class WHERE relnamespace = $1::regnamespace ORDER BY 1`,
        [schema],
      );
      return rows.map((row) => row.name);
    };
    expect(await tables('events_2')).toEqual(await tables('integration'));
    const { rows } = await database.pool.query(
      `SELECT a.checksum = b.checksum AS same FROM integration.integration_migration a JOIN events_2.integration_migration b USING (name)`,
    );
    expect(rows).toEqual(ALL.map(() => ({ same: true })));
    const other = engineOn('events_2');
    await expect(verifyMigrations(other)).resolves.toBeUndefined();
    await other.close();
  });

  it('leaves no reference to the default schema behind in another one', async () => {
    await runMigrations({ connectionString: database.url, schema: 'events_2' });
    await database.pool.query(`INSERT INTO events_2.integration_setting (key, value) VALUES ('k', '1')`);
    const { rows } = await database.pool.query(
      `SELECT (SELECT count(*)::int FROM events_2.integration_setting_change) AS audited,
         EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = 'integration') AS "default schema"`,
    );
    expect(rows).toEqual([{ audited: 1, 'default schema': false }]);
  });

  it('works for a role that may not create schemas, in a schema that is there', async () => {
    const role = `migrator_${process.pid}`;
    await database.pool.query(
      `CREATE ROLE ${role} LOGIN PASSWORD 'secret'; CREATE SCHEMA prepared AUTHORIZATION ${role}`,
    );
    const url = new URL(database.url);
    url.username = role;
    url.password = 'secret';
    try {
      const { applied } = await runMigrations({ connectionString: url.toString(), schema: 'prepared' });
      expect(applied).toEqual(ALL);
    } finally {
      await database.pool.query(`DROP OWNED BY ${role} CASCADE; DROP ROLE ${role}`);
    }
  });

  it('refuses a file that was changed after it was applied, and names it', async () => {
    const folder = await copyOfMigrations();
    await runMigrations({ connectionString: database.url, folder });
    await writeFile(join(folder, FIRST, 'migration.sql'), 'SELECT 1;');
    await expect(runMigrations({ connectionString: database.url, folder })).rejects.toMatchObject({
      code: 'INTEGRATION_MIGRATION_CHANGED',
      message: expect.stringContaining(FIRST),
    });
  });

  it('refuses a database that a newer version of the package migrated', async () => {
    await runMigrations({ connectionString: database.url });
    await database.pool.query(
      `INSERT INTO integration.integration_migration (name, checksum) VALUES ('29990101000000_future', 'x')`,
    );
    const refusal = {
      code: 'INTEGRATION_SCHEMA_NEWER',
      message: expect.stringMatching(/29990101000000_future.*upgrade the package/),
    };
    await expect(runMigrations({ connectionString: database.url })).rejects.toMatchObject(refusal);
    await expect(verifyMigrations(engine)).rejects.toMatchObject(refusal);
  });

  it('undoes a migration that fails, keeps those before it, and goes on from there', async () => {
    const folder = await copyOfMigrations();
    await writeNext(folder, 'CREATE TABLE "integration".half (); SELECT 1 / 0;');
    await expect(runMigrations({ connectionString: database.url, folder })).rejects.toMatchObject({
      code: 'INTEGRATION_MIGRATION_FAILED',
      message: expect.stringMatching(/29990101000000_next.*division by zero/),
    });
    await writeNext(folder, 'CREATE TABLE "integration".half ();');
    expect(await runMigrations({ connectionString: database.url, folder })).toEqual({
      applied: ['29990101000000_next'],
      alreadyApplied: ALL.length,
    });
  });

  it('says that nobody knows what became of a migration whose connection was lost, and applies it if it is missing', async () => {
    const folder = await copyOfMigrations();
    await writeNext(folder, 'SELECT pg_terminate_backend(pg_backend_pid());');
    await expect(runMigrations({ connectionString: database.url, folder })).rejects.toMatchObject({
      code: 'INTEGRATION_MIGRATION_FAILED',
      message: expect.stringMatching(
        /29990101000000_next .* the connection was lost: .*Run the migrations again/,
      ),
    });
    await writeNext(folder, 'SELECT 1;');
    expect(await runMigrations({ connectionString: database.url, folder })).toMatchObject({
      applied: ['29990101000000_next'],
    });
  });

  it('lets a migration take longer than the engine lets its statements', async () => {
    const folder = await copyOfMigrations();
    await writeNext(
      folder,
      `CREATE TABLE "integration".timeouts AS SELECT name, setting FROM pg_settings
       WHERE name IN ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout');`,
    );
    await runMigrations({ connectionString: database.url, folder });
    const { rows } = await database.pool.query('SELECT DISTINCT setting FROM integration.timeouts');
    expect(rows).toEqual([{ setting: '0' }]);
  });

  it('tells what it does as it goes', async () => {
    const steps: MigrationProgress[] = [];
    await runMigrations({ connectionString: database.url, onProgress: (step) => steps.push(step) });
    const total = ALL.length;
    expect(steps).toEqual(
      ALL.flatMap((name, place) => [
        { step: 'applying', name, index: place + 1, total },
        { step: 'applied', name, index: place + 1, total },
      ]),
    );
  });

  it('says that it waits while somebody else migrates', async () => {
    const client = await database.pool.connect();
    await client.query(
      `SELECT pg_advisory_lock(hashtextextended('nestjs-integration migrations of integration', 0))`,
    );
    const result = await new Promise((resolve, reject) => {
      const migrating = runMigrations({
        connectionString: database.url,
        onProgress: ({ step }) => {
          if (step === 'waiting') client.release(true);
        },
      });
      migrating.then(resolve, reject);
    });
    expect(result).toEqual({ applied: ALL, alreadyApplied: 0 });
  });

  it('names host, port and database, but no credentials, when there is no server', async () => {
    const connectionString = 'postgresql://somebody:topsecret@127.0.0.1:1/nowhere';
    const error = await runMigrations({ connectionString }).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'INTEGRATION_DATABASE_UNREACHABLE' });
    expect(String(error)).toContain('127.0.0.1:1/nowhere');
    expect(`${error} ${JSON.stringify(error)}`).not.toMatch(/topsecret|somebody/);
  });

  it('says why a server with several addresses cannot be reached', async () => {
    await expect(
      runMigrations({ connectionString: 'postgresql://localhost:1/nowhere' }),
    ).rejects.toMatchObject({
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  it('refuses a schema name that is not a plain identifier', async () => {
    await expect(
      runMigrations({ connectionString: database.url, schema: 'x"; DROP TABLE y' }),
    ).rejects.toMatchObject({ code: 'INTEGRATION_OPTIONS_INVALID' });
  });
});

describe('verifying migrations', () => {
  it('says which command to run when the tables are missing', async () => {
    await expect(verifyMigrations(engine)).rejects.toMatchObject({
      code: 'INTEGRATION_SCHEMA_MISSING',
      message: expect.stringMatching(/Run: npx nestjs-integration migrate$/),
    });
  });

  it('says which command to run for another schema', async () => {
    const other = engineOn('events_2');
    await expect(verifyMigrations(other)).rejects.toMatchObject({
      message: expect.stringContaining('npx nestjs-integration migrate --schema events_2'),
    });
    await other.close();
  });

  it('says which command to run when a migration is to come', async () => {
    await runMigrations({ connectionString: database.url });
    const coming = { name: '29990101000000_next', text: '', checksum: '' };
    const status = await migrationStatus(engine, 'integration', [...(await readMigrationFiles()), coming]);
    expect(status).toMatchObject({ state: 'outdated', pending: ['29990101000000_next'] });
    expect(() => requireCurrent(status)).toThrow(
      expect.objectContaining({
        code: 'INTEGRATION_SCHEMA_OUTDATED',
        message: expect.stringMatching(/29990101000000_next.*Run: npx nestjs-integration migrate$/),
      }),
    );
  });

  it('refuses a file that was changed after it was applied', async () => {
    await runMigrations({ connectionString: database.url });
    await database.pool.query(`UPDATE integration.integration_migration SET checksum = 'other'`);
    await expect(verifyMigrations(engine)).rejects.toMatchObject({
      code: 'INTEGRATION_MIGRATION_CHANGED',
      message: expect.stringContaining(FIRST),
    });
  });
});

describe('tables from before the first release', () => {
  const refusal = {
    code: 'INTEGRATION_SCHEMA_UNRELEASED',
    message: expect.stringMatching(
      /^schema "integration" .* from before its first release.* run: npx nestjs-integration migrate$/,
    ),
    details: { schema: 'integration', migrations: expect.arrayContaining([FIRST_UNRELEASED]) },
  };

  /** The tables that the package makes are taken for older ones here. What counts is which migrations are noted. */
  beforeEach(async () => {
    await runMigrations({ connectionString: database.url });
    await database.pool.query(
      `DELETE FROM integration.integration_migration;
       INSERT INTO integration.integration_migration (name, checksum) VALUES ('${FIRST_UNRELEASED}', 'a'), ('20261126020000_contracts', 'b');
       CREATE FUNCTION integration.show_suspicion() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$`,
    );
  });

  it('are refused by the boot and by a run, which change nothing', async () => {
    await expect(verifyMigrations(engine)).rejects.toMatchObject(refusal);
    await expect(runMigrations({ connectionString: database.url })).rejects.toMatchObject(refusal);
    const { rows } = await database.pool.query('SELECT name FROM integration.integration_migration');
    expect(rows).toHaveLength(2);
  });

  it('are refused by an application, and by each command that needs the tables', async () => {
    await expect(startApp(database, [])).rejects.toMatchObject(refusal);
    for (const words of [
      'migrate',
      'migrate --dry-run',
      'consumers list',
      'dead-letters list',
      'settings list',
    ])
      expect(await runJsonCommand(words.split(' '), database)).toMatchObject({
        status: 1,
        result: { error: refusal },
      });
    const status = await runCommand(['status'], database);
    expect(status).toMatchObject({ status: 1, stdout: expect.stringContaining('unreleased') });
    expect(status.stdout).toContain('Nothing in them can be taken over: drop them');
    const doctor = await runCommand(['doctor'], database);
    expect(doctor).toMatchObject({ status: 1, stdout: expect.stringContaining('unreleased') });
    expect(doctor.stdout).toContain('Nothing in them can be taken over: drop them');
  });

  it('are refused with another schema in the command to run', async () => {
    await database.pool.query('ALTER SCHEMA integration RENAME TO events_2');
    const other = engineOn('events_2');
    await expect(verifyMigrations(other)).rejects.toMatchObject({
      code: 'INTEGRATION_SCHEMA_UNRELEASED',
      message: expect.stringMatching(/npx nestjs-integration migrate --schema events_2$/),
    });
    await other.close();
  });

  it.each([0, 1])('are dropped by way %i of the guide, and made anew', async (way) => {
    const [, section = ''] =
      /^### `INTEGRATION_SCHEMA_UNRELEASED`\n(.*?)^### /ms.exec(
        await readFile('docs/guide/operate/troubleshooting.md', 'utf8'),
      ) ?? [];
    const ways = [...section.matchAll(/```sql\n(.*?)```/gs)].map(([, sql = '']) => sql);
    expect(ways).toHaveLength(2);
    await database.pool.query('CREATE TABLE public.of_the_host (id int)');
    if (way === 1) await database.pool.query('CREATE TABLE integration.of_the_host (id int)');
    await database.pool.query(ways[way] ?? '');
    const { rows } = await database.pool.query(
      `SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'integration'
       UNION ALL SELECT proname FROM pg_proc JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname = 'integration'`,
    );
    expect(rows).toEqual(way === 1 ? [{ relname: 'of_the_host' }] : []);
    expect(await runMigrations({ connectionString: database.url })).toEqual({
      applied: ALL,
      alreadyApplied: 0,
    });
    await expect(verifyMigrations(engine)).resolves.toBeUndefined();
  });
});

describe('a host that applied the files with Prisma Migrate', () => {
  beforeEach(async () => {
    for (const { text } of await readMigrationFiles()) await database.pool.query(text);
    await database.pool.query(`
      CREATE TABLE _prisma_migrations (
        id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL,
        logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`);
  });

  const noteInPrisma = (finished: string) =>
    database.pool.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at)
       SELECT md5(name), 'x', name, ${finished} FROM unnest($1::text[]) name UNION ALL VALUES ('own', 'x', 'own_tables', now())`,
      [ALL],
    );

  it('passes the check', async () => {
    await noteInPrisma('now()');
    await expect(verifyMigrations(engine)).resolves.toBeUndefined();
    expect(await migrationStatus(engine, 'integration')).toMatchObject({
      state: 'current',
      applied: ALL.map((name) => ({ name, by: 'prisma' })),
    });
  });

  it('does not pass with a migration that Prisma did not finish', async () => {
    await noteInPrisma('NULL');
    await expect(verifyMigrations(engine)).rejects.toMatchObject({ code: 'INTEGRATION_SCHEMA_MISSING' });
  });

  it('is told that its tables are from before the first release, until it has applied the released ones', async () => {
    const note = (name: string) =>
      database.pool.query(
        `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES (md5($1), 'x', $1, now())`,
        [name],
      );
    await note(FIRST_UNRELEASED);
    const refusal = { code: 'INTEGRATION_SCHEMA_UNRELEASED' };
    await expect(verifyMigrations(engine)).rejects.toMatchObject(refusal);
    await expect(runMigrations({ connectionString: database.url })).rejects.toMatchObject(refusal);
    await noteInPrisma('now()');
    await expect(verifyMigrations(engine)).resolves.toBeUndefined();
  });

  it('may change over to the runner, which applies nothing twice', async () => {
    await noteInPrisma('now()');
    const steps: MigrationProgress[] = [];
    const result = await runMigrations({
      connectionString: database.url,
      onProgress: (step) => steps.push(step),
    });
    const total = ALL.length;
    expect(result).toEqual({ applied: [], alreadyApplied: total });
    expect(steps).toEqual(ALL.map((name, place) => ({ step: 'adopted', name, index: place + 1, total })));
    await database.pool.query('DROP TABLE _prisma_migrations');
    await expect(verifyMigrations(engine)).resolves.toBeUndefined();
  });

  it('does not vouch for another schema of the same database', async () => {
    await noteInPrisma('now()');
    const other = engineOn('events_2');
    await expect(verifyMigrations(other)).rejects.toMatchObject({ code: 'INTEGRATION_SCHEMA_MISSING' });
    await other.close();
    const { applied } = await runMigrations({ connectionString: database.url, schema: 'events_2' });
    expect(applied).toEqual(ALL);
  });
});

function engineOn(schema: string): EngineDatabase {
  return new EngineDatabase({ connectionString: database.url, schema, max: 1 });
}

/** Puts a migration behind the others, or changes it. */
async function writeNext(folder: string, sql: string): Promise<void> {
  const next = join(folder, '29990101000000_next');
  await mkdir(next, { recursive: true });
  await writeFile(join(next, 'migration.sql'), sql);
}

async function copyOfMigrations(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-migrations-'));
  folders.push(folder);
  await cp('prisma/migrations', folder, { recursive: true });
  return folder;
}
