import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable, type Type } from '@nestjs/common';
import { z } from 'zod';
import { ContractsModule, defineEvent } from '../../src/contracts/index.js';
import { AuditService, type IntegrationModuleOptions } from '../../src/index.js';
import { IntegrationSchedule, SchedulesModule, SchedulesService } from '../../src/schedules/index.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { startPartApp } from '../support/part-app.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { moveTo, publishedOf, type ScheduleApp, startScheduleApp, untilPublished } from './schedule-app.js';

@Injectable()
class Wrong {
  @IntegrationSchedule({ name: 'no good', cron: '61 * * * *', timeZone: 'Nowhere' })
  first(): void {}

  @IntegrationSchedule({ name: 'twice', every: 10 })
  second(): void {}

  @IntegrationSchedule({ name: 'same', every: '1h' })
  third(): void {}

  @IntegrationSchedule({ name: 'same', every: '1h' })
  fourth(): void {}

  @IntegrationSchedule({ name: 'odd', every: '1h', timeoutMs: -1, tz: 'UTC' } as never)
  fifth(): void {}
}

function version(cron: string): Type {
  @Injectable()
  class Nightly {
    @IntegrationSchedule({ name: 'nightly', cron })
    run(): void {}
  }
  return Nightly;
}

@Injectable()
class Past {
  @IntegrationSchedule({ name: 'past', every: '1h', endAt: new Date('2020-01-01T00:00:00Z') })
  run(): void {}
}

