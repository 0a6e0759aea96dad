import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { DoctorService, IntegrationSettingsService } from '../../src/index.js';
import { IntegrationSchedule, type ScheduledEvent } from '../../src/schedules/index.js';
import { runSchedule } from '../../src/testing/index.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { TestSdk } from '../telemetry/sdk.js';
import { type ScheduleApp, startScheduleApp } from './schedule-app.js';

const handled: string[] = [];
let fails = false;

@Injectable()
class Daily {
  @IntegrationSchedule({ name: 'daily', cron: '0 2 * * *', limit: 3, retry: { maxAttempts: 1 } })
  run({ payload }: ScheduledEvent): void {
    if (fails) throw new Error('no paper');
    handled.push(payload.at);
  }
}

describe('who looks after schedules', () => {
  let database: TestDatabase;
  let app: ScheduleApp;
  let sdk: TestSdk;

  beforeAll(async () => {
    database = await createTestDatabase();
    sdk = new TestSdk();
    sdk.register();
    app = await startScheduleApp(database, [Daily], { telemetry: { metrics: true } });
  });
  afterAll(async () => {
    await app?.close();
    await sdk?.unregister();
    await database?.drop();
  });

  const findings = async (check: string) => {
    const { findings } = await app.context.get(DoctorService, { strict: false }).examine();
    return findings.filter((each) => each.check === check);
  };

  it('lets a time come in a test, and sees what became of it', async () => {
    const [first, second, third] = await app.schedules.preview('daily', { count: 3 });
    const run = await runSchedule(app.context, 'daily');
    expect(run).toMatchObject({ at: first, cause: 'time', status: 'processed' });
    expect(handled).toEqual([first?.toISOString()]);
    fails = true;
    expect(await runSchedule(app.context, 'daily')).toMatchObject({
      at: second,
      status: 'dead_letter',
      lastError: expect.stringContaining('no paper'),
    });
    fails = false;
    expect(await runSchedule(app.context, 'daily')).toMatchObject({ at: third, status: 'processed' });
    expect(await app.schedules.get('daily')).toMatchObject({ status: 'ended', left: 0 });
    expect(await runSchedule(app.context, 'daily')).toBeUndefined();
    await expect(runSchedule(app.context, 'nobody')).rejects.toMatchObject({
      code: 'INTEGRATION_SCHEDULE_UNKNOWN',
    });
    expect((await app.schedules.runs('daily')).map(({ at }) => at)).toEqual([third, second, first]);
  });

  it('is told by the doctor of a schedule whose consumer nobody runs', async () => {
    await app.schedules.upsert('orphan', { cron: '0 0 * * *' });
    await app.schedules.upsert('served', { cron: '0 0 * * *', consumerName: 'schedule.daily' });
    await until('the process has said what it runs', async () => {
      const { rows } = await database.pool.query(
        `SELECT FROM integration.integration_process WHERE 'schedule.daily' = ANY (handles)`,
      );
      return rows.length > 0;
    });
    const found = await findings('schedule-without-consumer');
    expect(found.map(({ details }) => details)).toEqual([
      { schedule: 'orphan', consumerName: 'schedule.orphan' },
    ]);
    expect(found[0]?.fix).toContain('schedules remove orphan');
  });

  it('and of one that is late, in metrics as well', async () => {
    expect(await findings('schedule-late')).toEqual([]);
    await app.context.get(IntegrationSettingsService).set('core.integration.schedules.enabled', false);
    await database.pool.query(
      `UPDATE integration.integration_schedule SET next_at = now() - interval '3 minutes' WHERE name IN ('orphan', 'served')`,
    );
    await app.schedules.pause('served');
    const found = await findings('schedule-late');
    expect(found).toMatchObject([{ severity: 'critical', details: { schedule: 'orphan' } }]);
    const readings = await sdk.readings();
    const readingOf = (metric: string) =>
      readings
        .filter(({ name }) => name === `nestjs_integration.schedules.${metric}`)
        .map(({ value }) => value);
    expect(readingOf('late')).toEqual([1]);
    expect(readingOf('published')).toEqual([3]);
    expect(readingOf('delay')).toEqual([3]);
  });
});
