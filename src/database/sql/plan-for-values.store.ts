import type { EngineSession } from './engine-session.js';

/**
 * Is called in a transaction before a statement whose filters are mostly absent. The server then plans the
 * statement for its actual values. Statements of engine sessions are otherwise planned for any values.
 */
export async function planForTheseValues(session: EngineSession): Promise<void> {
  await session.query('SET LOCAL plan_cache_mode = auto');
}
