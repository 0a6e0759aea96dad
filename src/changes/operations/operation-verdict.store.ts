import type { EngineDatabase } from '../../database/engine-database.js';
import type { OperationVerdict } from './operation.js';

/** More events than this are not looked at for a verdict. */
const MOST_JUDGED = 10_000;

/** What became of the events so far. */
export async function verdictOfRows(db: EngineDatabase, operationId: string): Promise<OperationVerdict> {
  const [row] = await db.query<Omit<OperationVerdict, 'isPartial'> & { looked: number }>(
    `SELECT count(*) AS looked,
         count(*) FILTER (WHERE status IN ('processed', 'skipped')) AS succeeded,
         count(*) FILTER (WHERE has_failed AND fingerprint = before) AS "failedTheSameWay",
         count(*) FILTER (WHERE has_failed AND fingerprint IS DISTINCT FROM before) AS "failedOtherwise",
         count(*) FILTER (WHERE status IN ('received', 'processing', 'failed') AND NOT has_failed) AS pending
       FROM (
         SELECT status, error_fingerprint AS fingerprint, resolution->>'fingerprint' AS before,
           (status = 'dead_letter' OR status = 'failed') AS has_failed
         FROM ${db.tables.inboxEvent} WHERE operation_id = $1::uuid LIMIT ${MOST_JUDGED}
       ) AS judged`,
    [operationId],
  );
  const { looked, ...verdict } = row ?? NOTHING_YET;
  return { ...verdict, isPartial: looked >= MOST_JUDGED };
}

const NOTHING_YET = { succeeded: 0, failedTheSameWay: 0, failedOtherwise: 0, pending: 0, looked: 0 };
