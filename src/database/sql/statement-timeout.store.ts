/**
 * SQL that sets the statement_timeout of the transaction to `ms` milliseconds (a text). A stricter limit of
 * the role, the database or the client stays, because it is the decision of the host about its own
 * statements.
 */
export function setStatementTimeout(ms: string): string {
  const current = `current_setting('statement_timeout')`;
  return `set_config('statement_timeout', CASE
    WHEN ${current}::interval > interval '0' AND ${current}::interval < ${ms}::text::float8 * interval '1 millisecond'
    THEN ${current} ELSE ${ms}::text END, true)`;
}
