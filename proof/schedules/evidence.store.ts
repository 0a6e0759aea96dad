/** What the database says about schedules in the end. */

export const CREATE_TICKS = `CREATE TABLE IF NOT EXISTS proof_tick (schedule text NOT NULL, at text NOT NULL)`;

/** A handler of a schedule writes this in its transaction. */
export const NOTE_TICK = `INSERT INTO proof_tick (schedule, at) VALUES ($1, $2)`;

export const TICKS_HANDLED = `SELECT count(*)::int AS count FROM proof_tick`;

/** Of each schedule: how many times the log has, how many of them differ, from which second to which, and how many were handled. */
export const TIMES = `SELECT e.aggregate_id AS name, count(*)::int AS published, count(DISTINCT e.payload->>'at')::int AS times,
    extract(epoch FROM max((e.payload->>'at')::timestamptz) - min((e.payload->>'at')::timestamptz))::int AS seconds,
    (SELECT count(*)::int FROM proof_tick t WHERE t.schedule = e.aggregate_id) AS handled,
    (SELECT count(DISTINCT t.at)::int FROM proof_tick t WHERE t.schedule = e.aggregate_id) AS effects
  FROM integration.outbox_event e WHERE e.aggregate_type = 'schedule' GROUP BY e.aggregate_id`;

/** The process that ticks. */
export const TICKER = `SELECT p.pid FROM integration.integration_lease l JOIN integration.integration_process p ON p.id = l.owner
  WHERE l.name = 'integration.schedules' AND l.expires_at > clock_timestamp()`;

/** A day passes in which no process runs. */
export const DAY_PASSES = `UPDATE integration.integration_schedule SET next_at = next_at - interval '24 hours'`;

/** Schedules that are due. */
export const DUE = `SELECT count(*)::int AS count FROM integration.integration_schedule
  WHERE paused_at IS NULL AND next_at <= clock_timestamp()`;
