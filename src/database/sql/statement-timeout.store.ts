/**
 * SQL: sets the transaction's statement_timeout to so many milliseconds (a text), unless what role, database
 * or client have set is stricter: that is the host's word about its own statements, and it stays.
 */
export function setStatementTimeout(ms: string): string {
  const current = `current_setting('statement_timeout')`;
  return `set_config('statement_timeout', CASE
    WHEN ${current}::interval > interval '0' AND ${current}::interval < ${ms}::text::float8 * interval '1 millisecond'
    THEN ${current} ELSE ${ms}::text END, true)`;
}
