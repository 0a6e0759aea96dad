import type { EngineSession } from '../database/sql/engine-session.js';
import type { Tables } from '../database/sql/tables.js';

/**
 * Deletes calls that have ended long ago, with their reports, and reports that have waited in vain for as
 * long. Returns whether there may be more. What others hold is left to the next round.
 */
export async function deleteOutdatedCalls(
  session: EngineSession,
  { externalCall, externalCallReport }: Pick<Tables, 'externalCall' | 'externalCallReport'>,
  { days, batch }: { readonly days: number; readonly batch: number },
): Promise<boolean> {
  const [{ ended = 0 } = {}] = await session.query<{ ended: number }>(
    `WITH old AS MATERIALIZED (
       SELECT id FROM ${externalCall} WHERE ended_at < now() - $1::int * interval '1 day'
       ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED),
     reports AS (DELETE FROM ${externalCallReport} WHERE call_id = ANY (ARRAY(SELECT id FROM old))),
     gone AS (DELETE FROM ${externalCall} WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING id)
     SELECT count(*) AS ended FROM gone`,
    [days, batch],
  );
  const waited = await session.query(
    `DELETE FROM ${externalCallReport} r WHERE r.id = ANY (ARRAY(
       SELECT id FROM ${externalCallReport} WHERE call_id IS NULL AND at < now() - $1::int * interval '1 day'
       LIMIT $2 FOR UPDATE SKIP LOCKED))
     RETURNING r.id`,
    [days, batch],
  );
  return ended >= batch || waited.length >= batch;
}
