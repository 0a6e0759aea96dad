import { ATTEMPTS_KEPT } from './failed-attempt.js';

/** SQL of the attempts of a row with one more behind them. The oldest one goes if there are too many. */
export const withAttempt = (attempts: string, one: string): string =>
  `CASE WHEN jsonb_array_length(${attempts}) >= ${ATTEMPTS_KEPT} THEN ${attempts} - 0 ELSE coalesce(${attempts}, '[]') END || ${one}`;

/** SQL of the kind of the last failed attempt. Null for a row that has none. */
export const lastKind = (attempts: string): string => `${attempts} #>> '{-1,fingerprint}'`;

/** SQL of a time as JSON has it everywhere: an ISO text in UTC with milliseconds. */
export const isoText = (time: string): string =>
  `to_char(${time} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
