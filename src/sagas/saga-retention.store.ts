import type { EngineSession } from '../database/sql/engine-session.js';
import type { Tables } from '../database/sql/tables.js';

/**
 * Deletes sagas that have ended long ago, with their histories, and events that have waited in vain for as
 * long. Returns whether there may be more.
 *
 * A late event of such a saga locks its row, and adds to its history. So the rows are locked before they are
 * deleted, and what others hold is left to the next round.
 */
export async function deleteOutdatedSagas(
  session: EngineSession,
  tables: Pick<Tables, 'sagaInstance' | 'sagaStep' | 'sagaWaiting'>,
  { days, batch }: { readonly days: number; readonly batch: number },
): Promise<boolean> {
  const { sagaInstance, sagaStep, sagaWaiting } = tables;
  const [{ ended = 0 } = {}] = await session.query<{ ended: number }>(
    `WITH old AS MATERIALIZED (
       SELECT saga, key, id FROM ${sagaInstance} WHERE ended_at < now() - $1::int * interval '1 day'
       ORDER BY ended_at LIMIT $2 FOR UPDATE SKIP LOCKED),
     steps AS (DELETE FROM ${sagaStep} s USING old WHERE s.id = old.id),
     gone AS (DELETE FROM ${sagaInstance} i USING old WHERE i.saga = old.saga AND i.key = old.key RETURNING i.id)
     SELECT count(*) AS ended FROM gone`,
    [days, batch],
  );
  const waited = await session.query(
    `DELETE FROM ${sagaWaiting} w WHERE w.ctid = ANY (ARRAY(
       SELECT ctid FROM ${sagaWaiting} WHERE until < now() - $1::int * interval '1 day'
       ORDER BY until LIMIT $2 FOR UPDATE SKIP LOCKED))
     RETURNING w.position`,
    [days, batch],
  );
  return ended >= batch || waited.length >= batch;
}
