import type { EngineSession } from '../engine-database.js';

/**
 * Is called in a transaction that holds what admins wait for, and that whoever comes next does again. If its
 * process stands still, the server rolls it back after a second, and not after the limit of the session.
 */
export async function endSoonWhenIdle(session: EngineSession): Promise<void> {
  await session.query(`SET LOCAL idle_in_transaction_session_timeout = '1s'`);
}
