import type { Resolution } from '../../src/index.js';
import type { TestDatabase } from './test-database.js';

/** A row of the inbox, as the table has it. */
export interface InboxRow {
  readonly outboxEventId: string;
  readonly aggregateId: string;
  readonly status: string;
  readonly attempts: number;
  readonly error: string | null;
  readonly fingerprint: string | null;
  readonly suspicion: string | null;
  /** A time's ISO text, `infinity`, `-infinity`, or null. */
  readonly availableAt: string | null;
  /** What an admin decided last. */
  readonly resolution: Resolution | null;
}

/** The inbox rows of one consumer by position. */
export async function inboxRows(database: TestDatabase, consumerName: string): Promise<InboxRow[]> {
  const { rows } = await database.pool.query<InboxRow>(
    `SELECT outbox_event_id AS "outboxEventId", aggregate_id AS "aggregateId", status, attempt_count AS attempts,
            last_error AS error, error_fingerprint AS fingerprint, suspicion, available_at::text AS "availableAt", resolution
     FROM integration.inbox_event WHERE consumer_name = $1 ORDER BY position`,
    [consumerName],
  );
  return rows;
}

/** What a consumer's cursor has not settled, as a multirange's text. */
export async function unreadOf(database: TestDatabase, consumerName: string): Promise<string> {
  const { rows } = await database.pool.query<{ unread: string }>(
    `SELECT unread::text FROM integration.inbox_cursor WHERE consumer_name = $1`,
    [consumerName],
  );
  return rows[0]?.unread ?? '';
}
