import type { SqlClient } from 'nestjs-integration';

export const CREATE_TABLE = 'CREATE TABLE told (key text PRIMARY KEY, at timestamptz NOT NULL)';

export async function noteByHand(client: SqlClient, key: string): Promise<void> {
  await client.$executeRawUnsafe('INSERT INTO told (key, at) VALUES ($1, clock_timestamp())', key);
}

/** Ends every call that hangs, and those that wait behind them. */
export const END_HANGING = `
  UPDATE integration.external_call SET status = 'canceled', due_at = NULL, ended_at = clock_timestamp()
  WHERE group_key = 'hanging' AND ended_at IS NULL`;

/** $1: how many calls that wait for a report. */
export const FILL_CALLS = `
  INSERT INTO integration.external_call (id, type, target, status, request, external_id, deadline_at)
  SELECT gen_random_uuid(), 'payment', md5((n % 1000)::text)::uuid, 'processing', '{}', 'waiting ' || n, now() + interval '1 day'
  FROM generate_series(1, $1::int) AS n`;

/** $1: how many timeouts of sagas, which are events that are due in a day. */
export const FILL_TIMEOUTS = `
  INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata, available_at)
  SELECT gen_random_uuid(), 'integration.saga.order.timeout', 'sagas', 'saga.order', 'order ' || n,
    jsonb_build_object('key', 'order ' || n, 'timeout', 'payment', 'token', gen_random_uuid()), '{}', now() + interval '1 day'
  FROM generate_series(1, $1::int) AS n`;

/** How many events of sagas are kept until they are due. */
export const COUNT_KEPT = `SELECT count(*)::int AS kept FROM integration.inbox_event WHERE consumer_name = 'saga.order' AND status = 'received'`;

export const SETTLE = 'VACUUM (ANALYZE)';
