import { Injectable } from '@nestjs/common';
import { EngineDatabase } from '../database/engine-database.js';
import { timeOrNull } from '../database/sql/epoch-text.store.js';
import type { ConsumerDelivery, OutboxEvent, OutboxEventFilter } from './outbox-event.js';
import { conditionsOf, EVENT_COLUMNS } from './outbox-filter.store.js';

/** One row of the view `outbox_event_status`. */
export interface StatusRow extends ConsumerDelivery {
  outboxEventId: string;
}

/** Reads the log for people. It sees only committed events, because it uses the engine's own connections. */
@Injectable()
export class OutboxQueryStore {
  private readonly selectEvent: string;
  private readonly selectStatus: string;

  constructor(private readonly db: EngineDatabase) {
    this.selectEvent = `SELECT ${EVENT_COLUMNS}, payload FROM ${db.tables.outboxEvent}`;
    this.selectStatus = `SELECT outbox_event_id AS "outboxEventId", consumer_name AS "consumerName", status,
        attempt_count AS "attemptCount", last_error AS "lastError", ${timeOrNull('available_at')} AS "availableAt",
        ${timeOrNull('postponed_since')} AS "postponedSince"
      FROM ${db.tables.outboxEventStatus} WHERE outbox_event_id = ANY ($1::uuid[]) ORDER BY consumer_name`;
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
