import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ConsumerService,
  DoctorService,
  type Finding,
  IntegrationSettingsService,
  OperationService,
} from '../../src/index.js';
import type { MaintenanceTools } from '../../src/maintenance/maintenance-task.js';
import { startApp, type TestApp } from '../support/app.js';
import { runCommandIn } from '../support/command.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

let database: TestDatabase;
let app: TestApp;

beforeEach(async () => {
  database = await createTestDatabase();
  app = await startApp(database, []);
});
afterEach(async () => {
  await app.close();
  await database.drop();
});

const doctor = () => app.context.get(DoctorService);

async function keys(): Promise<string[]> {
  return (await doctor().examine()).findings.map(({ key }) => key);
}

async function find(key: string): Promise<Finding> {
  const { findings } = await doctor().examine();
  const found = findings.find((finding) => finding.key === key);
  if (found === undefined) throw new Error(`${key} is not among ${findings.map((each) => each.key)}`);
  return found;
}

/** What a page does when somebody presses the button beside a finding. */
async function act({ action }: Finding): Promise<void> {
  if (action === null) throw new Error('nothing to do');
  const services = {
    ConsumerService: app.context.get(ConsumerService),
    IntegrationSettingsService: app.context.get(IntegrationSettingsService),
    OperationService: app.context.get(OperationService),
  };
  const service = services[action.service] as unknown as Record<string, (...values: unknown[]) => unknown>;
  await service[action.method]?.(...action.arguments);
}

/** A consumer that no process has handlers for, and whose name has characters of its own meaning. */
const insertConsumer = (name: string, servedDaysAgo: number) =>
  database.pool.query(
    `INSERT INTO integration.inbox_cursor (consumer_name, event_names, unread, served_at)
     VALUES ($1, '{job.*}', '{[1,)}', now() - $2 * interval '1 day') RETURNING served_at`,
    [name, servedDaysAgo],
  );

describe('what is switched off', () => {
  const PREFIX = 'core.integration.outbox.';
  const others: TestApp[] = [];
  afterEach(async () => {
    for (const other of others.splice(0)) await other.close();
  });

  async function startWith(options: Parameters<typeof startApp>[2]): Promise<TestApp> {
    const other = await startApp(database, [], options);
    others.push(other);
    return other;
  }

  /** What a process that is started says of itself. */
  async function untilListed(off: number, on: number): Promise<void> {
    await until('the processes have said which settings they have', async () => {
      const { rows } = await database.pool.query(
        `SELECT (count(*) FILTER (WHERE value = 'false'))::int AS off, (count(*) FILTER (WHERE value = 'true'))::int AS "on"
         FROM (SELECT settings ->> '${PREFIX}processor.enabled' AS value FROM integration.integration_process) AS said`,
      );
      return rows[0].off === off && rows[0].on === on;
    });
  }

  it.each([
    [
      'processor.enabled',
      'Processing is switched off for all processes, by ann: processor.enabled is false.',
    ],
    ['enabled', 'Publishing is switched off for all processes, by ann: enabled is false.'],
  ] as const)(
    'is a warning, with since when, by whom, and the call that switches %s on',
    async (setting, says) => {
      expect(await keys()).toEqual([]);
      await app.settings.set(setting, false, { by: 'ann', reason: 'a migration' });
      const { rows } = await database.pool.query('SELECT updated_at FROM integration.integration_setting');
      const found = await find(`switched-off/${setting}`);
      expect(found).toMatchObject({
        check: 'switched-off',
        severity: 'warning',
        since: rows[0].updated_at,
        finding: says,
        action: { service: 'IntegrationSettingsService', method: 'set', arguments: [PREFIX + setting, true] },
        details: { setting: PREFIX + setting, isStored: true, by: 'ann' },
      });
      expect(found.fix).toContain(`npx nestjs-integration settings set ${setting} true`);
      expect(await keys()).toEqual([found.key]);
      await act(found);
      expect(app.settings.get(setting)).toBe(true);
      expect(await keys()).toEqual([]);
    },
  );

  it('by the options of processes is found if no process is left in which it is on', async () => {
    await startWith({ settings: { 'processor.enabled': false } });
    await untilListed(1, 1);
    // The first one handles events.
    expect(await keys()).toEqual([]);
    const off = { settings: { 'processor.enabled': false } } as const;
    const second = await startWith(off);
    const publisher = await startWith({ role: 'publisher' });
    await untilListed(2, 2);
    await app.close();
    await untilListed(2, 1);
    // A process that only publishes handles nothing, whatever the setting is there.
    const { findings } = await second.context.get(DoctorService).examine();
    expect(findings).toMatchObject([
      {
        key: 'switched-off/processor.enabled',
        severity: 'warning',
        since: null,
        finding:
          'Processing is switched off in each live process (2) by its environment, its configuration or its options: processor.enabled is false.',
        details: { isStored: false, by: null, processes: 2 },
      },
    ]);
    // A stored value wins.
    await publisher.settings.set('processor.enabled', true, 'ann');
    expect((await publisher.context.get(DoctorService).examine()).findings).toEqual([]);
  });

  it('by the environment of the command is found only if no process is there', async () => {
    const environment = {
      ...process.env,
      DATABASE_URL: database.url,
      INTEGRATION_OUTBOX_PROCESSOR_ENABLED: 'false',
    };
    const doctorOf = () => runCommandIn({ folder: tmpdir(), environment, terminal: undefined }, ['doctor']);
    await untilListed(0, 1);
    expect(await doctorOf()).toMatchObject({ status: 0 });
    await app.close();
    const { status, stdout } = await doctorOf();
    expect(status).toBe(1);
    expect(stdout).toContain(
      'Processing is switched off by the environment or the options that hold here, and no process is there: processor.enabled is false. [switched-off, warning]',
    );
  });
});

