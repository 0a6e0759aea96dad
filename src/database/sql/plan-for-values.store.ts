import type { EngineSession } from '../engine-database.js';

/**
 * For a transaction of a statement whose filters are mostly absent: it is planned for what it is given. What
 * engine sessions run is planned for any values otherwise.
 */
export async function planForTheseValues(session: EngineSession): Promise<void> {
  await session.query('SET LOCAL plan_cache_mode = auto');
}
