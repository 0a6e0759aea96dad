import type { EngineDatabase } from '../database/engine-database.js';
import { OutboxQueryStore } from '../log/outbox-query.store.js';
import {
  eventNameOf,
  SCHEDULE_AGGREGATE,
  type Schedule,
  type Scheduled,
  type ScheduleRun,
} from './schedule.js';

/** The last events of a schedule, the latest first, and how they stand at its consumer. */
export async function runsOf(
  db: Pick<EngineDatabase, 'query' | 'tables'>,
  { name, consumerName }: Pick<Schedule, 'name' | 'consumerName'>,
  count: number,
): Promise<ScheduleRun[]> {
  const log = new OutboxQueryStore(db);
  const filter = { aggregateType: SCHEDULE_AGGREGATE, aggregateId: name, eventName: eventNameOf(name) };
  const events = await log.findMany(filter, { limit: count, after: undefined, descending: true });
  const statuses = await log.findStatuses(events.map(({ outboxEventId }) => outboxEventId));
  return events.map(({ outboxEventId, payload, timestamp }) => {
    const { at, cause = 'time' } = Object(payload) as Partial<Scheduled>;
    const status = statuses.find(
      (each) => each.outboxEventId === outboxEventId && each.consumerName === consumerName,
    );
    return {
      outboxEventId,
      at: at === undefined ? timestamp : new Date(at),
      cause,
      publishedAt: timestamp,
      status: status?.status ?? null,
      attempts: status?.attemptCount ?? 0,
      lastError: status?.lastError ?? null,
    };
  });
}
