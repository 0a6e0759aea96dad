import type { InboxFilter } from './inbox-record.js';

/**
 * SQL condition: a row `i` of the inbox matches the filter, whatever its event is called. The values of the
 * filter are $3 to $7. $1 is the consumer's name (see `consumersNamed`).
 */
export const ROW_MATCHES_FILTER = `($3::text IS NULL OR i.aggregate_type = $3) AND ($4::text IS NULL OR i.aggregate_id = $4)
  AND ($5::uuid[] IS NULL OR i.outbox_event_id = ANY ($5)) AND ($6::text IS NULL OR i.error_fingerprint = $6)
  AND ($7::bigint IS NULL OR i.position = $7)`;

/** SQL condition: a row `i` of the inbox and its event `e` match the filter. $2 is the name of the event. */
export const MATCHES_FILTER = `($2::text IS NULL OR e.event_name = $2) AND ${ROW_MATCHES_FILTER}`;

/**
 * SQL: the rows `i` of the events in $5, of the consumer $1 or of all. Each event is looked up in the unique
 * index of events and consumers, because OFFSET 0 keeps the planner from another way.
 */
export const rowsOfChosen = (inbox: string): string => `
  unnest($5::uuid[]) AS chosen (id) CROSS JOIN LATERAL (
    SELECT * FROM ${inbox} WHERE outbox_event_id = chosen.id AND ($1::text IS NULL OR consumer_name = $1) OFFSET 0
  ) AS i`;

/** The values of $1 to $7. */
export function filterValues(filter: InboxFilter): unknown[] {
  const { consumerName, eventName, aggregateType, aggregateId, outboxEventId, errorFingerprint, position } =
    filter;
  const ids = filter.outboxEventIds ?? (outboxEventId === undefined ? undefined : [outboxEventId]);
  return [consumerName, eventName, aggregateType, aggregateId, ids, errorFingerprint, position].map(
    (value) => value ?? null,
  );
}
