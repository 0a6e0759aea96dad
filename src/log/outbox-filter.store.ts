import { finiteTime, timeOrNull } from '../database/sql/epoch-text.store.js';
import type { OutboxEventFilter } from './outbox-event.js';

/** The columns of an event of the log, apart from its payload, by the names that users see. */
export const EVENT_COLUMNS = `id AS "outboxEventId", event_name AS "eventName", event_version AS "eventVersion",
  source_module AS "sourceModule", aggregate_type AS "aggregateType", aggregate_id AS "aggregateId",
  CASE WHEN jsonb_typeof(metadata) = 'object' THEN metadata ELSE '{}' END AS metadata, ${finiteTime('created_at')} AS "timestamp",
  position, payload_bytes AS "payloadBytes", dedup_key AS "deduplicationKey", ${timeOrNull('available_at')} AS "availableAt"`;

/** SQL conditions on events of the log. Adds their parameters behind those that `params` has already. */
export function conditionsOf(filter: OutboxEventFilter, params: unknown[]): string[] {
  const conditions: string[] = [];
  const where = (condition: string, value: unknown) => {
    if (value === undefined) return;
    params.push(value);
    conditions.push(condition.replace('?', `$${params.length}`));
  };
  const prefix = filter.eventName?.endsWith('*') ? filter.eventName.slice(0, -1) : undefined;
  where('event_name = ?', prefix === undefined ? filter.eventName : undefined);
  where('starts_with(event_name, ?)', prefix);
  where('source_module = ?', filter.sourceModule);
  where('aggregate_type = ?', filter.aggregateType);
  where('aggregate_id = ?', filter.aggregateId);
  where('dedup_key = ?', filter.deduplicationKey);
  where(`metadata ->> 'correlationId' = ?`, filter.correlationId);
  where('created_at >= ?::timestamptz', filter.from);
  where('created_at < ?::timestamptz', filter.to);
  return conditions;
}
