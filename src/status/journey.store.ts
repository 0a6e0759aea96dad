import type { EngineDatabase } from '../database/engine-database.js';
import { timeOrNull } from '../database/sql/epoch-text.store.js';

/** What the inbox keeps of an event at a consumer. What was done at once has no row. */
export interface JourneyRow {
  readonly outboxEventId: string;
  readonly consumerName: string;
  /** The attempts that failed, the oldest first. Times are ISO texts. */
  readonly attempts: readonly { attempt: number; at: string; ms: number | null; error: string }[];
  readonly doneAt: Date | null;
  /** Who discarded it. Null if nobody did. */
  readonly discardedBy: string | null;
}

/** Of an error so much is read. Stacks and lines of handlers are not. */
const MOST_OF_ERROR = 1_000;

/** Reads what the inbox keeps of some events at some consumers. */
export class JourneyStore {
  private readonly sql: string;

  constructor(private readonly db: EngineDatabase) {
    this.sql = `
      SELECT outbox_event_id::text AS "outboxEventId", consumer_name AS "consumerName",
        coalesce((SELECT json_agg(json_build_object('attempt', a.each -> 'attempt', 'at', a.each -> 'at', 'ms', a.each -> 'ms',
            'error', left(a.each ->> 'error', ${MOST_OF_ERROR})) ORDER BY a.place)
          FROM jsonb_array_elements(attempts) WITH ORDINALITY AS a (each, place)), '[]') AS attempts,
        CASE WHEN status = 'processed' THEN ${timeOrNull('processed_at')} END AS "doneAt",
        CASE WHEN resolution ->> 'action' = 'discard' THEN resolution ->> 'by' END AS "discardedBy"
      FROM ${db.tables.inboxEvent} WHERE outbox_event_id = ANY ($1::uuid[]) AND consumer_name = ANY ($2::text[])`;
  }

  rowsOf(outboxEventIds: readonly string[], consumerNames: readonly string[]): Promise<JourneyRow[]> {
    return this.db.query<JourneyRow>(this.sql, [outboxEventIds, consumerNames]);
  }
}
