import { Injectable } from '@nestjs/common';
import { AdminDatabase } from '../database/admin-database.js';
import { finiteTime, timeOrNull } from '../database/sql/epoch-text.store.js';
import type { EventHead } from './event-look.js';
import type { OutboxEventFilter } from './outbox-event.js';

/** The positions from `low` to before `high`. */
export interface Stretch {
  readonly low: number;
  readonly high: number;
}

/**
 * Looks at the log in stretches of positions, so that every statement reads a bounded part of it, whatever
 * it filters by. It does not read payloads, except that of one event.
 */
@Injectable()
export class EventLookStore {
  private readonly log: string;
  private readonly head: string;

  constructor(private readonly db: AdminDatabase) {
    this.log = db.tables.outboxEvent;
    this.head = `id AS "outboxEventId", event_name AS "eventName", event_version AS "eventVersion",
      source_module AS "sourceModule", aggregate_type AS "aggregateType", aggregate_id AS "aggregateId",
      CASE WHEN jsonb_typeof(metadata) = 'object' THEN metadata ELSE '{}' END AS metadata, ${finiteTime('created_at')} AS "timestamp",
      position, payload_bytes AS "payloadBytes", dedup_key AS "deduplicationKey", ${timeOrNull('available_at')} AS "availableAt"`;
  }

  /** The whole log. It is empty if `low` is `high`. */
  async extent(): Promise<Stretch> {
    const [row] = await this.db.query<Stretch>(
      `SELECT coalesce((SELECT min(position) FROM ${this.log}), 1) AS low, coalesce((SELECT max(position) FROM ${this.log}), 0) + 1 AS high`,
    );
    return row ?? { low: 1, high: 1 };
  }

  /**
   * Returns the position of the first event that was written at a time or later. It halves the log again
   * and again, about thirty times, and looks at one event each time. Events that were written at the same
   * moment may stand in another order than their times, so the place is right to within the length of the
   * transactions that wrote them.
   */
  async positionAt(time: Date, { low, high }: Stretch): Promise<number> {
    const [row] = await this.db.query<{ position: number }>(
      `WITH RECURSIVE search AS (
         SELECT $2::bigint AS low, $3::bigint AS high
         UNION ALL
         SELECT CASE WHEN e.created_at < $1::timestamptz THEN e.position + 1 ELSE s.low END,
           CASE WHEN e.created_at < $1::timestamptz THEN s.high ELSE (s.low + s.high) / 2 END
         FROM search s LEFT JOIN LATERAL (
           SELECT l.position, l.created_at FROM ${this.log} l
           WHERE l.position >= (s.low + s.high) / 2 AND l.position < s.high ORDER BY l.position LIMIT 1
         ) e ON true
         WHERE s.low < s.high
       )
       SELECT low AS position FROM search WHERE low >= high`,
      [time, low, high],
    );
    return row?.position ?? low;
  }

  /** Returns the newest events of a stretch that match, the newest first. */
  async findHeads(filter: OutboxEventFilter, { low, high }: Stretch, limit: number): Promise<EventHead[]> {
    const params: unknown[] = [low, high, limit];
    const conditions = ['position >= $1::bigint', 'position < $2::bigint'];
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
    where('created_at >= ?::timestamptz', filter.from);
    where('created_at < ?::timestamptz', filter.to);
    return this.db.query<EventHead>(
      `SELECT ${this.head} FROM ${this.log} WHERE ${conditions.join(' AND ')} ORDER BY position DESC LIMIT $3::int`,
      params,
    );
  }

  async findWithPayload(id: string): Promise<(EventHead & { payloadText: string }) | undefined> {
    const [row] = await this.db.query<EventHead & { payloadText: string }>(
      `SELECT ${this.head}, payload::text AS "payloadText" FROM ${this.log} WHERE id = $1::uuid`,
      [id],
    );
    return row;
  }

  async findHead(id: string): Promise<EventHead | undefined> {
    const [row] = await this.db.query<EventHead>(`SELECT ${this.head} FROM ${this.log} WHERE id = $1::uuid`, [
      id,
    ]);
    return row;
  }

  /** Returns the first events of a stretch that belong to a correlation, the oldest first. */
  async findCorrelated(correlationId: string, { low, high }: Stretch, limit: number): Promise<EventHead[]> {
    return this.db.query<EventHead>(
      `SELECT ${this.head} FROM ${this.log}
       WHERE position >= $1::bigint AND position < $2::bigint AND metadata ->> 'correlationId' = $3
       ORDER BY position LIMIT $4::int`,
      [low, high, correlationId, limit],
    );
  }
}
