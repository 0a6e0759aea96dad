import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readMigrationFiles } from '../../src/database/migrations/migration-files.js';
import { type CommandOutcome, runCommandIn } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const MAIN = resolve('dist/bin/main.js');
const BATCH_SIZE = 'core.integration.outbox.batchSize';

let folder: string;
let migrated: TestDatabase;
let empty: TestDatabase;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-cli-'));
  [migrated, empty] = [await createTestDatabase(), await createTestDatabase({ migrated: false })];
});

afterAll(async () => {
  await Promise.all([migrated.drop(), empty.drop(), rm(folder, { recursive: true })]);
});

/** The environment with the named database, or none. */
function environmentOf(database?: TestDatabase, more: Record<string, string> = {}) {
  const { DATABASE_URL: _, ...inherited } = process.env;
  return { ...inherited, ...(database && { DATABASE_URL: database.url }), ...more };
}

/** Runs a command line as in a folder of its own. */
function run(
  words: string[],
  database?: TestDatabase,
  more?: Record<string, string>,
): Promise<CommandOutcome> {
  return runCommandIn({ folder, environment: environmentOf(database, more), terminal: undefined }, words);
}

/** The same as a process. */
async function runProcess(words: string[], more?: Record<string, string>): Promise<CommandOutcome> {
  const child = spawn(process.execPath, [MAIN, ...words], {
    cwd: folder,
    env: environmentOf(undefined, more),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, [status]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close'),
  ]);
  return { status, stdout, stderr };
}

async function runJson(words: string[], database?: TestDatabase, environment: Record<string, string> = {}) {
  const { status, stdout } = await run([...words, '--json'], database, environment);
  return { status, result: JSON.parse(stdout) };
}

