import type { EngineSession } from './engine-session.js';

/**
 * Is called in a transaction that holds what admins wait for. If its process stands still, the server rolls
 * it back after a second. The limit of the session is longer. Nothing is lost, because such a transaction is
 * done again by the next process.
 */
export async function endSoonWhenIdle(session: EngineSession): Promise<void> {
  await session.query(`SET LOCAL idle_in_transaction_session_timeout = '1s'`);
}

/**
 * SQL that sets the idle_in_transaction_session_timeout of the transaction to `ms` milliseconds (a text). A
 * stricter limit of the role, the database or the client stays.
 */
export function setIdleLimit(ms: string): string {
  const current = `current_setting('idle_in_transaction_session_timeout')`;
  return `set_config('idle_in_transaction_session_timeout', CASE
    WHEN ${current}::interval > interval '0' AND ${current}::interval < ${ms}::text::float8 * interval '1 millisecond'
    THEN ${current} ELSE ${ms}::text END, true)`;
}
