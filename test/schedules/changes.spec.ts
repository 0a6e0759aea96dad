import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AuditService } from '../../src/index.js';
import type { ScheduleDefinition } from '../../src/schedules/index.js';
import { ScheduleStore } from '../../src/schedules/schedule.store.js';
import { SchedulesEngine } from '../../src/schedules/schedules-engine.js';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';
import {
  hour,
  moveTo,
  publishedOf,
  type ScheduleApp,
  startScheduleApp,
  untilPublished,
  wakeTicker,
} from './schedule-app.js';

const DAILY = { cron: '0 2 * * *', timeZone: 'Europe/Berlin' };

describe('a schedule that the application makes', () => {
  let database: TestDatabase;
  let app: ScheduleApp;

  beforeAll(async () => {
    database = await createTestDatabase();
    app = await startScheduleApp(database);
  });
  afterAll(async () => {
    await app?.close();
    await database?.drop();
  });

  /** The ticker hears of changes, has looked, and has found nothing that is due within a minute. */
  const untilTickerSleeps = async () => {
    const { lanes } = app.context.get(SchedulesEngine, { strict: false });
    await until('changes are heard', async () => lanes.listener.isListening);
    const look = jest.spyOn(ScheduleStore.prototype, 'nextIn');
    try {
      await wakeTicker(database);
      await until('it has looked', async () => {
        const last = look.mock.results.at(-1);
        if (last === undefined) return false;
        const dueInMs = (await last.value) as number | undefined;
        return dueInMs === undefined || dueInMs > 60_000;
      });
    } finally {
      look.mockRestore();
    }
  };

  const auditOf = async (name: string) => {
    const { entries } = await app.context.get(AuditService).list({ target: `schedule/${name}` });
    return entries;
  };

  it('is stored, shown and listed, and the audit says who made it', async () => {
    const made = await app.schedules.upsert(
      'b.daily',
      { ...DAILY, payload: { a: 1 } },
      { by: 'ada', reason: 'asked' },
    );
    expect(made).toMatchObject({
      name: 'b.daily',
      status: 'active',
      cron: '0 2 * * *',
      everyMs: null,
      timeZone: 'Europe/Berlin',
      missed: 'once',
      overlap: 'skip',
      consumerName: 'schedule.b.daily',
      payload: { a: 1 },
      lastAt: null,
      place: null,
      changedBy: 'ada',
    });
    expect(await app.schedules.preview('b.daily', { count: 1 })).toEqual([made.nextAt]);
    await app.schedules.upsert('a.hourly', { cron: '@hourly' });
    const page = await app.schedules.list({ limit: 1 });
    expect(page).toMatchObject({ schedules: [{ name: 'a.hourly' }], next: 'a.hourly' });
    expect(await app.schedules.list({ after: 'a.hourly' })).toMatchObject({
      schedules: [{ name: 'b.daily' }],
      next: null,
    });
    expect(await auditOf('b.daily')).toMatchObject([
      {
        action: 'schedules.set',
        actor: 'ada',
        reason: 'asked',
        after: { timing: 'cron 0 2 * * * in Europe/Berlin' },
      },
    ]);
  });

  it('is not written where nothing changes, and keeps its time where only its payload does', async () => {
    const definition: ScheduleDefinition = { every: '1d', payload: { b: 2, a: [1, { d: 1, c: 2 }] } };
    const first = await app.schedules.upsert('same', definition);
    const second = await app.schedules.upsert('same', {
      every: 86_400_000,
      payload: { a: [1, { c: 2, d: 1 }], b: 2 },
    });
    expect(second.changedAt).toEqual(first.changedAt);
    expect(await auditOf('same')).toHaveLength(1);
    const third = await app.schedules.upsert('same', { ...definition, payload: 3 });
    expect(third).toMatchObject({ payload: 3, nextAt: first.nextAt });
    const other = await app.schedules.upsert('same', { every: '2d' });
    expect(other.nextAt?.getTime()).toBeGreaterThan(Number(first.nextAt));
  });

  it('publishes nothing while it is paused, and what was due meanwhile was not missed', async () => {
    await app.schedules.upsert('paused', { cron: '0 * * * *' });
    await app.schedules.pause('paused', { by: 'ada' });
    expect(await app.schedules.get('paused')).toMatchObject({ status: 'paused' });
    await moveTo(database, 'paused', `now() - interval '3 hours'`);
    await app.schedules.upsert('beside', { every: 1_000 });
    await untilPublished(database, 'beside', 1);
    await app.schedules.resume('paused');
    const resumed = await app.schedules.get('paused');
    expect(resumed).toMatchObject({ status: 'active', pausedAt: null });
    expect(resumed?.nextAt?.toISOString()).toBe(hour(0));
    expect(await publishedOf(database, 'paused')).toEqual([]);
    expect((await auditOf('paused')).map(({ action }) => action).sort()).toEqual([
      'schedules.pause',
      'schedules.resume',
      'schedules.set',
    ]);
    await app.schedules.remove('beside');
  });

  it('is triggered, also while it is paused, and its limit does not count that', async () => {
    await app.schedules.upsert('asked', { ...DAILY, limit: 3, payload: 'x' });
    await app.schedules.pause('asked');
    const id = await app.schedules.trigger('asked', { by: 'ada' });
    expect(await publishedOf(database, 'asked')).toMatchObject([{ id, cause: 'trigger' }]);
    expect(await app.schedules.get('asked')).toMatchObject({ left: 3, lastEventId: id, lastAt: null });
    expect(await app.schedules.runs('asked')).toMatchObject([
      { outboxEventId: id, status: null, cause: 'trigger' },
    ]);
  });

  it('is heard at once by the process that ticks', async () => {
    await untilTickerSleeps();
    await app.schedules.upsert('soon', { every: '1h', startAt: new Date(Date.now() + 1_000) });
    // Nobody would look for ten minutes otherwise.
    expect(await untilPublished(database, 'soon', 1)).toMatchObject([{ cause: 'time' }]);
  });

  it('is removed, and its events stay', async () => {
    await app.schedules.upsert('gone', { every: 1_000 });
    await untilPublished(database, 'gone', 1);
    await app.schedules.remove('gone', { by: 'ada' });
    expect(await app.schedules.get('gone')).toBeUndefined();
    expect(await publishedOf(database, 'gone')).not.toEqual([]);
    for (const change of ['pause', 'resume', 'trigger', 'remove', 'runs', 'preview'] as const)
      await expect(app.schedules[change]('gone')).rejects.toMatchObject({
        code: 'INTEGRATION_SCHEDULE_UNKNOWN',
      });
  });

  it('is previewed before it is made', async () => {
    const from = new Date('2026-10-24T12:00:00Z');
    expect(
      await app.schedules.preview({ cron: '30 2 * * *', timeZone: 'Europe/Berlin' }, { from, count: 2 }),
    ).toEqual([new Date('2026-10-25T00:30:00Z'), new Date('2026-10-26T01:30:00Z')]);
    expect(await app.schedules.preview({ every: '1d', limit: 1 }, { from })).toEqual([
      new Date('2026-10-25T12:00:00Z'),
    ]);
  });

  it.each<[string, ScheduleDefinition | object, string]>([
    ['neither cron nor every', {}, 'either cron or every'],
    ['both', { cron: '* * * * *', every: 1_000 }, 'either cron or every'],
    ['a pattern that nobody can read', { cron: '0 25 * * *' }, 'cron "0 25 * * *" cannot be read'],
    ['a pattern with too few fields', { cron: '* * *' }, 'five fields'],
    ['a date as pattern', { cron: '2026-01-01T00:00:00' }, 'five fields'],
    ['a day that never comes', { cron: '0 0 30 2 *' }, 'never comes'],
    ['an interval under a second', { every: 999 }, 'every must be'],
    ['an interval that is none', { every: 'soon' }, 'every must be'],
    ['two intervals', { every: '1h,2h' }, 'every must be'],
    ['a zone that is not there', { cron: '* * * * *', timeZone: 'Mars/Base' }, 'not the name of a zone'],
    [
      'an end before the start',
      { every: '1h', startAt: new Date(2e12), endAt: new Date(1.9e12) },
      'before startAt',
    ],
    [
      'bounds without a time',
      { cron: '0 0 1 1 *', startAt: new Date('2090-02-01'), endAt: new Date('2090-03-01') },
      'no time lies',
    ],
    ['an end that has passed', { every: '1h', endAt: new Date('2020-01-01') }, 'has passed'],
    ['a limit of nothing', { every: '1h', limit: 0 }, 'limit must be'],
    ['another missed', { every: '1h', missed: 'never' }, 'missed must be one of'],
    [
      'all of the missed, and each skips the next',
      { every: '1h', missed: 'all', overlap: 'skip' },
      "needs overlap: 'queue'",
    ],
    ['a payload that JSON cannot hold', { every: '1h', payload: { n: 1n } }, 'payload'],
    ['a consumer with too long a name', { every: '1h', consumerName: 'c'.repeat(128) }, 'consumerName'],
    [
      'an option that nobody knows',
      { every: '1h', timezone: 'UTC' },
      'timezone is not a field of a schedule',
    ],
  ])('is refused for %s', async (_, definition, words) => {
    await expect(app.schedules.upsert('wrong', definition as ScheduleDefinition)).rejects.toMatchObject({
      code: 'INTEGRATION_SCHEDULE_INVALID',
      message: expect.stringContaining(words),
    });
    expect(await app.schedules.get('wrong')).toBeUndefined();
  });

  it('is refused for a name that no event can have', async () => {
    await expect(app.schedules.upsert('a b', { every: '1h' })).rejects.toMatchObject({
      code: 'INTEGRATION_SCHEDULE_INVALID',
    });
    await expect(app.schedules.get('a b')).rejects.toMatchObject({ code: 'INTEGRATION_ADMIN_INVALID' });
  });
});
