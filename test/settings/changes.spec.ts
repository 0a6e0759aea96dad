import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AdminDatabase } from '../../src/database/admin-database.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { IntegrationSettingsService, type SettingHistoryEntry } from '../../src/index.js';
import { SETTING_KEYS } from '../../src/settings/settings-definitions.js';
import { emptyTables } from '../support/empty-tables.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';

const full = (key: string) => `core.integration.outbox.${key}`;

let database: TestDatabase;
let engine: EngineDatabase;
let admin: AdminDatabase;
let settings: IntegrationSettingsService;

beforeAll(async () => {
  database = await createTestDatabase();
  const target = { connectionString: database.url, schema: 'integration' };
  engine = new EngineDatabase({ ...target, max: 2 });
  admin = new AdminDatabase(target);
});
beforeEach(async () => {
  await database.pool.query('DELETE FROM integration.integration_setting');
  await emptyTables(database.pool, 'integration.integration_setting_change', 'integration.integration_audit');
  settings = new IntegrationSettingsService(engine, { environment: {} }, [], admin);
  await settings.load();
});
afterAll(async () => {
  await engine.close();
  await admin.close();
  await database.drop();
});

const stored = async () => {
  const { rows } = await database.pool.query<{ key: string; value: unknown }>(
    'SELECT key, value FROM integration.integration_setting ORDER BY key',
  );
  return Object.fromEntries(rows.map(({ key, value }) => [key.replace(full(''), ''), value]));
};

const storeBySql = (key: string, value: unknown) =>
  database.pool.query(
    `INSERT INTO integration.integration_setting (key, value) VALUES ($1, $2::jsonb)
     ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value`,
    [full(key), JSON.stringify(value)],
  );

describe('each setting', () => {
  it('says what it does, and in which unit', () => {
    for (const { key, type, description, unit } of settings.getAll()) {
      expect([key, description]).toEqual([key, expect.stringMatching(/^[A-Z].+\.$/)]);
      expect([key, unit]).toEqual([key, type === 'boolean' ? null : expect.any(String)]);
    }
  });
});

describe('several settings in one change', () => {
  it('are stored and removed together', async () => {
    await settings.set('batchSize', 41, 'ann');
    const views = await settings.change({ batchSize: null, [full('maxAttempts')]: 5 }, { by: 'ann' });
    expect(views).toMatchObject([
      { key: full('batchSize'), value: 500, source: 'default' },
      { key: full('maxAttempts'), value: 5, source: 'database' },
    ]);
    expect(await stored()).toEqual({ maxAttempts: 5 });
  });

  it('are judged by the values after the change, where one is the bound of another', async () => {
    await settings.change({ pollingIntervalMs: 1_000, idlePollingIntervalMs: 2_000 });
    await settings.change({ pollingIntervalMs: 60_000, idlePollingIntervalMs: 120_000 });
    expect(await stored()).toEqual({ pollingIntervalMs: 60_000, idlePollingIntervalMs: 120_000 });
    await expect(settings.change({ pollingIntervalMs: 130_000 })).rejects.toMatchObject({
      code: 'INTEGRATION_SETTING_INVALID',
    });
    await settings.change({ pollingIntervalMs: 130_000, idlePollingIntervalMs: null });
    expect(settings.get('idlePollingIntervalMs')).toBe(130_000);
  });

  it('are all refused if one is wrong, with each reason', async () => {
    const change = settings.change({ batchSize: 0, maxAttempts: 5, retentionDays: 0.5 });
    await expect(change).rejects.toMatchObject({
      code: 'INTEGRATION_SETTING_INVALID',
      details: {
        problems: [
          { key: full('batchSize'), reason: 'must be a whole number from 1 to 5000, not 0' },
          { key: full('retentionDays'), reason: 'must be a whole number from 1 to 3650, not 0.5' },
        ],
      },
    });
    expect(await stored()).toEqual({});
  });

  it.each([
    [{}, 'INTEGRATION_ADMIN_INVALID'],
    [{ batchsize: 1 }, 'INTEGRATION_SETTING_UNKNOWN'],
    [{ batchSize: 1, [full('batchSize')]: 2 }, 'INTEGRATION_ADMIN_INVALID'],
    [{ batchSize: undefined as unknown as null }, 'INTEGRATION_SETTING_INVALID'],
  ])('must be settings: %#', async (values, code) => {
    await expect(settings.change(values)).rejects.toMatchObject({ code });
    expect(await stored()).toEqual({});
  });
});

describe('a change that expects values', () => {
  it('is made if they are in force, and refused with what was found if not', async () => {
    await settings.change({ batchSize: 41 }, { expected: { batchSize: 500, maxAttempts: 3 } });
    await storeBySql('batchSize', 42);
    await expect(settings.change({ batchSize: 43 }, { expected: { batchSize: 41 } })).rejects.toMatchObject({
      code: 'INTEGRATION_SETTING_CONFLICT',
      details: { conflicts: [{ key: full('batchSize'), expected: 41, found: 42 }] },
    });
    expect(await stored()).toEqual({ batchSize: 42 });
  });

  it('lets one of many win who saw the same', async () => {
    const all = Array.from({ length: 8 }, (_, n) =>
      settings.change({ batchSize: 100 + n }, { by: `p${n}`, expected: { batchSize: 500 } }),
    );
    const ends = await Promise.allSettled(all);
    expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const end of ends)
      if (end.status === 'rejected')
        expect(end.reason).toMatchObject({ code: 'INTEGRATION_SETTING_CONFLICT' });
  });

  it('sees a change by plain SQL that is not committed yet when it begins', async () => {
    const client = await database.pool.connect();
    await client.query('BEGIN');
    await client.query(`INSERT INTO integration.integration_setting (key, value) VALUES ($1, '7')`, [
      full('batchSize'),
    ]);
    const change = settings.change({ batchSize: 43 }, { expected: { batchSize: 500 } });
    const refused = expect(change).rejects.toMatchObject({ code: 'INTEGRATION_SETTING_CONFLICT' });
    await waitingForLock();
    await client.query('COMMIT');
    client.release();
    await refused;
  });
});

