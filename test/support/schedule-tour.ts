import { AdminDatabase } from '../../src/database/admin-database.js';
import { EngineDatabase } from '../../src/database/engine-database.js';
import { ScheduleStore } from '../../src/schedules/schedule.store.js';
import type { TestApp } from './app.js';
import type { TestDatabase } from './test-database.js';

export const SCHEDULES = 10_000;

/** Schedules of which most are due in an hour, some are due now, some were paused and some have ended. */
export async function fillSchedules(pool: TestDatabase['pool']): Promise<void> {
  await pool.query(`
    INSERT INTO integration.integration_schedule (name, cron, time_zone, anchor_at, missed, overlap, consumer, next_at, paused_at, changed_by)
      SELECT 'schedule-' || n, '0 * * * *', 'UTC', now(), 'once', 'skip', 'schedule.' || n,
        CASE WHEN n % 10 = 0 THEN NULL WHEN n % 100 = 1 THEN now() - interval '1 hour' ELSE now() + interval '1 hour' END,
        CASE WHEN n % 7 = 0 THEN now() END, 'test'
      FROM generate_series(1, ${SCHEDULES}) AS n;
    ANALYZE integration.integration_schedule`);
}

/** Sends the statements of schedules. */
export async function tourOfSchedules({ context }: TestApp): Promise<void> {
  const db = context.get(EngineDatabase, { strict: false });
  const store = new ScheduleStore(db);
  const look = new ScheduleStore(context.get(AdminDatabase, { strict: false }));
  await look.find('schedule-2');
  await look.timingOf('schedule-2');
  await look.list(undefined, 10);
  await look.list('schedule-2', 10);
  await look.late(120, 100);
  await look.countLate(120);
  await look.withoutConsumer(100);
  await store.nextIn(['schedule-1']);
  await db.transaction(async (session) => {
    const { due } = await store.takeDue(session, 10, ['schedule-1']);
    const none = {
      nextAt: new Date().toISOString(),
      left: null,
      lastAt: null,
      lastEventId: null,
      skipped: 1,
    };
    await store.moveOn(
      session,
      due.map(({ name }) => ({ name, ...none })),
    );
    const [locked] = await store.lock(session, ['schedule-2', 'schedule-3']);
    if (locked === undefined) throw new Error('the schedules are there');
    const row = { ...locked, payload: '{}', nextAt: (await store.now(session)) + 1_000, place: null };
    await store.save(session, [row, { ...row, name: 'new' }]);
    await store.pause(session, 'new');
    await store.resume(session, 'new', undefined);
    await store.triggered(session, 'new', '00000000-0000-7000-8000-000000000001');
    await store.remove(session, 'new');
  });
}
