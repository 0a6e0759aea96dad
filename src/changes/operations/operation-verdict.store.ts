import type { EngineDatabase } from '../../database/engine-database.js';
import type { OperationVerdict } from './operation.js';

/** More events of one status than this are not looked at for a verdict. */
const MOST_JUDGED = 10_000;

const STATUSES = ['processed', 'skipped', 'dead_letter', 'failed', 'received', 'processing'];

/**
 * What became of the events so far. Each status is counted by itself, from the index. So what is under way
 * and what has failed is right however many events were handled.
 */
export async function verdictOfRows(db: EngineDatabase, operationId: string): Promise<OperationVerdict> {
  const rows = await db.query<{ status: string; events: number; theSameWay: number }>(
    `SELECT wanted.status, looked.events, looked."theSameWay"
       FROM unnest($2::text[]) AS wanted (status) CROSS JOIN LATERAL (
         SELECT count(*) AS events, count(*) FILTER (WHERE fingerprint = before) AS "theSameWay" FROM (
           SELECT error_fingerprint AS fingerprint, resolution->>'fingerprint' AS before FROM ${db.tables.inboxEvent} i
           WHERE i.operation_id = $1::uuid AND i.status = wanted.status LIMIT ${MOST_JUDGED}
         ) AS judged
       ) AS looked`,
    [operationId, STATUSES],
  );
  const sum = (statuses: readonly string[], field: 'events' | 'theSameWay') =>
    rows.reduce((all, row) => all + (statuses.includes(row.status) ? row[field] : 0), 0);
  const failed = ['dead_letter', 'failed'];
  return {
    succeeded: sum(['processed', 'skipped'], 'events'),
    failedTheSameWay: sum(failed, 'theSameWay'),
    failedOtherwise: sum(failed, 'events') - sum(failed, 'theSameWay'),
    pending: sum(['received', 'processing'], 'events'),
    isPartial: rows.some(({ events }) => events >= MOST_JUDGED),
  };
}