describe('the doctor of an application', () => {
  it('names each finding by a key that stays, with its severity, since when, and a call that mends it', async () => {
    const { rows } = await insertConsumer('team/a b', 8);
    const key = 'orphaned-consumer/team%2Fa%20b';
    const found = await find(key);
    expect(found).toMatchObject({
      check: 'orphaned-consumer',
      severity: 'warning',
      since: rows[0].served_at,
      action: { service: 'ConsumerService', method: 'remove', arguments: ['team/a b'] },
    });
    expect((await find(key)).key).toBe(found.key);
    await act(found);
    expect(await keys()).not.toContain(key);
  });

  it('tells by the severity whether events are lost', async () => {
    await insertConsumer('given-up', 60);
    await insertConsumer('waiting', 8);
    expect((await find('orphaned-consumer/given-up')).severity).toBe('critical');
    expect((await find('orphaned-consumer/waiting')).severity).toBe('warning');
  });

  it('knows the settings of the application, and can reset one that is stored wrongly', async () => {
    const key = 'core.integration.outbox.batchSize';
    await database.pool.query(
      `INSERT INTO integration.integration_setting (key, value) VALUES ($1, '"many"')`,
      [key],
    );
    await act(await find(`settings/${key}`));
    expect(await keys()).toEqual([]);
  });

  it('examines once for all who ask at the same time', async () => {
    const [first, second] = await Promise.all([doctor().examine(), doctor().examine()]);
    expect(second).toBe(first);
    expect(await doctor().examine()).not.toBe(first);
  });

  it('says that a check was not made if it takes longer than a read of an admin may', async () => {
    const slow = {
      name: 'slow',
      checks: ({ db }: MaintenanceTools) => [
        { name: 'slow-check', run: async () => (await db.query('SELECT pg_sleep(60)')) && [] },
      ],
    };
    await app.close();
    app = await startApp(database, [], { extensions: [slow] });
    const { findings, notChecked } = await doctor().examine();
    expect(findings).toEqual([]);
    expect(notChecked).toEqual([
      { check: 'slow-check', reason: expect.stringContaining('ended after 5 seconds') },
    ]);
  });
});
