import { describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import type { IntegrationModuleOptions } from '../../src/index.js';
import { IntegrationSchedule } from '../../src/schedules/index.js';
import { runSchedule } from '../../src/testing/index.js';
import { type ScheduleApp, startScheduleApp, untilPublished } from '../schedules/schedule-app.js';
import { hearLog } from '../support/log-lines.js';
import { grantedPart } from './granted-part.js';

@Injectable()
class GrantedSchedules {
  @IntegrationSchedule({ name: 'granted', cron: '0 2 * * *', transactional: true })
  run(): void {}
}

/* Each role has the printed grants and no others. */
describe('schedules', () => {
  const part = grantedPart<ScheduleApp, IntegrationModuleOptions>((database, options) =>
    startScheduleApp(database, [GrantedSchedules], options),
  );

  it.each(part.clients)(
    'are set, ticked, changed by hand and removed with %s by roles that have the grants of the guide',
    async (_, clientOf) => {
      const log = hearLog();
      const { schedules, context } = await part.start({ client: clientOf() });
      expect(await runSchedule(context, 'granted')).toMatchObject({ status: 'processed' });
      await schedules.upsert('ticking', { every: 1_000 });
      await untilPublished(part.database, 'ticking', 1);
      await schedules.pause('ticking');
      await schedules.resume('ticking');
      await schedules.trigger('ticking');
      await schedules.remove('ticking');
      await part.database.pool.query(`DELETE FROM integration.outbox_event WHERE aggregate_id = 'ticking'`);
      expect(log.texts('warn', 'error').filter((text) => /schedule|42501/.test(text))).toEqual([]);
    },
  );

  it('are named at the boot where the worker lacks a right', async () => {
    await part.revoke('UPDATE ON integration.integration_schedule', 'worker');
    const [[, ofApplication] = []] = part.clients;
    await expect(part.start({ client: ofApplication?.() })).rejects.toMatchObject({
      code: 'INTEGRATION_PRIVILEGES_MISSING',
      message: expect.stringContaining('integration_schedule'),
    });
  });
});