async function waitingForLock(): Promise<void> {
  for (;;) {
    const { rows } = await database.pool.query(
      `SELECT 1 FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.datname = current_database()`,
    );
    if (rows.length > 0) return;
  }
}

describe('a preview', () => {
  const effectOf = async (values: Parameters<IntegrationSettingsService['preview']>[0]) =>
    (await settings.preview(values)).effects.map(({ effect }) => effect);

  it('says in words what a change would mean, and stores nothing', async () => {
    await storeBySql('idlePollingIntervalMs', 300_000);
    expect(await settings.preview({ idlePollingIntervalMs: null })).toEqual({
      problems: [],
      effects: [
        {
          key: full('idlePollingIntervalMs'),
          from: 300_000,
          to: 30_000,
          effect: 'An idle process looks 120 times an hour instead of 12.',
        },
      ],
    });
    expect(await effectOf({ maxAttempts: 1 })).toEqual([
      'An event that keeps failing is given up after 1 attempt instead of 3, unless its subscription says otherwise.',
    ]);
    expect(await effectOf({ processingLeaseMs: 90_000 })).toEqual([
      'A consumer whose process cannot be asked any more is taken over after 1.5 min instead of 30 s. Its lease is renewed every 30 s instead of 10 s.',
    ]);
    expect(await stored()).toEqual({ idlePollingIntervalMs: 300_000 });
  });

  it('has a sentence of its own for each setting', async () => {
    for (const key of SETTING_KEYS) {
      const { value, type, min = 0 } = settings.view(key);
      const other = type === 'boolean' ? !value : Math.max(min, Number(value) + 1);
      const [effect] = await effectOf({ [key]: other });
      expect([key, effect]).toEqual([key, expect.stringMatching(/^[A-Z].+\.$/)]);
      expect(effect).not.toContain(key);
    }
  });

  it('shows settings that follow, and nothing where nothing changes', async () => {
    const { effects } = await settings.preview({ pollingIntervalMs: 60_000, batchSize: 500 });
    expect(effects.map(({ key, to }) => [key, to])).toEqual([
      [full('pollingIntervalMs'), 60_000],
      [full('idlePollingIntervalMs'), 60_000],
    ]);
  });

  it('has the problems of a change that cannot be made', async () => {
    expect(await settings.preview({ batchSize: 0, maxAttempts: 5 })).toEqual({
      problems: [{ key: full('batchSize'), reason: 'must be a whole number from 1 to 5000, not 0' }],
      effects: [],
    });
  });
});

describe('the history', () => {
  it('says who changed what, from what to what, and why; plain SQL has no reason', async () => {
    await settings.change({ batchSize: 41, maxAttempts: 5 }, { by: 'ann', reason: 'fewer, larger' });
    await storeBySql('batchSize', 42);
    await settings.reset('batchSize', { by: 'bob', reason: 'back' });
    await settings.set('batchSize', 41, 'ann');
    const { entries, next } = await settings.history({ key: 'batchSize' });
    expect(entries).toEqual([
      entry({ from: null, to: 41, by: 'ann', reason: null }),
      entry({ from: 42, to: null, by: 'bob', reason: 'back' }),
      entry({ from: 41, to: 42, by: 'postgres', reason: null }),
      entry({ from: null, to: 41, by: 'ann', reason: 'fewer, larger' }),
    ]);
    expect(next).toBeNull();
  });

  const entry = (more: Partial<SettingHistoryEntry>) => ({
    id: expect.any(Number),
    key: full('batchSize'),
    at: expect.any(Date),
    ...more,
  });

  it('comes in pages that lose nothing, and has settings only', async () => {
    await settings.change({ batchSize: 41, maxAttempts: 5, retentionDays: 7, orphanAfterDays: 3 });
    await database.pool.query(
      `INSERT INTO integration.integration_setting_change (key, old_value) VALUES ('something else', '[]')`,
    );
    for (let n = 0; n < 9; n++) await settings.set('batchSize', 100 + n, 'ann');
    const found: SettingHistoryEntry[] = [];
    for (let after: number | null | undefined; after !== null; ) {
      const page = await settings.history({ limit: 4, after });
      found.push(...page.entries);
      after = page.next;
    }
    expect(found).toHaveLength(13);
    expect(found.map(({ id }) => id)).toEqual(found.map(({ id }) => id).sort((a, b) => b - a));
    await expect(settings.history({ key: 'nothing' })).rejects.toMatchObject({
      code: 'INTEGRATION_SETTING_UNKNOWN',
    });
    await expect(settings.history({ after: -1 })).rejects.toMatchObject({
      code: 'INTEGRATION_ADMIN_INVALID',
    });
  });

  it('can be returned to: to a value, and to none', async () => {
    await settings.set('batchSize', 41, 'ann');
    await settings.reset('batchSize', 'ann');
    await settings.set('batchSize', 43, 'ann');
    const { entries } = await settings.history();
    const [, removed, first] = entries;
    expect(await settings.restore(first?.id ?? 0, { by: 'bob' })).toMatchObject({ value: 41 });
    expect(await stored()).toEqual({ batchSize: 41 });
    expect(await settings.restore(removed?.id ?? 0, { by: 'bob' })).toMatchObject({ source: 'default' });
    expect(await stored()).toEqual({});
    await expect(settings.restore(999_999)).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
  });
});
