import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import type { SubscriberContext } from '../../src/index.js';
import { IntegrationSchedule, type ScheduledEvent } from '../../src/schedules/index.js';
import { gate } from '../support/gate.js';
import { hearLog, silenceLog } from '../support/log-lines.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import {
  hour,
  moveTo,
  publishedOf,
  type ScheduleApp,
  startScheduleApp,
  untilPublished,
} from './schedule-app.js';

const handled: ScheduledEvent<{ rows: number }>[] = [];
let slow = gate();

@Injectable()
class Reports {
  @IntegrationSchedule({ name: 'report.often', every: 1_000, payload: { rows: 5 }, overlap: 'queue' })
  often(event: ScheduledEvent<{ rows: number }>, _: SubscriberContext): void {
    handled.push(event);
  }

  @IntegrationSchedule({ name: 'report.slow', cron: '0 * * * *' })
  async slow(): Promise<void> {
    await slow.opened;
  }

  @IntegrationSchedule({ name: 'report.marked', cron: '0 * * * *', transactional: true })
  async marked(event: ScheduledEvent, { transaction }: SubscriberContext): Promise<void> {
    await (
      transaction as unknown as { $executeRawUnsafe(sql: string, ...values: string[]): Promise<unknown> }
    ).$executeRawUnsafe(`INSERT INTO marks (at) VALUES ($1)`, event.payload.at);
  }
}

describe('a schedule', () => {
  let database: TestDatabase;
  let app: ScheduleApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    await database.pool.query(`CREATE TABLE marks (at text)`);
    app = await startScheduleApp(database, [Reports]);
  });
  afterEach(() => silenceLog());
  afterAll(async () => {
    slow.open();
    await app?.close();
    await database?.drop();
  });

  it('calls its method at each of its times, with what it gives to its events', async () => {
    const published = await untilPublished(database, 'report.often', 3);
    await until('three events are handled', async () => handled.length >= 3);
    const [first, second] = published.map(({ at }) => Date.parse(at));
    expect(Number(second) - Number(first)).toBe(1_000);
    expect(handled[0]).toMatchObject({
      eventName: 'integration.schedule.report.often',
      aggregateType: 'schedule',
      aggregateId: 'report.often',
      payload: { schedule: 'report.often', at: published[0]?.at, cause: 'time', payload: { rows: 5 } },
    });
    expect(new Set(published.map(({ at }) => at)).size).toBe(published.length);
    await app.schedules.pause('report.often');
  });

  it('commits what a transactional method writes together with its event', async () => {
    await moveTo(database, 'report.marked', `date_trunc('milliseconds', clock_timestamp())`);
    const [event] = await untilPublished(database, 'report.marked', 1);
    const marked = await until('the method has written', async () => {
      const { rows } = await database.pool.query<{ at: string }>(`SELECT at FROM marks`);
      return rows.length > 0 && rows;
    });
    expect(marked).toEqual([{ at: event?.at }]);
  });

  it('skips a time while its method has not done the one before, and counts it', async () => {
    await moveTo(database, 'report.slow', `date_trunc('milliseconds', clock_timestamp())`);
    await untilPublished(database, 'report.slow', 1);
    await moveTo(database, 'report.slow', `date_trunc('milliseconds', clock_timestamp())`);
    const skipping = await until('a time is skipped', async () => {
      const found = await app.schedules.get('report.slow');
      return found?.skipped === 1 && found;
    });
    expect(skipping.skippedAt).toBeInstanceOf(Date);
    expect(skipping.nextAt?.toISOString()).toBe(hour(0));
    expect(await publishedOf(database, 'report.slow')).toHaveLength(1);
    slow.open();
    await until('the event is done', async () => {
      const [run] = await app.schedules.runs('report.slow');
      return run?.status === 'processed';
    });
    slow = gate();
    slow.open();
    await moveTo(database, 'report.slow', `date_trunc('milliseconds', clock_timestamp())`);
    await untilPublished(database, 'report.slow', 2);
  });

  it('queues its times, if that is what overlap says', async () => {
    slow = gate();
    await app.schedules.upsert('report.slow', { cron: '0 * * * *', overlap: 'queue' });
    for (let count = 3; count <= 5; count++) {
      await moveTo(
        database,
        'report.slow',
        `date_trunc('milliseconds', clock_timestamp()) - ${count} * interval '1 second'`,
      );
      await untilPublished(database, 'report.slow', count);
    }
    expect(await app.schedules.get('report.slow')).toMatchObject({ skipped: 1 });
    slow.open();
  });

  it.each([
    ['once', 1],
    ['skip', 0],
    ['all', 24],
  ] as const)('after a day without a process, missed: %s publishes %i events', async (missed, count) => {
    const name = `missed.${missed}`;
    await app.schedules.upsert(name, { cron: '30 * * * *', missed });
    const before = await app.schedules.get(name);
    // 24 half hours have passed. The last one is at least a minute old, unless this is the minute of one.
    await database.pool.query(
      `UPDATE integration.integration_schedule SET next_at = next_at - interval '24 hours' WHERE name = $1`,
      [name],
    );
    const log = hearLog();
    const isOnTime = new Date().getUTCMinutes() === 30 || new Date().getUTCMinutes() === 31;
    await moveTo(database, name, 'next_at');
    await until('the schedule goes on', async () => {
      const found = await app.schedules.get(name);
      return found?.nextAt?.getTime() === before?.nextAt?.getTime();
    });
    const published = await publishedOf(database, name);
    expect(published).toHaveLength(missed === 'skip' && isOnTime ? 1 : count);
    expect(published.every(({ cause }) => cause === 'missed')).toBe(true);
    expect(await log.saying(`Schedule "${name}" was due at`)).toContain(`missed: '${missed}'`);
  });

  it('ends after as many events as its limit says', async () => {
    await app.schedules.upsert('limited', { every: '1s', limit: 2, overlap: 'queue' });
    await untilPublished(database, 'limited', 2);
    const ended = await until('it has ended', async () => {
      const found = await app.schedules.get('limited');
      return found?.status === 'ended' && found;
    });
    expect(ended).toMatchObject({ nextAt: null, left: 0, limit: 2 });
    expect(await app.schedules.preview('limited')).toEqual([]);
  });
});