describe('wrong use', () => {
  it.each([
    ['no command', [], 'no command given'],
    ['an unknown command', ['migrat'], 'unknown command: migrat (did you mean migrate?)'],
    [
      'an unknown word of a group',
      ['consumers', 'puase'],
      'unknown command: consumers puase (did you mean consumers pause?)',
    ],
    ['a command that is none', ['fly'], 'unknown command: fly'],
    ['a misspelt option', ['status', '--wacth'], 'status has no option --wacth (did you mean --watch?)'],
    ['half a command', ['settings'], 'unknown command: settings'],
    ['an unknown option', ['migrate', '--hurry'], 'migrate has no option --hurry'],
    ['an option of another command', ['migrate', '--by', 'me'], 'migrate has no option --by'],
    ['a missing argument', ['settings', 'set', 'batchSize'], 'settings set needs <value>'],
    ['one argument too many', ['status', 'now'], 'status takes no "now"'],
    ['no database', ['status'], 'no database: give --database-url'],
  ])('%s: says so, prints the usage and exits with 2', async (_, words, message) => {
    const { status, stdout, stderr } = await run(words);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
    expect(stderr).toContain('Usage: nestjs-integration <command>');
  });

  it('ends its process with the status, and leaves its standard output empty', async () => {
    expect(await runProcess(['status', 'now'])).toEqual({
      status: 2,
      stdout: '',
      stderr: expect.stringContaining('status takes no "now"'),
    });
  });

  it('does not mind that nobody reads what it prints', async () => {
    const child = spawn(process.execPath, [MAIN, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('with --json, also says so in JSON', async () => {
    const { status, result } = await runJson(['migrate', '--by', 'me'], migrated);
    expect({ status, result }).toEqual({
      status: 2,
      result: { error: { message: 'migrate has no option --by' } },
    });
  });

  it('--help prints the usage and --version the version, and both are no error', async () => {
    expect(await runProcess(['--help'])).toMatchObject({
      status: 0,
      stderr: '',
      stdout: expect.stringContaining('Usage:'),
    });
    const ofCommand = await run(['settings', 'set', '--help']);
    expect(ofCommand.stdout).toContain('settings set <key> <value>');
    expect(ofCommand.stdout).not.toContain('migrate ');
    expect(await runProcess(['--version'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
    });
  });
});

describe('the database', () => {
  it('is the one that --database-url names, before the environment', async () => {
    const { status } = await runProcess(['status', '--database-url', migrated.url], {
      DATABASE_URL: 'postgres://x',
    });
    expect(status).toBe(0);
  });

  it('is that of the integration that --name names, with its settings, and no other', async () => {
    const environment = {
      DATABASE_URL: empty.url,
      BILLING_DATABASE_URL: migrated.url,
      INTEGRATION_OUTBOX_BATCH_SIZE: '11',
      BILLING_INTEGRATION_OUTBOX_BATCH_SIZE: '12',
    };
    const { status, result } = await runJson(
      ['settings', 'list', '--name', 'billing'],
      undefined,
      environment,
    );
    expect(status).toBe(0);
    expect(JSON.stringify(result)).toContain('BILLING_INTEGRATION_OUTBOX_BATCH_SIZE');
    expect(result.settings.find(({ key }: { key: string }) => key === BATCH_SIZE)).toMatchObject({
      value: 12,
      source: 'environment',
    });
    const { BILLING_DATABASE_URL: _, ...without } = environment;
    const refused = await run(['status', '--name', 'billing'], undefined, without);
    expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining('set BILLING_DATABASE_URL') });
    const misnamed = await run(['status', '--name', 'Billing'], undefined, environment);
    expect(misnamed).toMatchObject({ status: 2, stderr: expect.stringContaining('--name must be') });
    const behind = await run(['status', '--name', 'other'], undefined, {
      ...environment,
      OTHER_DATABASE_URL: empty.url,
    });
    expect(behind.stdout).toContain('npx nestjs-integration migrate --name other');
  });

  it('is read from .env, which does not override the environment and may refer to other variables', async () => {
    const [, rest = ''] = migrated.url.split('postgres:postgres@');
    await writeFile(
      join(folder, '.env'),
      `PG_PASSWORD=postgres\nDATABASE_URL="postgresql://postgres:\${PG_PASSWORD}@${rest}"\n`,
    );
    try {
      expect(await runProcess(['status'])).toMatchObject({ status: 0, stderr: '' });
      expect((await run(['status'], empty)).status).toBe(1);
    } finally {
      await rm(join(folder, '.env'));
    }
  });

  it('is named without credentials when it cannot be reached', async () => {
    for (const command of ['migrate', 'status']) {
      const url = 'postgresql://somebody:topsecret@127.0.0.1:1/nowhere';
      const { status, stdout, stderr } = await run([command, '--database-url', url]);
      expect(status).toBe(1);
      expect(stderr).toContain('cannot reach Postgres at 127.0.0.1:1/nowhere');
      expect(stdout + stderr).not.toMatch(/topsecret|somebody|\n\s+at /);
    }
  });

  it('may not be a proxy that speaks Prisma only', async () => {
    const { status, stdout, stderr } = await run([
      'status',
      '--database-url',
      'prisma+postgres://host/?api_key=topsecret',
    ]);
    expect(status).toBe(2);
    expect(stderr).toContain('direct postgres:// URL');
    expect(stdout + stderr).not.toContain('topsecret');
  });

  it('may have the parameters that Prisma adds to its URL', async () => {
    const url = `${migrated.url}?schema=public&connection_limit=5&pool_timeout=2&pgbouncer=true`;
    expect((await run(['status', '--database-url', url])).status).toBe(0);
  });
});

describe('migrate', () => {
  it('creates the tables, then finds nothing to do', async () => {
    const database = await createTestDatabase({ migrated: false });
    const migrations = (await readMigrationFiles()).map((file) => file.name);
    expect(await runJson(['migrate'], database)).toEqual({
      status: 0,
      result: { schema: 'integration', applied: migrations, alreadyApplied: 0 },
    });
    expect(await run(['migrate'], database)).toEqual({
      status: 0,
      stdout: `Schema "integration" is up to date (${migrations.length} applied before).\n`,
      stderr: '',
    });
    await database.drop();
  });

  it('creates them in another schema', async () => {
    const database = await createTestDatabase({ migrated: false });
    expect((await run(['migrate', '--schema', 'events'], database)).status).toBe(0);
    expect((await run(['status', '--schema', 'events'], database)).status).toBe(0);
    expect((await run(['status'], database)).status).toBe(1);
    await database.drop();
  });

  it('fails with the error as JSON when asked for JSON', async () => {
    const { status, result } = await runJson(['migrate', '--schema', 'Wrong Name'], empty);
    expect(status).toBe(2);
    expect(result).toMatchObject({
      error: { code: 'INTEGRATION_OPTIONS_INVALID', message: expect.any(String) },
    });
  });
});

describe('status', () => {
  it('exits with 1 and names the command when the tables are missing', async () => {
    const { status, stdout } = await run(['status'], empty);
    expect(status).toBe(1);
    expect(stdout).toContain('missing');
    expect(stdout).toContain('Run: npx nestjs-integration migrate\n');
    const other = await run(['status', '--schema', 'events'], empty);
    expect(other.stdout).toContain('Run: npx nestjs-integration migrate --schema events\n');
  });

  it('names the command when a migration is to come, although columns of this version are missing', async () => {
    const outdated = await createTestDatabase();
    try {
      await outdated.pool.query(`
        ALTER TABLE integration.inbox_cursor DROP COLUMN paused_by;
        DELETE FROM integration.integration_migration WHERE name = (SELECT max(name) FROM integration.integration_migration)`);
      const { status, stdout } = await run(['status'], outdated);
      expect([status, stdout]).toEqual([1, expect.stringContaining('Run: npx nestjs-integration migrate')]);
    } finally {
      await outdated.drop();
    }
  });

  it('shows each consumer: backlog in positions, lag, owner, pause and dead letters', async () => {
    const database = await createTestDatabase();
    await database.pool.query(`
      INSERT INTO integration.outbox_event (event_name, source_module, aggregate_type, aggregate_id, created_at)
        SELECT 'invoice.created', 'billing', 'invoice', n::text, now() - interval '1 hour' FROM generate_series(1, 10) n;
      INSERT INTO integration.integration_process (id, role, host, pid)
        VALUES ('00000000-0000-0000-0000-000000000001', 'worker', 'machine', 42);
      INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, lease_owner, lease_expires_at)
        VALUES ('behind', '{invoice.*}', '{[3,5),[8,)}', '00000000-0000-0000-0000-000000000001', now() + interval '1 hour');
      INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, paused_at, lease_owner, lease_expires_at)
        VALUES ('done', '{invoice.*}', '{[11,)}', now(), '00000000-0000-0000-0000-000000000001', now() - interval '1 hour');
      INSERT INTO integration.inbox_event (outbox_event_id, position, consumer_name, aggregate_type, aggregate_id, status)
        SELECT id, position, 'done', aggregate_type, aggregate_id, 'dead_letter' FROM integration.outbox_event WHERE position <= 2;`);
    const { status, result } = await runJson(['status'], database);
    expect(status).toBe(0);
    expect(result.deadLetters).toBe(2);
    const owner = { id: '00000000-0000-0000-0000-000000000001', host: 'machine', pid: 42 };
    expect(result.consumers).toEqual([
      expect.objectContaining({
        consumerName: 'behind',
        pendingPositions: 5,
        owner,
        paused: false,
        deadLetters: 0,
      }),
      expect.objectContaining({
        consumerName: 'done',
        pendingPositions: 0,
        owner: null,
        paused: true,
        deadLetters: 2,
      }),
    ]);
    expect(result.consumers[0].lagSeconds).toBeGreaterThan(3_500);
    expect(result.consumers[1].lagSeconds).toBeNull();
    const { stdout } = await run(['status'], database);
    expect(stdout).toMatch(/behind +5 +3[56]\d\d\.\d s +0 +machine:42 +active\n/);
    expect(stdout).toMatch(/done +0 +- +2 +- +paused\n/);
    await database.drop();
  });

  it('says that nobody is registered', async () => {
    expect((await run(['status'], migrated)).stdout).toContain('No consumer is registered.');
  });
});

describe('settings', () => {
  const valueOfBatchSize = async (environment: Record<string, string> = {}) => {
    const { result } = await runJson(['settings', 'list'], migrated, environment);
    const setting = result.settings.find(({ key }: { key: string }) => key === BATCH_SIZE);
    return [setting.value, setting.source];
  };

  it('are listed with value, source and default', async () => {
    expect(await valueOfBatchSize()).toEqual([500, 'default']);
    expect(await valueOfBatchSize({ INTEGRATION_OUTBOX_BATCH_SIZE: '9' })).toEqual([9, 'environment']);
    const { status, stdout } = await run(['settings', 'list'], migrated);
    expect(status).toBe(0);
    expect(stdout).toMatch(/core\.integration\.outbox\.batchSize +500 +default +500\n/);
  });

  it('are set and reset, with the author in the audit', async () => {
    expect(
      await runJson(['settings', 'set', 'batchSize', '33', '--by', 'alice', '--yes'], migrated),
    ).toMatchObject({
      status: 0,
      result: { setting: { key: BATCH_SIZE, value: 33, source: 'database' } },
    });
    expect(await valueOfBatchSize()).toEqual([33, 'database']);
    expect((await run(['settings', 'reset', BATCH_SIZE, '--yes'], migrated)).status).toBe(0);
    expect(await valueOfBatchSize()).toEqual([500, 'default']);
    const { rows } = await migrated.pool.query(
      'SELECT changed_by AS by FROM integration.integration_setting_change ORDER BY id',
    );
    expect(rows).toEqual([{ by: 'alice' }, { by: expect.stringMatching(/^cli:/) }]);
  });

  it.each([
    ['batchSize', '0', 'from 1 to 5000'],
    ['batchSize', 'many', 'not "many"'],
    ['enabled', 'perhaps', 'must be true or false'],
    ['batchsize', '1', 'is not a setting'],
  ])('refuse %s = %s with the reason', async (key, value, reason) => {
    const { status, stdout, stderr } = await run(['settings', 'set', key, value, '--yes'], migrated);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(reason);
  });

  it('name the command to run when the tables are missing', async () => {
    const { status, stderr } = await run(['settings', 'list'], empty);
    expect(status).toBe(1);
    expect(stderr).toContain('Run: npx nestjs-integration migrate');
  });
});
