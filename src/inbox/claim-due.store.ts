import type { Tables } from '../database/sql/tables.js';
import { unresolved } from './inbox-status.js';

/** So many waiting rows at most are claimed together with those before them. */
const FOLLOWERS = 100;

/** Fingerprints that say how an attempt ran, or ended, where no error of the handler's tells it. */
export const RUN_ALONE = 'alone';
export const INTERRUPTED = 'interrupted';

/**
 * Of the due rows, those that a process ended in the middle of and that are to run alone, those that it did
 * not, or all.
 */
export type Claimable = 'interrupted' | 'others' | 'any';

const CONDITIONS: Readonly<Record<Claimable, string>> = {
  interrupted: `AND i.error_fingerprint = '${INTERRUPTED}'`,
  others: `AND i.error_fingerprint IS DISTINCT FROM '${INTERRUPTED}'`,
  any: '',
};

/**
 * The statement that claims due rows, of an ordered consumer only the lowest unresolved of each aggregate,
 * and counts the attempt before it runs. The cursor row is held FOR SHARE while the token is compared, to the
 * end of the statement's transaction: a takeover either waits for this claim and then sees its rows, or came
 * first and leaves it nothing.
 *
 * The claim may wait for a save that holds the cursor row, and find that the save has touched rows
 * (released them once more) that its own snapshot shows as they were. Postgres then looks at such a row
 * again, and at the other side of the join as it was: for a list that is not MATERIALIZED, a UNION ALL, it
 * looked at it anew and missed all but the first, so that rows were claimed behind heads that were not.
 *
 * What waits right behind a released row is claimed with it: a long queue is worked off in runs, not by one
 * claim and one save for each row. The runs end at the first row that does not merely wait.
 */
export function claimDueSql({ inboxCursor, inboxEvent }: Tables, ordered: boolean, which: Claimable): string {
  const alone = which === 'interrupted';
  return `WITH owner AS MATERIALIZED (
         SELECT 1 FROM ${inboxCursor} WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid FOR SHARE
       ), due AS MATERIALIZED (${dueRows(inboxEvent, ordered, CONDITIONS[which])}), picked AS MATERIALIZED (
         SELECT id, false AS follows FROM due ${ordered && !alone ? `UNION ALL ${followersOf(inboxEvent, 'due')}` : ''}
       )
       UPDATE ${inboxEvent} i SET status = 'processing', attempt_count = i.attempt_count + 1, updated_at = clock_timestamp(),
         error_fingerprint = CASE WHEN $5 THEN '${RUN_ALONE}' ELSE i.error_fingerprint END
       FROM picked, owner WHERE i.id = picked.id AND i.status IN ('received', 'failed')
       RETURNING i.id AS "inboxEventId", i.outbox_event_id AS "outboxEventId", i.position, i.attempt_count AS attempt,
         picked.follows, i.aggregate_type AS "aggregateType", i.aggregate_id AS "aggregateId"`;
}

/** By the due index, in its order. */
function dueRows(inbox: string, ordered: boolean, condition: string): string {
  return `
      SELECT i.id, i.position, i.aggregate_type, i.aggregate_id, i.available_at FROM ${inbox} i
      WHERE i.consumer_name = $1 AND i.partition = $2 AND i.status IN ('received', 'failed')
        AND i.available_at < 'infinity' AND i.available_at <= statement_timestamp() AND EXISTS (SELECT 1 FROM owner)
        ${condition} ${ordered ? nothingBefore(inbox, 'i') : ''}
      ORDER BY i.available_at, i.position LIMIT $4 FOR UPDATE OF i SKIP LOCKED`;
}

function followersOf(inbox: string, heads: string): string {
  return `(
      SELECT run.id, true FROM ${heads} head
      CROSS JOIN LATERAL (
        SELECT next.id, next.position, bool_and(next.waits) OVER (ORDER BY next.position) AS unbroken
        FROM (
          SELECT w.id, w.position, w.status = 'received' AND w.available_at = 'infinity' AS waits FROM ${inbox} w
          WHERE w.consumer_name = $1 AND w.partition = $2 AND w.aggregate_type = head.aggregate_type
            AND w.aggregate_id = head.aggregate_id AND w.position > head.position AND ${unresolved('w')}
          ORDER BY w.position LIMIT ${FOLLOWERS}
        ) next
      ) run
      WHERE head.available_at = '-infinity' AND run.unbroken
      ORDER BY head.position, run.position LIMIT ${FOLLOWERS}
    )`;
}

/**
 * One probe of the index for each row, whatever the statistics say: written as NOT EXISTS, a table that was
 * never analyzed is joined with itself row by row, which takes longer than any statement may for a few
 * thousand waiting rows.
 */
function nothingBefore(inbox: string, alias: string): string {
  return `AND (
      SELECT b.position FROM ${inbox} b
      WHERE b.consumer_name = $1 AND b.partition = $2 AND b.aggregate_type = ${alias}.aggregate_type
        AND b.aggregate_id = ${alias}.aggregate_id AND ${unresolved('b')}
      ORDER BY b.position LIMIT 1) < ${alias}.position IS NOT TRUE`;
}
