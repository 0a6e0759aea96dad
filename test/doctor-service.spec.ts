import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  ConsumerService,
  DoctorService,
  type Finding,
  IntegrationSettingsService,
  OperationService,
} from '../src/index.js';
import type { MaintenanceTools } from '../src/maintenance/maintenance-task.js';
import { startApp, type TestApp } from './support/app.js';
import { createTestDatabase, type TestDatabase } from './support/test-database.js';

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
