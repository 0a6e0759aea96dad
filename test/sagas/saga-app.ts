import type { Type } from '@nestjs/common';
import type { IntegrationModuleOptions } from '../../src/index.js';
import { SagasModule, SagasService } from '../../src/sagas/index.js';
import { type PartApp, startPartApp } from '../support/part-app.js';
import type { TestDatabase } from '../support/test-database.js';
import { until } from '../support/until.js';

export { event } from '../support/part-app.js';

export interface SagaApp extends PartApp {
  readonly sagas: SagasService;
}

/** An application with sagas, one or more classes of them. */
export async function startSagaApp(
  database: TestDatabase,
  sagas: readonly Type[],
  options: IntegrationModuleOptions = {},
  imports: readonly unknown[] = [],
): Promise<SagaApp> {
  const app = await startPartApp(database, options, {
    imports: [SagasModule.forRoot(), ...(imports as Type[])],
    providers: [...sagas],
  });
  return { ...app, sagas: app.context.get(SagasService) };
}

/** Resolves when nothing of the saga's consumer is unread or open. What is delayed does not count. */
export async function untilSagaSettled(database: TestDatabase, saga: string): Promise<void> {
  await until(`saga ${saga} is settled`, async () => {
    const { rows } = await database.pool.query<{ settled: boolean }>(
      `SELECT bool_and(NOT EXISTS (SELECT FROM integration.outbox_event e WHERE e.position <@ c.unread)
          AND NOT EXISTS (SELECT FROM integration.inbox_event i JOIN integration.outbox_event e ON e.id = i.outbox_event_id
            WHERE i.consumer_name = c.consumer_name AND (i.status = 'processing' OR (i.status = 'failed' AND i.available_at IS NOT NULL)
              OR (i.status = 'received' AND (e.available_at IS NULL OR e.available_at < clock_timestamp()))))) AS settled
       FROM integration.inbox_cursor c WHERE consumer_name = $1`,
      [`saga.${saga}`],
    );
    return rows[0]?.settled;
  });
}

/** The events of the log with these names, in their order. */
export async function published(database: TestDatabase, pattern: string): Promise<PublishedRow[]> {
  const { rows } = await database.pool.query<PublishedRow>(
    `SELECT event_name AS "eventName", aggregate_id AS "aggregateId", payload, metadata
     FROM integration.outbox_event WHERE event_name LIKE $1 ORDER BY position`,
    [pattern],
  );
  return rows;
}

export interface PublishedRow {
  readonly eventName: string;
  readonly aggregateId: string;
  readonly payload: Record<string, unknown>;
  readonly metadata: Record<string, unknown>;
}
