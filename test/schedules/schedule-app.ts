import type { Type } from '@nestjs/common';
import type { IntegrationModuleOptions } from '../../src/index.js';
import { SchedulesModule, SchedulesService } from '../../src/schedules/index.js';
import { type PartApp, startPartApp } from '../support/part-app.js';
import type { TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

export interface ScheduleApp extends PartApp {
  readonly schedules: SchedulesService;
}

/** An application with schedules. */
export async function startScheduleApp(
  database: TestDatabase,
  providers: readonly Type[] = [],
  options: IntegrationModuleOptions = {},
): Promise<ScheduleApp> {
  const app = await startPartApp(database, options, {
    imports: [SchedulesModule.forRoot()],
    providers: [...providers],
  });
  return { ...app, schedules: app.context.get(SchedulesService) };
}

export interface PublishedTime {
  readonly id: string;
  readonly at: string;
  readonly cause: string;
}

/** The events of a schedule, in the order of the log. */
export async function publishedOf(database: TestDatabase, name: string): Promise<PublishedTime[]> {
  const { rows } = await database.pool.query<PublishedTime>(
    `SELECT id, payload->>'at' AS at, payload->>'cause' AS cause FROM integration.outbox_event
     WHERE aggregate_type = 'schedule' AND aggregate_id = $1 ORDER BY position`,
    [name],
  );
  return rows;
}

/** Resolves as soon as a schedule has published so many events, to them. */
export function untilPublished(
  database: TestDatabase,
  name: string,
  count: number,
): Promise<PublishedTime[]> {
  return until(`${name} has published ${count} events`, async () => {
    const found = await publishedOf(database, name);
    return found.length >= count && found;
  });
}

/** Writes a time of a schedule by hand, as SQL, and tells the ticker. */
export async function moveTo(database: TestDatabase, name: string, nextAt: string): Promise<void> {
  await database.pool.query(
    `UPDATE integration.integration_schedule SET next_at = ${nextAt} WHERE name = $1`,
    [name],
  );
  await wakeTicker(database);
}

export async function wakeTicker(database: TestDatabase): Promise<void> {
  await database.pool.query(`SELECT pg_notify('integration_settings', 'lanes schedules')`);
}

/** An hour of the past or the future, as ISO text: `hour(-1)` is the last full one. */
export function hour(offset: number): string {
  const now = Math.floor(Date.now() / 3_600_000);
  return new Date((now + 1 + offset) * 3_600_000).toISOString();
}
