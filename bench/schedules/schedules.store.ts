export const CREATE_RUNS =
  'CREATE TABLE IF NOT EXISTS job_run (job text NOT NULL, at timestamptz NOT NULL DEFAULT now())';
export const NOTE_RUN = 'INSERT INTO job_run (job) VALUES ($1)';

/** So many schedules, due once each: spread over these seconds, which begin in three. */
export const SCHEDULES_OF = `
  INSERT INTO integration.integration_schedule (name, every_ms, time_zone, anchor_at, missed, overlap, consumer, next_at, changed_by)
  SELECT 'probe.' || n, 86400000, 'UTC', now(), 'once', 'skip', 'probe',
    date_trunc('milliseconds', now() + interval '3 seconds' + n::float8 * $2::int / $1::int * interval '1 second'), 'bench'
  FROM generate_series(1, $1::int) AS n`;

/** So many schedules, due once an hour, and none of them soon. */
export const HOURLY_SCHEDULES = `
  INSERT INTO integration.integration_schedule (name, cron, time_zone, anchor_at, missed, overlap, consumer, next_at, changed_by)
  SELECT 'hourly.' || n, '0 * * * *', 'UTC', now(), 'once', 'skip', 'hourly', now() + interval '50 minutes', 'bench'
  FROM generate_series(1, $1::int) AS n`;

export const TELL_TICKER = `SELECT pg_notify('integration_settings', 'lanes schedules')`;

/** Milliseconds from each time to its event, by the clock of the server. */
export const DELAYS = `
  SELECT (extract(epoch FROM created_at - (payload->>'at')::timestamptz) * 1000)::float8 AS ms
  FROM integration.outbox_event WHERE aggregate_type = 'schedule' AND aggregate_id LIKE 'probe.%'`;

/** Statements of one database, and the rows that they read and wrote. */
export const ASKED_OF = `SELECT coalesce(sum(calls), 0)::int AS statements, coalesce(sum(rows), 0)::int AS rows
  FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid WHERE datname = $1`;
