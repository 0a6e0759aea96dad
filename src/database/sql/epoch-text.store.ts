/**
 * SQL for a timestamptz as milliseconds since 1970, as text. The text is the same in every time zone of
 * database, role, session and driver.
 */
export function epochText(column: string): string {
  return `floor(extract(epoch FROM ${column}) * 1000)::text`;
}

/** SQL for the text of a timestamptz with all its digits, whatever the session makes of dates. */
export function exactTimeText(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/**
 * SQL for a timestamptz that a Date can hold. Plain SQL may have written infinity, or a year that JavaScript
 * does not know. Arithmetic with an infinite time is an error before Postgres 17.
 */
export function finiteTime(column: string): string {
  return `least(greatest(${column}, '0001-01-01T00:00:00Z'), '9999-12-31T23:59:59Z')`;
}

/** SQL that gives null for an infinite time. */
export function timeOrNull(column: string): string {
  return `CASE WHEN isfinite(${column}) THEN ${column} END`;
}
