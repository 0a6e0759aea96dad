import type { Tables } from '../database/sql/tables.js';
import { unresolved } from './inbox-status.js';

/**
 * The largest number of waiting rows that are claimed together with the row before them. All rows of a claim
 * together may have as many, or as many as there are rows before them.
 */
const FOLLOWERS = 100;

/**
 * The two values of the column `suspicion`. With `interrupted` the row is a suspect, and its next attempt
 * runs while no other handler of the process does. With `alone` that attempt runs.
 */
export const SUSPECT_RUNS = 'alone';
export const SUSPECT = 'interrupted';

/**
 * Chooses among the due rows. `suspects` are rows whose attempt a process left unfinished; such a row
 * runs exclusively. `others` are all other rows.
 */
export type Claimable = 'suspects' | 'others' | 'any';

const CONDITIONS: Readonly<Record<Claimable, string>> = {
  suspects: `AND i.suspicion = '${SUSPECT}'`,
  others: `AND i.suspicion IS DISTINCT FROM '${SUSPECT}'`,
  any: '',
};

/** The payloads of the rows that one claim takes, beyond the rows that have a place. */
const CLAIM_BYTES = 4 * 1024 * 1024;

/**
 * The statement that claims due rows and counts the attempt before it runs. For an ordered consumer it claims
 * only the lowest unresolved row of each aggregate. It compares the token and holds the cursor row FOR SHARE
 * until its transaction ends. So there are two cases. A takeover that comes later waits for this claim and
 * then sees its rows. A takeover that came first leaves nothing to claim.
 *
 * The claim may wait for a save that holds the cursor row. The save may have changed rows (released them once
 * more) that the snapshot of the claim shows as they were before. Postgres then reads such a row again, and
 * joins it with the other side as it was. This is right only if the other side is MATERIALIZED. For a list
 * that is a UNION ALL and not MATERIALIZED, Postgres evaluated the list again and missed all rows but the
 * first. Then it claimed rows behind heads that were not claimed.
 *
 * Rows that wait right behind a released row are claimed with it. So a long queue is worked off in runs, not
 * by one claim and one save per row. A run ends at the first row that does more than wait.
 *
 * The first $6 rows have a place, so they are claimed whatever their size. Rows beyond them wait in memory.
 * They are claimed as long as the payloads of all rows together do not exceed a limit. `more` says that other
 * rows may be due.
 */
export function claimDueSql(
  { inboxCursor, inboxEvent, outboxEvent }: Tables,
  ordered: boolean,
  which: Claimable,
): string {
  const areSuspects = which === 'suspects';
  return `WITH owner AS MATERIALIZED (
         SELECT 1 FROM ${inboxCursor} WHERE consumer_name = $1 AND partition = $2 AND lease_token = $3::uuid FOR SHARE
       ), due AS MATERIALIZED (${dueRows(inboxEvent, ordered, CONDITIONS[which])}), picked AS MATERIALIZED (
         SELECT id, follows FROM (${withSizes(
           outboxEvent,
           `SELECT id, position, false AS follows, row_number() OVER (ORDER BY available_at, position) AS number FROM due
           ${ordered && !areSuspects ? `UNION ALL ${followersOf(inboxEvent, 'due')}` : ''}`,
         )}) sized
         WHERE sized.rank <= $6 OR sized.bytes <= ${CLAIM_BYTES}
       )
       UPDATE ${inboxEvent} i SET status = 'processing', attempt_count = i.attempt_count + 1, updated_at = clock_timestamp(),
         suspicion = CASE WHEN $5 THEN '${SUSPECT_RUNS}' ELSE i.suspicion END
       FROM picked, owner WHERE i.id = picked.id AND i.status IN ('received', 'failed')
       RETURNING i.id AS "inboxEventId", i.outbox_event_id AS "outboxEventId", i.position, i.attempt_count AS attempt,
         picked.follows, i.aggregate_type AS "aggregateType", i.aggregate_id AS "aggregateId",
         i.resolution->>'action' AS decision, i.resolution->>'at' AS "decidedAt",
         (SELECT count(*) FROM due) = $4 OR (SELECT count(*) FROM picked WHERE NOT follows) < (SELECT count(*) FROM due) AS more`;
}

/**
 * Adds the rank of each row, and the bytes of the payloads up to and including its own. An event that is no
 * longer in the log has none.
 */
function withSizes(log: string, rows: string): string {
  return `
      SELECT r.id, r.follows, row_number() OVER in_turn AS rank, sum(coalesce(e.bytes, 0)) OVER in_turn AS bytes
      FROM (${rows}) r
      LEFT JOIN LATERAL (
        SELECT coalesce(o.payload_bytes, octet_length(o.payload::text)) AS bytes FROM ${log} o WHERE o.position = r.position OFFSET 0
      ) e ON true
      WINDOW in_turn AS (ORDER BY r.follows, r.number ROWS UNBOUNDED PRECEDING)`;
}

/** Reads the due rows through the due index, in its order. */
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
      SELECT run.id, run.position, true, row_number() OVER (ORDER BY head.position, run.position) FROM ${heads} head
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
      ORDER BY head.position, run.position LIMIT greatest(${FOLLOWERS}, $4)
    )`;
}

/**
 * Makes one probe of the index for each row, whatever the statistics say. With NOT EXISTS, a table that was
 * never analyzed is joined with itself row by row. For a few thousand waiting rows this takes longer than any
 * statement may.
 */
function nothingBefore(inbox: string, alias: string): string {
  return `AND (
      SELECT b.position FROM ${inbox} b
      WHERE b.consumer_name = $1 AND b.partition = $2 AND b.aggregate_type = ${alias}.aggregate_type
        AND b.aggregate_id = ${alias}.aggregate_id AND ${unresolved('b')}
      ORDER BY b.position LIMIT 1) < ${alias}.position IS NOT TRUE`;
}
