import type { Tables } from '../database/sql/tables.js';
import { countedOfEachSql, estimatedRows, POSITIONS } from './estimated-rows.store.js';
import type { FailureGroupOrder } from './failure-group.js';

/** How much is looked at to put groups in an order that no index has. */
export interface GroupBounds {
  readonly groups: number;
  /** Rows of the index that are read in turn, before steps find the groups behind them. */
  readonly rows: number;
}

type ReadTables = Pick<Tables, 'inboxEvent' | 'integrationFailureGroup' | 'outboxEvent'>;

/** So many characters of the last error are shown. */
const SHOWN_OF_ERROR = 1_000;

const LAST = 'ORDER BY i.error_fingerprint DESC, i.position DESC LIMIT 1';
const FIRST = 'ORDER BY i.error_fingerprint, i.position LIMIT 1';

const deadOf = ({ inboxEvent }: ReadTables) => `FROM ${inboxEvent} i WHERE i.status = 'dead_letter'`;

/**
 * SQL of rows of the group `g`. An index cannot be searched by IS NOT DISTINCT FROM. So each look has a
 * half for a kind and one for none. The server does not see that rows without a kind come by position in
 * the index, so an order says both. Otherwise it reads back through all dead letters of the consumer for
 * the last one without a kind.
 */
const rowsOf = (tables: ReadTables, columns: string, rest: string) => `(
    (SELECT ${columns} ${deadOf(tables)} AND i.consumer_name = g.name AND i.error_fingerprint = g.kind ${rest})
    UNION ALL
    (SELECT ${columns} ${deadOf(tables)} AND i.consumer_name = g.name AND g.kind IS NULL AND i.error_fingerprint IS NULL ${rest})
  )`;

/** A count is taken of one half, because rows that pass through a union cost twice as much. */
const countOf = (tables: ReadTables, rest: string) => `CASE
    WHEN g.kind IS NULL THEN
      (SELECT count(*) FROM (SELECT ${deadOf(tables)} AND i.consumer_name = g.name AND i.error_fingerprint IS NULL ${rest}) AS r)
    ELSE (SELECT count(*) FROM (SELECT ${deadOf(tables)} AND i.consumer_name = g.name AND i.error_fingerprint = g.kind ${rest}) AS r)
  END`;

/**
 * SQL of a select of `counted` and `size` of the group `g`: rows behind the position `low`, counted to one
 * more than `upto`, and then estimated. OFFSET 0 keeps the server from computing them once for each use.
 */
const sizeOf = (tables: ReadTables, upto: string, low: string, behind = '') => `(
    SELECT found.rows AS counted, CASE WHEN found.rows > ${upto} THEN greatest(found.rows, (
        SELECT ${estimatedRows(POSITIONS, 'reach.low', 'reach.high', (condition, limit) =>
          rowsOf(
            tables,
            'i.position AS x',
            `AND ${condition('i.position')} ORDER BY i.error_fingerprint, i.position ${limit}`,
          ),
        )} FROM (SELECT ${low} AS low, (SELECT position FROM ${rowsOf(tables, 'i.position', LAST)} AS r) AS high) AS reach
      )) ELSE found.rows END AS size
    FROM (SELECT ${countOf(tables, `${behind} LIMIT ${upto} + 1`)} AS rows OFFSET 0) AS found OFFSET 0
  )`;

const sizeOfWhole = (tables: ReadTables, upto: string) =>
  sizeOf(tables, upto, `(SELECT position - 1 FROM ${rowsOf(tables, 'i.position', FIRST)} AS r)`);

