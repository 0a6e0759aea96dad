import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createTestDatabase, type TestDatabase } from '../support/test-database.js';
import { type ScheduleApp, startScheduleApp, untilPublished } from './schedule-app.js';

/* What is due is said by the clock of the database. The clock of a process may show anything. */

const HOUR_MS = 3_600_000;
const RealDate = Date;

/** The clock of this process is set to another hour. */
function setClock(hours: number): void {
  globalThis.Date = class extends RealDate {
    constructor(...given: [] | [string | number | Date]) {
      super(...((given.length === 0 ? [RealDate.now() + hours * HOUR_MS] : given) as [number]));
    }

    static override now(): number {
      return RealDate.now() + hours * HOUR_MS;
    }
  } as DateConstructor;
}

let database: TestDatabase;
let app: ScheduleApp | undefined;

beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(async () => {
  globalThis.Date = RealDate;
  await app?.close();
  app = undefined;
  await database?.drop();
});

it.each([-1, 1])(
  'a process whose clock is set %i h off goes on with the times of the database',
  async (hours) => {
    app = await startScheduleApp(database);
    const start = RealDate.now();
    await app.schedules.upsert('often', { every: 1_000, missed: 'all', overlap: 'queue' });
    await untilPublished(database, 'often', 2);
    setClock(hours);
    // A schedule that is made by this clock, and one that is older than it.
    await app.schedules.upsert('later', { every: 1_000, missed: 'all', overlap: 'queue' });
    for (const name of ['often', 'later']) {
      const published = await untilPublished(database, name, 4);
      const times = published.map(({ at }) => RealDate.parse(at));
      expect(times).toEqual(times.map((_, n) => Number(times[0]) + n * 1_000));
      expect(times[0]).toBeGreaterThanOrEqual(start);
      expect(times.at(-1)).toBeLessThanOrEqual(RealDate.now() + 1_000);
      expect(published.every(({ cause }) => cause === 'time')).toBe(true);
    }
  },
);
