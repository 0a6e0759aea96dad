import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { run } from '../../src/cli/run.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { lineOf, readMigrationFiles } from '../../src/database/migrations/migration-files.js';
import { runMigrations, verifyMigrations } from '../../src/database/migrations/migration-runner.js';
import { inSchema } from '../../src/database/sql/tables.js';
import { IntegrationError } from '../../src/errors.js';
import { MaintenanceJob } from '../../src/maintenance/maintenance.job.js';
import { MAINTENANCE_TASKS, type MaintenanceTask } from '../../src/maintenance/maintenance-task.js';
import { type IntegrationExtension, linesOf } from '../../src/module/extension.js';
import { resolveOptions } from '../../src/module/integration.options.js';
import { SettingGroup } from '../../src/settings/setting-group.js';
import { startApp, type TestApp } from '../support/app.js';
import { Recorder } from '../support/recorder.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

declare module '../../src/errors.js' {
  interface IntegrationErrorCodes {
    INTEGRATION_PARCEL_LOST: true;
  }
}

declare module '../../src/settings/integration-settings.service.js' {
  interface AddedSettings {
    'core.integration.parcels.keptDays': number;
  }
}

interface ParcelSettings {
  keptDays: number;
  maxWeight: number;
}

const KEPT_DAYS = 'core.integration.parcels.keptDays';
const FIRST = '20200101000000_parcel';
/** It is older than the engine's migrations by its name, and has to be applied after them all the same. */
const MIGRATION = `
CREATE TABLE "integration"."parcel" ("id" bigint PRIMARY KEY, "created_at" timestamptz NOT NULL DEFAULT now());
CREATE INDEX "parcel_created_at" ON "integration"."parcel" ("created_at");
COMMENT ON TABLE "integration"."inbox_event" IS 'parcels were here';`;

/** What a part of the package with a table of its own would bring along. */
class Parcels implements IntegrationExtension {
  readonly name = 'parcels';
  readonly settings = new SettingGroup<ParcelSettings>(
    'parcels',
    {
      keptDays: { type: 'days', default: 7, min: 1, max: 90 },
      maxWeight: { type: 'count', default: 20, min: 1, max: 1_000, atLeast: 'keptDays' },
    },
    { maxWeight: 30 },
  );
  readonly cleaned = new Recorder<number>();

  constructor(private readonly folder: string) {}

  readonly migrations = () => this.folder;

  readonly tasks: IntegrationExtension['tasks'] = ({ settings, tasks, db }) => [
    {
      name: 'parcels',
      run: (intervalMs) =>
        tasks.step('parcels', intervalMs, async (session) => {
          const { keptDays } = settings.snapshotOf(this.settings);
          await session.query(
            `DELETE FROM ${inSchema(db.schema, 'parcel')} WHERE created_at < now() - $1 * interval '1 day'`,
            [keptDays],
          );
          this.cleaned.record(keptDays);
          return { done: true };
        }),
    },
  ];

  readonly checks: IntegrationExtension['checks'] = ({ db, settings }) => [
    {
      name: 'parcels-old',
      run: async () => {
        const { keptDays } = settings.snapshotOf(this.settings);
        const rows = await db.query<{ id: number }>(
          `SELECT id FROM ${inSchema(db.schema, 'parcel')} WHERE created_at < now() - $1 * interval '1 day'`,
          [keptDays],
        );
        return rows.map(({ id }) => ({
          finding: `Parcel ${id} is older than ${keptDays} days.`,
          meaning: 'It takes room.',
          fix: 'Delete it.',
          details: { id },
        }));
      },
    },
  ];
}

let folder: string;
let parcels: Parcels;
let database: TestDatabase;
let engine: EngineDatabase;
let app: TestApp | undefined;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nestjs-integration-parcels-'));
  await mkdir(join(folder, FIRST));
  await writeFile(join(folder, FIRST, 'migration.sql'), MIGRATION);
  parcels = new Parcels(folder);
  database = await createTestDatabase({ migrated: false });
  engine = new EngineDatabase({ connectionString: database.url, schema: 'integration', max: 2 });
});

