import type { EngineSession } from '../engine-database.js';

/**
 * Is called in a transaction that holds what admins wait for. If its process stands still, the server rolls
 * it back after a second. The limit of the session is longer. Nothing is lost, because such a transaction is
 * done again by the next process.
 */
export async function endSoonWhenIdle(session: EngineSession): Promise<void> {
  await session.query(`SET LOCAL idle_in_transaction_session_timeout = '1s'`);
}
