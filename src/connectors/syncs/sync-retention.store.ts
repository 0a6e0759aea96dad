import type { EngineSession } from '../../database/sql/engine-session.js';
import type { Tables } from '../../database/sql/tables.js';

/**
 * Deletes runs that ended long ago, and the marks of records that were deleted as long ago. Returns whether
 * there may be more. What others hold is left to the next round.
 */
export async function deleteOutdatedSyncs(
  session: EngineSession,
  { syncRun, syncRecord }: Pick<Tables, 'syncRun' | 'syncRecord'>,
  { days, batch }: { readonly days: number; readonly batch: number },
): Promise<boolean> {
  const runs = await session.query(
    `DELETE FROM ${syncRun} WHERE id = ANY (ARRAY(
       SELECT id FROM ${syncRun} WHERE finished_at < now() - $1::int * interval '1 day' ORDER BY finished_at LIMIT $2 FOR UPDATE SKIP LOCKED))
     RETURNING id`,
    [days, batch],
  );
  const records = await session.query(
    `DELETE FROM ${syncRecord} r USING (
       SELECT stream_id, external_id FROM ${syncRecord} WHERE deleted_at < now() - $1::int * interval '1 day'
       ORDER BY deleted_at LIMIT $2 FOR UPDATE SKIP LOCKED) AS old
     WHERE r.stream_id = old.stream_id AND r.external_id = old.external_id RETURNING r.external_id`,
    [days, batch],
  );
  return runs.length >= batch || records.length >= batch;
}
