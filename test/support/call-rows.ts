import type { TestDatabase } from './test-database.js';

/** The call that `withCall` makes, if it is not told otherwise. Its type is `tts`. */
export const CALL = '00000000-0000-7000-8000-000000000001';
/** What it asked and got, and no answer of an admin's route may show. */
export const CALL_DATA = '12345678901234567890';

interface CallRow {
  readonly id?: string;
  readonly status?: 'requested' | 'processing' | 'completed' | 'failed' | 'canceled';
  /** How often it was begun. */
  readonly attempts?: number;
}

/** A call that has failed, or stands as it is told, with two reports: one that changed it, and one that came later. */
export async function withCall(
  { pool }: Pick<TestDatabase, 'pool'>,
  { id = CALL, status = 'failed', attempts = 1 }: CallRow = {},
): Promise<void> {
  const hasEnded = status !== 'requested' && status !== 'processing';
  await pool.query(
    `WITH target AS (
       INSERT INTO integration.outgoing_target (kind, id, tenant_id, lane) VALUES ('call.tts', '00000000-0000-8000-8000-000000000002', 'acme', 0)
       ON CONFLICT DO NOTHING
     ), call AS (
       INSERT INTO integration.external_call (id, tenant_id, type, group_key, target, subject_type, subject_id, status, request, result, error,
         external_id, attempt, last_error, caller, due_at, deadline_at, ended_at)
       VALUES ($1::uuid, 'acme', 'tts', 'eu', '00000000-0000-8000-8000-000000000002', 'book', 'b1', $2::text, jsonb_build_object('voice', $3::text),
         CASE WHEN $2::text = 'completed' THEN jsonb_build_object('url', $3::text) END,
         CASE WHEN $2::text = 'failed' THEN jsonb_build_object('code', 'E7', 'message', 'not today', 'details', $3::text) END,
         CASE WHEN $2::text <> 'requested' THEN 'x-' || $1::uuid END, $4, 'poll: reset by peer', '{"saga": "order", "key": "e1"}',
         CASE WHEN NOT $5::boolean THEN '2126-11-25T20:00:00.000Z'::timestamptz END, '2126-11-26T20:00:00.000Z',
         CASE WHEN $5::boolean THEN now() END)
     )
     INSERT INTO integration.external_call_report (call_id, tenant_id, type, external_id, phase, source, data, applied, times)
     VALUES ($1::uuid, 'acme', 'tts', 'x-' || $1::uuid, 'processing', 'start', NULL, true, 1),
       ($1::uuid, 'acme', 'tts', 'x-' || $1::uuid, 'completed', 'webhook.acme', jsonb_build_object('url', $3::text), false, 3)`,
    [id, status, CALL_DATA, attempts, hasEnded],
  );
}
