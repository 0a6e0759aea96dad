import { ATTEMPTS_KEPT, type Resolution } from './failed-attempt.js';

/** SQL of the attempts of a row with one more behind them. The oldest one goes if there are too many. */
export const withAttempt = (attempts: string, one: string): string =>
  `CASE WHEN jsonb_array_length(${attempts}) >= ${ATTEMPTS_KEPT} THEN ${attempts} - 0 ELSE coalesce(${attempts}, '[]') END || ${one}`;

/** SQL of a time as JSON has it everywhere: an ISO text in UTC with milliseconds. */
export const isoText = (time: string): string =>
  `to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/**
 * SQL of what an admin decides about the row `i`. `by` and `reason` are parameters. The number of attempts
 * includes those that were counted before an earlier decision.
 */
export const resolutionOf = (action: Resolution['action'], by: string, reason: string): string =>
  `jsonb_build_object('action', '${action}', 'by', ${by}::text, 'reason', ${reason}::text, 'at', ${isoText('clock_timestamp()')},
    'fingerprint', i.error_fingerprint,
    'attempts', i.attempt_count + CASE WHEN i.resolution->>'action' = 'redrive' THEN (i.resolution->>'attempts')::int ELSE 0 END)`;
