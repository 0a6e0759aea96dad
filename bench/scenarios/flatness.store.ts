/** What a drained cursor looks like: only the future is unread. Nobody may hold its lease. */
export const SETTLE_EVERYTHING = `
  UPDATE integration.inbox_cursor SET unread = int8multirange(int8range(
    (SELECT coalesce(max(position), 0) + 1 FROM integration.outbox_event), NULL))`;

export const OPEN_SNAPSHOT = [
  'BEGIN ISOLATION LEVEL REPEATABLE READ',
  'SELECT count(*) FROM pg_class',
] as const;
