import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { EngineDatabase } from '../../src/database/engine-database.js';
import {
  IntegrationSettingsService,
  type SettingChange,
} from '../../src/settings/integration-settings.service.js';
import type { SettingSources } from '../../src/settings/settings-resolution.js';
import { hearLog, type LogLines, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const BATCH_SIZE = 'core.integration.outbox.batchSize';

let database: TestDatabase;
let engine: EngineDatabase;
let lines: LogLines;

beforeAll(async () => {
  database = await createTestDatabase();
  engine = new EngineDatabase({ connectionString: database.url, schema: 'integration', max: 2 });
});

beforeEach(async () => {
  await database.pool.query('DELETE FROM integration.integration_setting');
  await database.pool.query('DELETE FROM integration.integration_setting_change');
  lines = hearLog();
});

afterEach(() => {
  silenceLog();
});

afterAll(async () => {
  await engine.close();
  await database.drop();
});

async function settingsFrom(sources: SettingSources = {}): Promise<IntegrationSettingsService> {
  const service = new IntegrationSettingsService(engine, { environment: {}, ...sources });
  await service.load();
  return service;
}

function store(key: string, value: unknown): Promise<unknown> {
  return database.pool.query(
    `INSERT INTO integration.integration_setting (key, value) VALUES ($1, $2::jsonb)
     ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value`,
    [key, JSON.stringify(value)],
  );
}

async function audit(): Promise<unknown[]> {
  const { rows } = await database.pool.query(
    `SELECT key, old_value AS old, new_value AS new, changed_by AS by FROM integration.integration_setting_change ORDER BY id`,
  );
  return rows;
}

describe('where a setting comes from', () => {
  const environment = { INTEGRATION_OUTBOX_BATCH_SIZE: '30' };
  const config = { get: (path: string) => (path === 'integration.outbox.batchSize' ? 20 : undefined) };
  const options = { batchSize: 10 };
  const read = (service: IntegrationSettingsService) => {
    const view = service.getAll().find(({ key }) => key === BATCH_SIZE);
    return [service.get('batchSize'), view?.source];
  };

  it('is the default when nobody says anything', async () => {
    expect(read(await settingsFrom())).toEqual([500, 'default']);
  });

  it('is the module options before the default', async () => {
    expect(read(await settingsFrom({ options }))).toEqual([10, 'options']);
  });

  it('is the configuration before the module options', async () => {
    expect(read(await settingsFrom({ options, config }))).toEqual([20, 'config']);
  });

  it('is the environment before the configuration', async () => {
    expect(read(await settingsFrom({ options, config, environment }))).toEqual([30, 'environment']);
  });

  it('is the database before everything', async () => {
    await store(BATCH_SIZE, 40);
    expect(read(await settingsFrom({ options, config, environment }))).toEqual([40, 'database']);
  });

  it('is the process environment unless another is given', () => {
    process.env.INTEGRATION_OUTBOX_BATCH_SIZE = '30';
    try {
      expect(new IntegrationSettingsService(engine).get('batchSize')).toBe(30);
    } finally {
      delete process.env.INTEGRATION_OUTBOX_BATCH_SIZE;
    }
  });
});

describe('reading a setting', () => {
  it('gives a value of its type, by its full key or without prefix', async () => {
    const service = await settingsFrom();
    const size: number = service.get(BATCH_SIZE);
    const enabled: boolean = service.get('processor.enabled');
    expect([size, enabled, service.snapshot()['processor.enabled']]).toEqual([500, true, true]);
  });

  it('lists all eighteen with value, default, source, bounds and environment name', async () => {
    const all = (await settingsFrom()).getAll();
    expect(all).toHaveLength(18);
    expect(all.find(({ key }) => key === BATCH_SIZE)).toEqual({
      key: BATCH_SIZE,
      value: 500,
      default: 500,
      source: 'default',
      type: 'events',
      description: 'The largest number of events that are read at once.',
      unit: 'events',
      min: 1,
      max: 5_000,
      environmentName: 'INTEGRATION_OUTBOX_BATCH_SIZE',
    });
  });
});

describe('changing a setting', () => {
  it('stores it under its full key, whichever form was given, and puts it in force at once', async () => {
    const service = await settingsFrom();
    await service.set('batchSize', 41, 'alice');
    expect(service.get(BATCH_SIZE)).toBe(41);
    await service.set(BATCH_SIZE, 42, 'alice');
    expect(service.get('batchSize')).toBe(42);
    const { rows } = await database.pool.query(
      'SELECT key, value, updated_by FROM integration.integration_setting',
    );
    expect(rows).toEqual([{ key: BATCH_SIZE, value: 42, updated_by: 'alice' }]);
  });

  it('is written down with who, from and to', async () => {
    const service = await settingsFrom();
    await service.set('processor.enabled', false, 'alice');
    await service.set('processor.enabled', true, 'bob');
    await service.reset('processor.enabled', 'carol');
    const key = 'core.integration.outbox.processor.enabled';
    expect(await audit()).toEqual([
      { key, old: null, new: false, by: 'alice' },
      { key, old: false, new: true, by: 'bob' },
      { key, old: true, new: null, by: 'carol' },
    ]);
  });

  it('returns to the next source on reset, and resetting again is harmless', async () => {
    const service = await settingsFrom({ options: { batchSize: 10 } });
    await service.set('batchSize', 41, 'alice');
    await service.reset('batchSize');
    await service.reset('batchSize');
    expect(service.get('batchSize')).toBe(10);
    expect(await audit()).toHaveLength(2);
  });

  it('tells of each change in force, and of nothing else', async () => {
    const service = await settingsFrom();
    const changes: SettingChange[] = [];
    service.changes$.subscribe((change) => changes.push(change));
    await service.set('batchSize', 41, 'alice');
    await service.set('batchSize', 41, 'alice');
    await service.load();
    await service.reset('batchSize');
    expect(changes).toEqual([
      { key: BATCH_SIZE, value: 41, previousValue: 500, source: 'database' },
      { key: BATCH_SIZE, value: 500, previousValue: 41, source: 'default' },
    ]);
  });

  it('leaves a snapshot as it was, and gives a new one', async () => {
    const service = await settingsFrom();
    const before = service.snapshot();
    await service.set('batchSize', 41, 'alice');
    expect([before.batchSize, service.snapshot().batchSize]).toEqual([500, 41]);
    expect(Object.isFrozen(before)).toBe(true);
    expect(service.snapshot()).toBe(service.snapshot());
  });

  it.each([
    ['batchSize', 0, /from 1 to 5000, not 0/],
    ['batchSize', 5_001, /from 1 to 5000, not 5001/],
    ['batchSize', 1.5, /whole number/],
    ['batchSize', '500', /not "500"/],
    ['enabled', 'yes', /true or false/],
    ['enabled', null, /true or false/],
    ['pollingIntervalMs', 99, /from 100/],
    ['idlePollingIntervalMs', 4_999, /must not be below pollingIntervalMs \(5000\)/],
    ['retryMaxDelayMs', 999, /must not be below retryBaseDelayMs \(1000\)/],
    ['orphanAfterDays', 366, /from 1 to 365/],
    ['hourlyRetentionDays', 7, /from 8 to 3650/],
  ])('refuses %s = %p with the reason, and stores nothing', async (key, value, reason) => {
    const service = await settingsFrom();
    await expect(service.set(key, value, 'alice')).rejects.toMatchObject({
      code: 'INTEGRATION_SETTING_INVALID',
      message: expect.stringMatching(reason),
    });
    expect(await audit()).toEqual([]);
  });

  it('judges bounds across settings by what is stored now, not by what was read last', async () => {
    const service = await settingsFrom();
    await store('core.integration.outbox.idlePollingIntervalMs', 8_000);
    await expect(service.set('pollingIntervalMs', 9_000, 'alice')).rejects.toMatchObject({
      code: 'INTEGRATION_SETTING_INVALID',
      message: expect.stringContaining('must not be above idlePollingIntervalMs (8000)'),
    });
  });

  it('refuses a setting that does not exist', async () => {
    const service = await settingsFrom();
    const unknown = expect.objectContaining({ code: 'INTEGRATION_SETTING_UNKNOWN' });
    await expect(service.set('batchsize', 1, 'alice')).rejects.toEqual(unknown);
    await expect(service.reset('core.integration.outbox.nothing')).rejects.toEqual(unknown);
    expect(() => service.get('toString' as 'enabled')).toThrow(unknown as unknown as Error);
  });
});

describe('a change by plain SQL', () => {
  it('is in force after the next look at the table', async () => {
    const service = await settingsFrom();
    const changes: SettingChange[] = [];
    service.changes$.subscribe((change) => changes.push(change));
    await store(BATCH_SIZE, 77);
    await service.load();
    expect(service.get('batchSize')).toBe(77);
    expect(changes).toMatchObject([{ key: BATCH_SIZE, value: 77 }]);
  });

  it('is in force when somebody hands over what is stored', async () => {
    const service = await settingsFrom();
    service.applyStored({ [BATCH_SIZE]: 78 });
    expect(service.get('batchSize')).toBe(78);
    service.applyStored({});
    expect(service.get('batchSize')).toBe(500);
  });

  it('is not undone by a read that was sent before it and answered after it', async () => {
    const service = await settingsFrom();
    const sentAt = performance.now();
    await service.set('batchSize', 79, 'alice');
    service.applyStored({}, sentAt);
    expect(service.get('batchSize')).toBe(79);
  });

  it('is written down with the role, or with the name that the session or the statement gives', async () => {
    await store(BATCH_SIZE, 1);
    await database.pool.query(
      `UPDATE integration.integration_setting SET value = '2', updated_by = 'dora' WHERE key = $1`,
      [BATCH_SIZE],
    );
    await database.pool.query(
      `BEGIN; SET LOCAL integration.changed_by = 'emil'; UPDATE integration.integration_setting SET value = '3'; COMMIT`,
    );
    await store(BATCH_SIZE, 4);
    await database.pool.query('DELETE FROM integration.integration_setting');
    expect(await audit()).toEqual([
      { key: BATCH_SIZE, old: null, new: 1, by: 'postgres' },
      { key: BATCH_SIZE, old: 1, new: 2, by: 'dora' },
      { key: BATCH_SIZE, old: 2, new: 3, by: 'emil' },
      { key: BATCH_SIZE, old: 3, new: 4, by: 'postgres' },
      { key: BATCH_SIZE, old: 4, new: null, by: 'postgres' },
    ]);
  });

  it('keeps the time and the author of the last change on the row', async () => {
    await store(BATCH_SIZE, 1);
    await database.pool.query(
      `UPDATE integration.integration_setting SET value = '2', updated_at = 'epoch', updated_by = NULL`,
    );
    const { rows } = await database.pool.query(
      `SELECT updated_by, updated_at > now() - interval '1 minute' AS recent FROM integration.integration_setting`,
    );
    expect(rows).toEqual([{ updated_by: 'postgres', recent: true }]);
  });

  it('is written down when the table is emptied or a key renamed, and not when nothing changes', async () => {
    await store(BATCH_SIZE, 1);
    await store(BATCH_SIZE, 1);
    await database.pool.query(`UPDATE integration.integration_setting SET key = 'other'`);
    await database.pool.query('TRUNCATE integration.integration_setting');
    expect(await audit()).toEqual([
      { key: BATCH_SIZE, old: null, new: 1, by: 'postgres' },
      { key: BATCH_SIZE, old: 1, new: null, by: 'postgres' },
      { key: 'other', old: null, new: 1, by: 'postgres' },
      { key: 'other', old: 1, new: null, by: 'postgres' },
    ]);
  });

  it('wakes who listens, with the key, once it is committed', async () => {
    const client = await database.pool.connect();
    const heard = new Promise<string | undefined>((resolve) =>
      client.once('notification', ({ payload }) => resolve(payload)),
    );
    await client.query('LISTEN integration_settings');
    await store(BATCH_SIZE, 1);
    expect(await heard).toBe(BATCH_SIZE);
    client.release(true);
  });
});

describe('an invalid value', () => {
  it('in the table falls back to the next source, with one warning however often it is read', async () => {
    await store(BATCH_SIZE, 'many');
    const service = await settingsFrom({ options: { batchSize: 10 } });
    for (let read = 0; read < 5; read++) {
      await service.load();
      service.get('batchSize');
    }
    await store('core.integration.outbox.maxAttempts', 4);
    await service.load();
    expect(service.get('batchSize')).toBe(10);
    expect(service.get('maxAttempts')).toBe(4);
    expect(lines.texts('warn')).toEqual([
      `stored setting ${BATCH_SIZE} must be a whole number from 1 to 5000, not "many": it is ignored`,
    ]);
  });

  it('in the table is warned about again when it comes back after being put right', async () => {
    const service = await settingsFrom();
    for (const value of [0, 5, 0]) service.applyStored({ [BATCH_SIZE]: value });
    expect(lines.texts('warn')).toHaveLength(2);
  });

  it('in the environment falls back, with one warning', async () => {
    const service = await settingsFrom({ environment: { INTEGRATION_OUTBOX_BATCH_SIZE: 'many' } });
    await service.load();
    expect(service.get('batchSize')).toBe(500);
    expect(lines.texts('warn')).toEqual([expect.stringContaining('INTEGRATION_OUTBOX_BATCH_SIZE')]);
  });
});
