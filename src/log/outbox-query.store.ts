import { Inject, Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { timeOrNull } from '../database/sql/epoch-text.store.js';
import { askedPatterns } from './asked-names.store.js';
import type { ConsumerDelivery, OutboxEvent, OutboxEventFilter } from './outbox-event.js';
import { conditionsOf, EVENT_COLUMNS } from './outbox-filter.store.js';
import { ownedAttempts } from './owned-attempts.store.js';

/** What became of one event at one consumer. */
export interface StatusRow extends ConsumerDelivery {
  outboxEventId: string;
}

/** Reads the log for people. It sees only committed events, because it uses the engine's own connections. */
@Injectable()
export class OutboxQueryStore {
  private readonly selectEvent: string;
  private readonly selectStatus: string;

  constructor(@Inject(EngineDatabase) private readonly db: Pick<EngineDatabase, 'query' | 'tables'>) {
    this.selectEvent = `SELECT ${EVENT_COLUMNS}, payload FROM ${db.tables.outboxEvent}`;
    const { outboxEvent, inboxCursor, inboxEvent, integrationPartition } = db.tables;
    // The view outbox_event_status says the same. It looks each row of the inbox up by itself, and compares
    // each event with the names of each consumer, which is too much for a page of events at many consumers. A
    // row of the inbox counts whatever its consumer asks for today. Of a first attempt nothing is written, so
    // only its process says that it runs, once it has taken two seconds. The view does not know that.
    this.selectStatus = `
      WITH event AS MATERIALIZED (
        SELECT id, position, event_name, aggregate_type, aggregate_id, available_at FROM ${outboxEvent} WHERE id = ANY ($1::uuid[])
      ), exception AS MATERIALIZED (
        SELECT outbox_event_id AS id, consumer_name, status, attempt_count, last_error, available_at, postponed_since FROM ${inboxEvent} i
        WHERE outbox_event_id = ANY ($1::uuid[]) AND EXISTS (SELECT FROM ${inboxCursor} c WHERE c.consumer_name = i.consumer_name)
      ), running AS MATERIALIZED (
        SELECT e.id, c.consumer_name FROM ${ownedAttempts(db.tables)} JOIN event e ON e.position = (w.attempt ->> 'position')::bigint
          OR w.attempt -> 'others' @> to_jsonb(e.position)
      ), name AS MATERIALIZED (
        SELECT DISTINCT event_name FROM event
      ), named AS MATERIALIZED (
        SELECT c.consumer_name, c.partition, c.partitions, c.starts_at, c.unread, name.event_name
        FROM ${inboxCursor} c
        CROSS JOIN LATERAL (${askedPatterns('c.event_names')}) AS names
        JOIN name ON name.event_name LIKE ANY (names.patterns)
      ), asked AS (
        SELECT e.id, c.consumer_name, e.position <@ c.unread AS is_unread, e.available_at
        FROM event e
        JOIN named c ON c.event_name = e.event_name AND e.position >= c.starts_at
          AND (c.partitions = 1 OR c.partition = ${integrationPartition}(e.aggregate_type, e.aggregate_id, c.partitions))
      )
      SELECT id AS "outboxEventId", consumer_name AS "consumerName",
        CASE WHEN i.status IS NULL AND asked.is_unread AND (id, consumer_name) IN (SELECT id, consumer_name FROM running) THEN 'processing'
          WHEN i.status = 'received' THEN 'pending'
          WHEN i.status = 'failed' AND i.postponed_since IS NOT NULL AND i.available_at IS NOT NULL THEN 'pending' WHEN i.status IS NOT NULL THEN i.status WHEN asked.is_unread THEN 'pending'
          ELSE 'processed' END AS status,
        coalesce(i.attempt_count, 0) AS "attemptCount", i.last_error AS "lastError",
        ${timeOrNull(`CASE WHEN i.status IN ('received', 'failed') THEN nullif(nullif(i.available_at, 'infinity'), '-infinity')
          WHEN i.status IS NULL AND asked.is_unread THEN asked.available_at END`)} AS "availableAt",
        ${timeOrNull(`CASE WHEN i.status IN ('processing', 'failed') AND i.available_at IS NOT NULL THEN i.postponed_since END`)} AS "postponedSince"
      FROM asked FULL JOIN exception i USING (id, consumer_name)
      ORDER BY consumer_name`;
  }

  async findById(id: string): Promise<OutboxEvent | undefined> {
    const rows = await this.db.query<OutboxEvent>(`${this.selectEvent} WHERE id = $1::uuid`, [id]);
    return rows[0];
  }

  /** Returns at most `limit` events after position `after`, in the order asked for. */
  async findMany(
    filter: OutboxEventFilter,
    page: { limit: number; after: number | undefined; descending: boolean },
  ): Promise<OutboxEvent[]> {
    const params: unknown[] = [];
    const conditions = ['true', ...conditionsOf(filter, params)];
    if (page.after !== undefined) {
      params.push(page.after);
      conditions.push(`position ${page.descending ? '<' : '>'} $${params.length}::bigint`);
    }
    params.push(page.limit);
    return this.db.query<OutboxEvent>(
      `${this.selectEvent} WHERE ${conditions.join(' AND ')}
       ORDER BY position ${page.descending ? 'DESC' : 'ASC'} LIMIT $${params.length}`,
      params,
    );
  }

  async findStatuses(ids: readonly string[]): Promise<StatusRow[]> {
    return this.db.query<StatusRow>(this.selectStatus, [ids]);
  }
}
