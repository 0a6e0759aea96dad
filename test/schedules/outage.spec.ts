import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { IntegrationSchedule } from '../../src/schedules/index.js';
import { type CommitProxy, startCommitProxy } from '../support/commit-proxy.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { Outage } from '../support/outage.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import { moveTo, publishedOf, type ScheduleApp, startScheduleApp, untilPublished } from './schedule-app.js';

/* The way from the ticker to its database is cut off. The tests look at the database directly. */

@Injectable()
class Nightly {
  @IntegrationSchedule({ name: 'nightly', cron: '0 2 * * *' })
  run(): void {}
}

describe('a ticker whose database is away', () => {
  let database: TestDatabase;
  let app: ScheduleApp | undefined;
  let outage: Outage | undefined;
  let proxy: CommitProxy | undefined;

  beforeEach(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    silenceLog();
    await outage?.end();
    await app?.close();
    await outage?.close();
    await proxy?.close();
    app = outage = proxy = undefined;
    await database?.drop();
  });

  it.each(['refuse', 'drop'] as const)('(%s) loses no time, and publishes none twice', async (how) => {
    outage = await Outage.of(database.url);
    app = await startScheduleApp(database, [], { connectionString: outage.url });
    await app.schedules.upsert('often', { every: 1_000, missed: 'all', overlap: 'queue' });
    await untilPublished(database, 'often', 1);
    const log = hearLog();
    await outage[how]();
    await log.saying('The lease "integration.schedules" was lost');
    const before = (await publishedOf(database, 'often')).length;
    await outage.end();
    const published = await untilPublished(database, 'often', before + 3);
    const times = published.map(({ at }) => Date.parse(at));
    expect(times).toEqual(times.map((_, n) => Number(times[0]) + n * 1_000));
  });

  it('lets the application boot, and stores the schedules of the code when it is back', async () => {
    // The database fails between the start of the engine and the moment when schedules are stored.
    await database.pool.query(
      `CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'out of order'; END $$;
       CREATE TRIGGER fails BEFORE INSERT ON integration.integration_schedule EXECUTE FUNCTION fails()`,
    );
    const log = hearLog();
    app = await startScheduleApp(database, [Nightly]);
    expect(await log.saying('The schedules of the code are not stored yet')).toContain('out of order');
    await database.pool.query(`DROP TRIGGER fails ON integration.integration_schedule`);
    await until('it is stored', async () => {
      const { rowCount } = await database.pool.query(
        `SELECT FROM integration.integration_schedule WHERE name = 'nightly' AND next_at IS NOT NULL`,
      );
      return rowCount === 1;
    });
  });

  it('publishes a time once whose COMMIT was carried out and never answered', async () => {
    proxy = await startCommitProxy(database.url);
    app = await startScheduleApp(database, [], { connectionString: proxy.url });
    await app.schedules.upsert('answered', { cron: '0 0 1 1 *', overlap: 'queue' });
    const log = hearLog();
    const lost = proxy.loseCommitOf('SET next_at');
    await moveTo(database, 'answered', `date_trunc('milliseconds', clock_timestamp())`);
    await lost;
    await log.saying('The lease "integration.schedules" was lost');
    // What is due later is published behind it, by the same process.
    await moveTo(database, 'answered', `date_trunc('milliseconds', clock_timestamp())`);
    const published = await untilPublished(database, 'answered', 2);
    expect(new Set(published.map(({ at }) => at)).size).toBe(2);
    expect(published).toHaveLength(2);
  });
});