afterEach(async () => {
  jest.restoreAllMocks();
  await app?.close();
  app = undefined;
});

afterAll(async () => {
  await engine.close();
  await database.drop();
  await rm(folder, { recursive: true });
});

describe('what is brought along beside the engine’s own', () => {
  it('migrates after the engine’s migrations, and its line is left alone by who does not have it', async () => {
    const lines = linesOf([parcels]);
    const { applied } = await runMigrations({ connectionString: database.url, lines });
    const engineOwn = (await readMigrationFiles()).map(({ name }) => name);
    expect(applied).toEqual([...engineOwn, `parcels/${FIRST}`]);
    await expect(verifyMigrations(engine, lines)).resolves.toBeUndefined();
    await expect(verifyMigrations(engine)).resolves.toBeUndefined();
    expect(await runMigrations({ connectionString: database.url })).toEqual({
      applied: [],
      alreadyApplied: engineOwn.length,
    });
    expect(lineOf(`parcels/${FIRST}`)).toBe('parcels');
  });

  it('is asked for by the boot where it is missing, and is told of a change and of a newer version', async () => {
    const lines = linesOf([parcels]);
    await runMigrations({ connectionString: database.url, lines });
    const other = { name: 'parcels', folder: () => otherFolder };
    const otherFolder = join(folder, '..', `${folder.split('/').at(-1)}-other`);
    try {
      await mkdir(join(otherFolder, '20200102000000_more'), { recursive: true });
      await writeFile(join(otherFolder, '20200102000000_more', 'migration.sql'), 'SELECT 1;');
      await expect(verifyMigrations(engine, [other])).rejects.toMatchObject({
        code: 'INTEGRATION_SCHEMA_NEWER',
        details: { migrations: [`parcels/${FIRST}`] },
      });
      await expect(verifyMigrations(engine, [{ ...other, name: 'letters' }])).rejects.toMatchObject({
        code: 'INTEGRATION_SCHEMA_OUTDATED',
        details: { pending: ['letters/20200102000000_more'] },
      });
    } finally {
      await rm(otherFolder, { recursive: true });
    }
  });

  it('has settings that are read, listed, checked, changed and followed while the application runs', async () => {
    app = await startApp(database, [], { migrations: 'run', extensions: [parcels] });
    const { settings } = app;
    expect(settings.snapshotOf(parcels.settings)).toEqual({ keptDays: 7, maxWeight: 30 });
    expect(settings.getAll()).toContainEqual({
      key: KEPT_DAYS,
      value: 7,
      default: 7,
      source: 'default',
      type: 'days',
      description: '',
      unit: 'days',
      min: 1,
      max: 90,
      environmentName: 'INTEGRATION_PARCELS_KEPT_DAYS',
    });
    const changes = new Recorder<unknown>();
    settings.changes$.subscribe((change) => changes.record(change));
    await database.pool.query(
      `INSERT INTO integration.integration_setting (key, value) VALUES ('${KEPT_DAYS}', '9')`,
    );
    expect(await changes.first(1)).toEqual([
      { key: KEPT_DAYS, value: 9, previousValue: 7, source: 'database' },
    ]);
    expect(settings.snapshotOf(parcels.settings).keptDays).toBe(9);
    await expect(settings.set(KEPT_DAYS, 91, 'test')).rejects.toMatchObject({
      code: 'INTEGRATION_SETTING_INVALID',
      details: { key: KEPT_DAYS, reason: 'must be a whole number from 1 to 90, not 91' },
    });
    await expect(settings.set(KEPT_DAYS, 31, 'test')).rejects.toMatchObject({
      details: { reason: 'must not be above maxWeight (30), not 31' },
    });
    await settings.reset(KEPT_DAYS, 'test');
    expect(settings.view(KEPT_DAYS)).toMatchObject({ value: 7, source: 'default' });
  });

  it('has a task that the maintenance does with its own', async () => {
    app = await startApp(database, [], { migrations: 'run', extensions: [parcels] });
    const tasks = app.context.get<readonly MaintenanceTask[]>(MAINTENANCE_TASKS, { strict: false });
    expect(tasks.map(({ name }) => name)).toEqual([
      'consumers',
      'retention',
      'unrouted',
      'hourly-counts',
      'operating-records',
      'parcels',
    ]);
    await database.pool.query(
      `INSERT INTO integration.parcel (id, created_at) VALUES (1, now() - interval '8 days'), (2, now())`,
    );
    await app.context.get(MaintenanceJob, { strict: false }).runRound();
    expect(await parcels.cleaned.first(1)).toEqual([7]);
    const { rows } = await database.pool.query('SELECT id FROM integration.parcel');
    expect(rows).toEqual([{ id: '2' }]);
  });

  it('is known to the commands: migrate, settings, doctor', async () => {
    await runMigrations({ connectionString: database.url });
    const migrated = await command(['migrate']);
    expect(migrated).toMatchObject({ status: 0 });
    await database.pool.query(
      `INSERT INTO integration.parcel (id, created_at) VALUES (3, now() - interval '20 days')`,
    );
    const set = await command(['settings', 'set', KEPT_DAYS, '12', '--yes']);
    expect(set).toEqual({ status: 0, text: `${KEPT_DAYS} is now 12.\n` });
    expect((await command(['settings', 'list'])).text).toMatch(
      /core\.integration\.parcels\.keptDays +12 +database +7/,
    );
    const { status, text } = await command(['doctor']);
    expect(status).toBe(1);
    expect(text).toContain('Parcel 3 is older than 12 days. [parcels-old, warning]');
    await database.pool.query('DROP INDEX integration.parcel_created_at');
    expect((await command(['doctor'])).text).toContain(
      'Index parcel_created_at is missing. [indexes, warning]',
    );
  });

  it('has a task that doctor misses once it was done, because an application may not have the part', async () => {
    await runMigrations({ connectionString: database.url });
    await command(['migrate']);
    await database.pool.query(
      `DELETE FROM integration.integration_maintenance;
       INSERT INTO integration.integration_process (id, role, host, pid, started_at) VALUES (gen_random_uuid(), 'all', 'here', 1, now() - interval '2 hours')`,
    );
    const never = (await command(['doctor'])).text;
    expect(never).toContain('The maintenance task "retention" was never done');
    expect(never).not.toContain('The maintenance task "parcels"');
    await database.pool.query(
      `INSERT INTO integration.integration_maintenance (task, done_at) VALUES ('parcels', now() - interval '3 hours')`,
    );
    expect((await command(['doctor'])).text).toContain('The maintenance task "parcels" was last done');
  });

  it('has codes of its own for its errors', () => {
    const error = new IntegrationError('INTEGRATION_PARCEL_LOST', 'The parcel is lost. Ask the carrier.');
    expect(error.code).toBe('INTEGRATION_PARCEL_LOST');
  });

  it('is refused where its name is none, or is taken', () => {
    const problemsOf = (extensions: unknown[]): unknown => {
      try {
        resolveOptions(
          { connectionString: 'postgres://h/d', extensions: extensions as never },
          undefined,
          {},
        );
        return [];
      } catch (error) {
        return (error as IntegrationError).details.problems;
      }
    };
    const notOwn = (i: number) =>
      `extensions[${i}] has no name of its own, of lower-case letters, digits and underscores`;
    expect(problemsOf([parcels])).toEqual([]);
    expect(problemsOf([{ name: 'outbox' }, { name: 'a/b' }, null])).toEqual([0, 1, 2].map(notOwn));
    expect(problemsOf([{ name: 'a' }, { name: 'a' }])).toEqual(['extensions has "a" twice']);
    expect(problemsOf([{ name: 'a', settings: parcels.settings }])).toEqual([
      'the settings of extension "a" are a group of another name: "parcels"',
    ]);
  });
});

async function command(words: readonly string[]): Promise<{ status: number; text: string }> {
  let text = '';
  const spy = jest.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    text += String(chunk);
    return true;
  });
  try {
    const status = await run([...words, '--database-url', database.url], undefined, [parcels]);
    return { status, text };
  } finally {
    spy.mockRestore();
  }
}
