import { Inject, Injectable } from '@nestjs/common';
import { AdminDatabase } from '../database/admin-database.js';
import type { EngineDatabase } from '../database/engine-database.js';
import { finiteTime } from '../database/sql/epoch-text.store.js';

/** How long the oldest event of a partition has waited in the inbox. */
export interface InboxLag {
  readonly consumerName: string;
  readonly partition: number;
  readonly seconds: number;
}

/** How many rows of each status of a consumer are looked at, the oldest first. */
const LOOKED_AT = 1_000;

/** Looks for the oldest event that each consumer has still to do in the inbox. */
@Injectable()
export class InboxLagStore {
  private readonly sql: string;

  constructor(@Inject(AdminDatabase) private readonly db: EngineDatabase) {
    const { inboxCursor, inboxEvent, outboxEvent } = db.tables;
    const rows = (status: string) =>
      `(SELECT i.partition, i.position, i.status, i.available_at, i.postponed_since FROM ${inboxEvent} i
          WHERE i.consumer_name = c.name AND i.status = '${status}' ORDER BY i.position LIMIT ${LOOKED_AT})`;
    // A delayed event, and one that its handler put off, is late from the time at which it is due. What has
    // failed for good has no such time and does not count.
    const isPutOff = `(r.postponed_since IS NOT NULL OR r.status = 'received' AND isfinite(r.available_at))`;
    // The event is looked up by its position. A join would read the whole log where the planner expects many.
    this.sql = `
      SELECT c.name AS "consumerName", oldest.partition,
        greatest(0, extract(epoch FROM clock_timestamp() - least(
          CASE WHEN published.at IS NOT NULL THEN ${finiteTime('published.at')} END, oldest.due_at)))::float8 AS seconds
      FROM (SELECT DISTINCT consumer_name AS name FROM ${inboxCursor}) AS c
      CROSS JOIN LATERAL (
        SELECT r.partition, min(r.position) FILTER (WHERE NOT ${isPutOff}) AS position,
          min(r.available_at) FILTER (WHERE ${isPutOff} AND r.available_at <= clock_timestamp()) AS due_at
        FROM (${rows('processing')} UNION ALL ${rows('failed')} UNION ALL ${rows('received')}) AS r
        WHERE r.status = 'processing' OR r.available_at IS NOT NULL
        GROUP BY r.partition
      ) AS oldest
      CROSS JOIN LATERAL (SELECT (SELECT e.created_at FROM ${outboxEvent} e WHERE e.position = oldest.position) AS at OFFSET 0) AS published
      WHERE published.at IS NOT NULL OR oldest.due_at IS NOT NULL`;
  }

  /** Returns the partitions that have such an event among the first thousand rows of a status. */
  read(): Promise<InboxLag[]> {
    return this.db.read(async (session) => {
      // Without this the planner reads and sorts all rows of a status, if it takes them to be few.
      await session.query('SET LOCAL enable_sort = off');
      return session.query<InboxLag>(this.sql);
    });
  }
}