/** COALESCE asks the second only if the first found nothing, and the third only after both. */
const steps = (tables: ReadTables, start: string) => `each (n, name, kind) AS (
    ${start}
    UNION ALL
    SELECT n + 1, next[1], next[2] FROM (
      SELECT each.n, coalesce(
        (SELECT ARRAY[i.consumer_name::text, i.error_fingerprint::text] ${deadOf(tables)}
           AND i.consumer_name = each.name AND i.error_fingerprint > each.kind ORDER BY i.error_fingerprint LIMIT 1),
        (SELECT ARRAY[i.consumer_name::text, NULL] ${deadOf(tables)}
           AND i.consumer_name = each.name AND each.kind IS NOT NULL AND i.error_fingerprint IS NULL LIMIT 1),
        (SELECT ARRAY[i.consumer_name::text, i.error_fingerprint::text] ${deadOf(tables)}
           AND i.consumer_name > each.name AND NOT $4 ORDER BY i.consumer_name, i.error_fingerprint LIMIT 1)
      ) AS next
      FROM each WHERE each.n < $3::int OFFSET 0
    ) AS step WHERE next IS NOT NULL
  )`;

/**
 * What a page shows of each group `g`. `noted` are the columns of what people noted about it (`n`), `sized`
 * is a select of its `counted`, `size` and `upto`.
 */
const shown = (
  tables: ReadTables,
  noted: string,
  sized: string,
  upto: string,
  more: string,
  from: string,
) => `
  SELECT g.name AS "consumerName", g.kind AS fingerprint, sized.counted, sized.upto, sized.size, first.position AS "firstPosition",
    first.updated_at AS "firstFailedAt", last.position AS "lastPosition", last.outbox_event_id AS "outboxEventId", e.event_name AS "eventName", left(last.last_error, ${SHOWN_OF_ERROR}) AS error,
    last.updated_at AS "failedAt", ${noted}, since.counted AS "newSince", since.size AS "newSize", ${more}
  FROM ${from} AS g
  CROSS JOIN LATERAL (${sized}) AS sized
  CROSS JOIN LATERAL (SELECT * FROM ${rowsOf(tables, 'i.position, i.updated_at', FIRST)} AS r) AS first
  CROSS JOIN LATERAL (SELECT * FROM ${rowsOf(tables, 'i.position, i.outbox_event_id, i.last_error, i.updated_at', LAST)} AS r) AS last
  LEFT JOIN ${tables.outboxEvent} e ON e.position = last.position AND e.id = last.outbox_event_id
  LEFT JOIN ${tables.integrationFailureGroup} n ON n.consumer_name = g.name AND n.fingerprint = coalesce(g.kind, '')
  LEFT JOIN LATERAL (
    SELECT * FROM ${sizeOf(tables, upto, 'n.acknowledged_upto', 'AND i.position > n.acknowledged_upto')} AS s WHERE n.acknowledged_upto IS NOT NULL
  ) AS since ON true`;

/**
 * SQL of groups in the order of the index. $1 and $2: the group before. $3: the limit. $4: whether only those
 * of its consumer. $5: how many rows of each are counted.
 */
export function listSql(tables: ReadTables, noted: string): string {
  const sized = `SELECT s.*, $5::int AS upto FROM ${sizeOfWhole(tables, '$5::int')} AS s`;
  return `WITH RECURSIVE ${steps(tables, 'SELECT 0, $1::text, $2::text')}
    ${shown(tables, noted, sized, '$5::int', 'NULL AS value, false AS "isPartial"', 'each')} WHERE g.n > 0 ORDER BY g.n`;
}

/**
 * SQL of the groups that are named, without those that have no dead letter. $1 and $2: their consumers and
 * kinds. $3: how many rows of each are counted.
 */
export function namedSql(tables: ReadTables, noted: string): string {
  const sized = `SELECT s.*, $3::int AS upto FROM ${sizeOfWhole(tables, '$3::int')} AS s`;
  return `WITH each AS (SELECT * FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS named (name, kind, n))
    ${shown(tables, noted, sized, '$3::int', 'NULL AS value, false AS "isPartial"', 'each')} ORDER BY g.n`;
}

/** SQL of groups in the order of the index, with their last error only. $1 to $4 as in `listSql`. */
export function errorsSql(tables: ReadTables): string {
  return `WITH RECURSIVE ${steps(tables, 'SELECT 0, $1::text, $2::text')}
    SELECT g.name AS "consumerName", g.kind AS fingerprint, left(last.last_error, ${SHOWN_OF_ERROR}) AS error FROM each AS g
    CROSS JOIN LATERAL (SELECT last_error FROM ${rowsOf(tables, 'i.position, i.last_error', LAST)} AS r) AS last
    WHERE g.n > 0 ORDER BY g.n`;
}