describe('the boot of an application with schedules', () => {
  let database: TestDatabase;
  const apps: ScheduleApp[] = [];

  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    silenceLog();
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });
  afterAll(async () => {
    await database?.drop();
  });

  const start = async (providers: readonly Type[], options?: IntegrationModuleOptions) => {
    const app = await startScheduleApp(database, providers, options);
    apps.push(app);
    return app;
  };

  it('fails with everything that is wrong, in one list, with the place in the code', async () => {
    const failed = await start([Wrong]).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'INTEGRATION_SCHEDULE_INVALID' });
    const { problems } = (failed as { details: { problems: string[] } }).details;
    expect(problems).toEqual([
      expect.stringMatching(/^Wrong\.first \(TestModule\): name must have/),
      expect.stringMatching(/^Wrong\.first \(TestModule\): cron "61 \* \* \* \*" cannot be read/),
      expect.stringMatching(/^Wrong\.first \(TestModule\): timeZone "Nowhere"/),
      expect.stringMatching(/^Wrong\.second \(TestModule\): every must be/),
      'there are two schedules "same": Wrong.third (TestModule) and Wrong.fourth (TestModule)',
      expect.stringMatching(/^Wrong\.fifth \(TestModule\): tz is not an option of @IntegrationSchedule/),
      expect.stringMatching(/^Wrong\.fifth \(TestModule\): timeoutMs/),
    ]);
  });

  it('warns of an end that has passed, and the schedule has ended', async () => {
    const log = hearLog();
    const app = await start([Past]);
    expect(await log.saying('has ended')).toContain('Schedule "past" at Past.run (TestModule)');
    expect(await app.schedules.get('past')).toMatchObject({ status: 'ended', nextAt: null });
  });

  it('sets the timing of the code, the last one that boots decides, and an old one that restarts sets it back', async () => {
    const old = version('0 2 * * *');
    const young = version('0 3 * * *');
    const first = await start([old]);
    const at = async () => {
      const found = await first.schedules.get('nightly');
      return [found?.cron, found?.place, found?.nextAt?.getUTCHours()];
    };
    expect(await at()).toEqual(['0 2 * * *', 'Nightly.run (TestModule)', 2]);
    const before = await first.schedules.get('nightly');
    const log = hearLog();
    await start([young]);
    expect(await log.saying('Schedule "nightly" is now')).toMatch(
      /^Schedule "nightly" is now cron 0 3 \* \* \* in UTC, as Nightly\.run \(TestModule\) says\. It was cron 0 2 \* \* \* in UTC, set by process:/,
    );
    expect(await at()).toEqual(['0 3 * * *', 'Nightly.run (TestModule)', 3]);
    await start([old]);
    expect(await at()).toEqual(['0 2 * * *', 'Nightly.run (TestModule)', 2]);
    const after = await first.schedules.get('nightly');
    expect(Number(after?.changedAt)).toBeGreaterThan(Number(before?.changedAt));
    const { entries } = await first.context.get(AuditService).list({ target: 'schedule/nightly' });
    expect(entries).toHaveLength(3);
  });

  it('writes nothing where nothing has changed, so a time that was missed stays so', async () => {
    const same = version('0 2 * * *');
    const app = await start([same]);
    const before = await app.schedules.get('nightly');
    await start([same]);
    expect(await app.schedules.get('nightly')).toEqual(before);
  });

  it('of many processes at once stores each schedule once', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => start([version('0 4 * * *')])));
    expect(await all[0]?.schedules.get('nightly')).toMatchObject({ cron: '0 4 * * *' });
  });

  it('ticks also what another version has made, and old and new code publish each time once', async () => {
    const old = await start([version('0 4 * * *')]);
    const young = await start([version('0 4 * * *'), Past]);
    await old.schedules.upsert('shared', { every: 1_000, overlap: 'queue' });
    await untilPublished(database, 'shared', 3);
    await young.schedules.remove('shared');
    const published = await publishedOf(database, 'shared');
    expect(new Set(published.map(({ at }) => at)).size).toBe(published.length);
  });

  it('leaves ticking to others, where the role is publisher', async () => {
    const app = await start([], { role: 'publisher' });
    await app.schedules.upsert('nobody', { every: 1_000 });
    const ticking = await start([]);
    await untilPublished(database, 'nobody', 1);
    await ticking.schedules.remove('nobody');
  });

  it('an event that a contract or its size refuses is told once, and holds up no other schedule', async () => {
    const contract = defineEvent({
      name: 'integration.schedule.refused',
      schema: z.object({ payload: z.object({ rows: z.number() }) }).loose(),
    });
    const log = hearLog();
    const part = await startPartApp(
      database,
      {},
      {
        imports: [
          SchedulesModule.forRoot(),
          ContractsModule.forRoot(),
          ContractsModule.forFeature([contract]),
        ],
      },
    );
    const app = { ...part, schedules: part.context.get(SchedulesService) };
    apps.push(app);
    await app.schedules.upsert('refused', { every: 1_000, payload: { rows: 'many' } });
    await app.schedules.upsert('large', { every: 1_000, payload: 'x'.repeat(1_100_000) });
    await app.schedules.upsert('others', { every: 1_000, overlap: 'queue' });
    await untilPublished(database, 'others', 4);
    const told = log.texts('warn').filter((text) => text.includes('cannot be published'));
    expect(told).toHaveLength(2);
    expect(told.find((text) => text.includes('"refused"'))).toContain('rows');
    expect(await publishedOf(database, 'refused')).toEqual([]);
    expect(await publishedOf(database, 'large')).toEqual([]);
    // A change is tried at once, and missed decides for what waited.
    await app.schedules.upsert('refused', { every: 1_000, payload: { rows: 1 } });
    await untilPublished(database, 'refused', 1);
    await app.schedules.upsert('large', { every: '1h' });
    await app.schedules.pause('refused');
    await app.schedules.remove('others');
    await expect(app.schedules.upsert('refused', { every: '1h', payload: 1 })).resolves.toBeDefined();
    await expect(app.schedules.trigger('refused')).rejects.toMatchObject({
      code: 'INTEGRATION_CONTRACT_VIOLATION',
    });
  });

  it('switched off, it publishes nothing, and goes on when it is switched on', async () => {
    const app = await start([]);
    const settings = app.context.get((await import('../../src/index.js')).IntegrationSettingsService);
    await settings.set('core.integration.schedules.enabled', false);
    await app.schedules.upsert('switched', { cron: '0 0 * * *' });
    await moveTo(database, 'switched', `date_trunc('milliseconds', clock_timestamp())`);
    await settings.set('core.integration.schedules.enabled', true);
    await until('it is published', async () => (await publishedOf(database, 'switched')).length === 1);
  });
});
