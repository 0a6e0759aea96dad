import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import type { IntegrationModuleOptions } from '../../src/index.js';
import { IntegrationSchedule } from '../../src/schedules/index.js';
import { runSchedule } from '../../src/testing/index.js';
import { type ScheduleApp, startScheduleApp, untilPublished } from '../schedules/schedule-app.js';
import { hostClientOver, type PgHostClient } from '../support/host-clients.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createGrantedDatabase, type GrantedDatabase, nameOf } from './granted-roles.js';

@Injectable()
class GrantedSchedules {
  @IntegrationSchedule({ name: 'granted', cron: '0 2 * * *', transactional: true })
  run(): void {}
}

/* Each role has the printed grants and no others. */
describe('schedules', () => {
  let granted: GrantedDatabase;
  let client: PgHostClient;
  let app: ScheduleApp | undefined;

  beforeAll(async () => {
    granted = await createGrantedDatabase();
    client = hostClientOver(granted.urlOf('handlers'));
  });
  afterEach(async () => {
    await app?.close();
    app = undefined;
    silenceLog();
  });
  afterAll(async () => {
    await client?.close();
    await granted?.drop();
  });

  const start = async (options: IntegrationModuleOptions) => {
    app = await startScheduleApp(granted.database, [GrantedSchedules], {
      connectionString: granted.urlOf('worker'),
      migrations: 'verify',
      ...options,
    });
    return app;
  };

  it.each([
    ['a client of the application', () => client],
    ['the client of the engine', () => undefined],
  ])(
    'are set, ticked, changed by hand and removed with %s by roles that have the grants of the guide',
    async (_, clientOf) => {
      const log = hearLog();
      const { schedules, context } = await start({ client: clientOf() });
      expect(await runSchedule(context, 'granted')).toMatchObject({ status: 'processed' });
      await schedules.upsert('ticking', { every: 1_000 });
      await untilPublished(granted.database, 'ticking', 1);
      await schedules.pause('ticking');
      await schedules.resume('ticking');
      await schedules.trigger('ticking');
      await schedules.remove('ticking');
      await granted.database.pool.query(
        `DELETE FROM integration.outbox_event WHERE aggregate_id = 'ticking'`,
      );
      expect(log.texts('warn', 'error').filter((text) => /schedule|42501/.test(text))).toEqual([]);
    },
  );

  it('are named at the boot where the worker lacks a right', async () => {
    await granted.run(
      'migrator',
      `REVOKE UPDATE ON integration.integration_schedule FROM ${nameOf('worker')}`,
    );
    await expect(start({ client })).rejects.toMatchObject({
      code: 'INTEGRATION_PRIVILEGES_MISSING',
      message: expect.stringContaining('integration_schedule'),
    });
  });
});