/**
 * SQL of a page in another order. $1, $2 and $4 as above. $3: one more than the most groups. $5 to $7: the
 * value and the names of the group before. $8: the limit. $9: how many rows of each group of the page are
 * counted. The last group of the rows that are read in turn may go on behind them, so the steps begin before
 * it.
 */
export function listBySql(
  tables: ReadTables,
  noted: string,
  order: Exclude<FailureGroupOrder, 'name'>,
  filter: string,
  bounds: GroupBounds,
): string {
  const ofStep =
    order === 'size'
      ? `SELECT g.name, g.kind, s.size AS value, s.counted, s.size, budget.upto FROM stepped AS g CROSS JOIN budget CROSS JOIN LATERAL ${sizeOfWhole(tables, 'budget.upto')} AS s`
      : `SELECT g.name, g.kind, (SELECT position FROM ${rowsOf(tables, 'i.position', LAST)} AS r), NULL, NULL, NULL FROM stepped AS g`;
  const sized = `SELECT g.counted, g.size, g.upto WHERE g.size IS NOT NULL
    UNION ALL SELECT s.*, $9::int AS upto FROM ${sizeOfWhole(tables, '$9::int')} AS s WHERE g.size IS NULL`;
  const more = `g.value, coalesce((SELECT max(n) FROM each) > ${bounds.groups}, false) AS "isPartial"`;
  return `
    WITH RECURSIVE scanned AS MATERIALIZED (
      SELECT name, kind, rows, last, row_number() OVER (ORDER BY name, kind)::int AS n FROM (
        SELECT name, kind, count(*) AS rows, max(position) AS last FROM (
          SELECT i.consumer_name AS name, i.error_fingerprint AS kind, i.position ${deadOf(tables)} ${filter}
          ORDER BY i.consumer_name, i.error_fingerprint, i.position LIMIT ${bounds.rows + 1}
        ) AS r GROUP BY name, kind ORDER BY name, kind LIMIT $3::int
      ) AS counted
    ), whole AS MATERIALIZED (
      SELECT CASE WHEN is_cut THEN groups - 1 ELSE groups END AS groups, is_cut FROM (
        SELECT count(*)::int AS groups, coalesce(sum(rows), 0) > ${bounds.rows} OR count(*) > ${bounds.groups} AS is_cut FROM scanned
      ) AS sums
    ), ${steps(
      tables,
      `SELECT whole.groups, CASE WHEN scanned.n IS NULL THEN $1::text ELSE scanned.name::text END,
        CASE WHEN scanned.n IS NULL THEN $2::text ELSE scanned.kind::text END
      FROM whole LEFT JOIN scanned ON scanned.n = whole.groups WHERE whole.is_cut`,
    )}, stepped AS MATERIALIZED (
      SELECT name, kind FROM each, whole WHERE n > whole.groups AND n <= ${bounds.groups}
    ), budget AS MATERIALIZED (
      SELECT ${countedOfEachSql('count(*)')} AS upto FROM stepped
    ), ranked AS (
      SELECT scanned.name::text AS name, scanned.kind::text AS kind, scanned.${order === 'size' ? 'rows' : 'last'} AS value,
        scanned.rows AS counted, scanned.rows AS size, scanned.rows::int AS upto FROM scanned, whole WHERE scanned.n <= whole.groups
      UNION ALL
      ${ofStep}
    ), page AS MATERIALIZED (
      SELECT * FROM ranked WHERE $5::bigint IS NULL OR value < $5
        OR (value = $5 AND (name, kind IS NULL, coalesce(kind, '')) > ($6::text, $7::text IS NULL, coalesce($7, '')))
      ORDER BY value DESC, name, kind LIMIT $8::int
    )
    ${shown(tables, noted, sized, '$9::int', more, 'page')} ORDER BY g.value DESC, g.name, g.kind`;
}
