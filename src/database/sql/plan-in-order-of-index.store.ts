import type { EngineSession } from './engine-session.js';

/**
 * Is called in a transaction before a statement that reads much of an index in its order. While statistics
 * are missing, the server expects few rows. It would then collect all of them from the table and sort them.
 */
export async function planInOrderOfIndex(session: EngineSession): Promise<void> {
  await session.query('SET LOCAL enable_bitmapscan = off');
}
