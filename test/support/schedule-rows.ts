import type { TestDatabase } from './test-database.js';

/** The schedule that `withSchedule` makes. */
export const SCHEDULE = 'invoices.nightly';

/** A schedule that is paused, with an event, and with a payload that no answer of an admin's route may show. */
export async function withSchedule(
  { pool }: Pick<TestDatabase, 'pool'>,
  name: string = SCHEDULE,
): Promise<void> {
  await pool.query(
    `WITH event AS (
       INSERT INTO integration.outbox_event (id, event_name, source_module, aggregate_type, aggregate_id, payload, metadata)
       VALUES (gen_random_uuid(), 'integration.schedule.' || $1, 'schedules', 'schedule', $1,
         jsonb_build_object('schedule', $1::text, 'at', '2026-01-01T02:00:00.000Z', 'cause', 'time', 'payload', '{"id": 12345678901234567890}'::jsonb), '{}')
       RETURNING id
     )
     INSERT INTO integration.integration_schedule (name, cron, time_zone, anchor_at, missed, overlap, consumer, payload, next_at, last_at,
       last_event_id, paused_at, place, changed_by)
     SELECT $1, '0 2 * * *', 'Europe/Berlin', now(), 'once', 'skip', 'billing', '{"id": 12345678901234567890}', now() + interval '1 day',
       '2026-01-01T02:00:00Z', id, now(), 'Invoices.nightly (BillingModule)', 'process:host' FROM event`,
    [name],
  );
}
