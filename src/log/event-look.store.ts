import { Injectable } from '@nestjs/common';
import { AdminDatabase } from '../database/admin-database.js';
import { planInOrderOfIndex } from '../database/sql/plan-in-order-of-index.store.js';
import type { EventHead, EventOrder, EventSearchFilter } from './event-look.js';
import { conditionsOf, EVENT_COLUMNS } from './outbox-filter.store.js';
import { positionAtTime } from './position-at-time.store.js';

/** The index that a user may add to the log (decision 0120). */
const CORRELATION_INDEX = 'outbox_event_correlation_idx';

/** The positions from `low` to before `high`. */
export interface Stretch {
  readonly low: number;
  readonly high: number;
}

/**
 * Looks at the log in stretches of positions, so that every statement reads a bounded part of it, whatever
 * it filters by. It returns no payloads, except that of one event.
 */
@Injectable()
export class EventLookStore {
  private readonly log: string;

  constructor(private readonly db: AdminDatabase) {
    this.log = db.tables.outboxEvent;
  }

  /** The whole log. It is empty if `low` is `high`. */
  async extent(): Promise<Stretch> {
    const [row] = await this.db.query<Stretch>(
      `SELECT coalesce((SELECT min(position) FROM ${this.log}), 1) AS low, coalesce((SELECT max(position) FROM ${this.log}), 0) + 1 AS high`,
    );
    return row ?? { low: 1, high: 1 };
  }

  /** Returns the position of the first event of a stretch that was written at a time or later. */
  async positionAt(time: Date, { low, high }: Stretch): Promise<number> {
    const [row] = await this.db.query<{ position: number }>(
      positionAtTime(this.log, 'SELECT $2::bigint, $3::bigint'),
      [time, low, high],
    );
    return row?.position ?? low;
  }

  /** Returns the first events of a stretch that match, in an order. */
  async findHeads(
    filter: EventSearchFilter,
    { low, high }: Stretch,
    limit: number,
    order: EventOrder,
  ): Promise<EventHead[]> {
    const params: unknown[] = [low, high, limit];
    const conditions = ['position >= $1::bigint', 'position < $2::bigint', ...conditionsOf(filter, params)];
    const { about, payloadPath, payloadValue } = filter;
    if (about !== undefined)
      conditions.push(
        `$${params.push(about)}::text IN (event_name, aggregate_id, metadata ->> 'correlationId')`,
      );
    if (payloadPath !== undefined)
      conditions.push(
        `payload #>> $${params.push(payloadPath.split('.'))}::text[] = $${params.push(payloadValue)}::text`,
      );
    const sql = `SELECT ${EVENT_COLUMNS} FROM ${this.log} WHERE ${conditions.join(' AND ')} ORDER BY position ${order === 'oldest' ? 'ASC' : 'DESC'} LIMIT $3::int`;
    if (about === undefined && payloadPath === undefined) return this.db.query<EventHead>(sql, params);
    return this.db.read(async (session) => {
      // No index has what is sought. The server would read the whole log if much of it is in the stretch.
      await session.query('SET LOCAL enable_seqscan = off');
      await planInOrderOfIndex(session);
      return session.query<EventHead>(sql, params);
    });
  }

  /** Whether the log has the optional index of correlations, and Postgres has finished it. */
  async hasCorrelationIndex(): Promise<boolean> {
    const rows = await this.db.query(
      `SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
       WHERE i.indrelid = $1::regclass AND c.relname = $2 AND i.indisvalid`,
      [this.log, CORRELATION_INDEX],
    );
    return rows.length > 0;
  }

  async findWithPayload(id: string): Promise<(EventHead & { payloadText: string }) | undefined> {
    const [row] = await this.db.query<EventHead & { payloadText: string }>(
      `SELECT ${EVENT_COLUMNS}, payload::text AS "payloadText" FROM ${this.log} WHERE id = $1::uuid`,
      [id],
    );
    return row;
  }

  async findWithMetadataText(id: string): Promise<(EventHead & { metadataText: string }) | undefined> {
    const [row] = await this.db.query<EventHead & { metadataText: string }>(
      `SELECT ${EVENT_COLUMNS}, CASE WHEN jsonb_typeof(metadata) = 'object' THEN metadata ELSE '{}' END::text AS "metadataText"
       FROM ${this.log} WHERE id = $1::uuid`,
      [id],
    );
    return row;
  }

  async findHead(id: string): Promise<EventHead | undefined> {
    const [row] = await this.db.query<EventHead>(
      `SELECT ${EVENT_COLUMNS} FROM ${this.log} WHERE id = $1::uuid`,
      [id],
    );
    return row;
  }

  /** Returns the first events of a stretch that belong to a correlation, the oldest first. */
  async findCorrelated(correlationId: string, { low, high }: Stretch, limit: number): Promise<EventHead[]> {
    return this.db.query<EventHead>(
      `SELECT ${EVENT_COLUMNS} FROM ${this.log}
       WHERE position >= $1::bigint AND position < $2::bigint AND metadata ->> 'correlationId' = $3
       ORDER BY position LIMIT $4::int`,
      [low, high, correlationId, limit],
    );
  }
}
