import { COUNTED_TO } from '../rates/counted.js';

/** Rows of a group are counted up to this number, however many groups there are. */
const LEAST_COUNTED_TO = 1_000;
/** So many rows of all groups together are counted, if `LEAST_COUNTED_TO` allows that. */
const COUNTED_OF_ALL = 1_000_000;

/** How many rows of each group are counted, if there are this number of groups. */
export function countedOfEach(groups: number): number {
  return Math.min(COUNTED_TO, Math.max(LEAST_COUNTED_TO, Math.floor(COUNTED_OF_ALL / groups)));
}

/** SQL of the same. */
export function countedOfEachSql(groups: string): string {
  return `least(${COUNTED_TO}, greatest(${LEAST_COUNTED_TO}, ${COUNTED_OF_ALL} / greatest(${groups}, 1)))::int`;
}

/** At how many places of a range rows are looked at. */
const PLACES = 20;

/** How places in a range are computed: positions are whole numbers, and times are not. */
export interface Scale {
  /**
   * How many rows are looked at at each place. Up to a few hundred dead letters that a process writes
   * together have one time. Many more rows show how dense times are. No position has two rows of one
   * consumer and event.
   */
  readonly rows: number;
  /** SQL of the end of the first `part` of `PLACES` parts of a range. */
  readonly at: (from: string, to: string, part: string) => string;
  /** SQL of the length of a range, as a number. */
  readonly length: (from: string, to: string) => string;
}

export const POSITIONS: Scale = {
  rows: 50,
  at: (from, to, part) => `${from} + (${to} - ${from}) * (${part}) / ${PLACES}`,
  length: (from, to) => `(${to} - ${from})::float8`,
};

export const TIMES: Scale = {
  rows: 500,
  at: (from, to, part) => `${from} + (${to} - ${from}) * ((${part}) / ${PLACES}::float8)`,
  length: (from, to) => `extract(epoch FROM ${to} - ${from})::float8`,
};

/**
 * SQL of about how many rows an index has behind `from` and up to `to`. The range is cut into equal parts. Of
 * each part the first rows are looked at, and how far they reach tells how dense the rows are there. A part
 * with fewer rows than are looked at is exact. So a bounded number is read, however many there are.
 *
 * @param rows SQL of a select with one column, `x`, in its order, from the condition on it
 */
export function estimatedRows(
  { rows: most, at, length }: Scale,
  from: string,
  to: string,
  rows: (condition: (column: string) => string, limit: string) => string,
): string {
  const inPart = rows((column) => `${column} > part.low AND ${column} <= part.high`, `LIMIT ${most}`);
  return `(SELECT coalesce(sum(CASE WHEN seen.rows < ${most} THEN seen.rows
      ELSE coalesce(${most} * ${length('part.low', 'part.high')} / nullif(${length('part.low', 'seen.last')}, 0), ${most}) END), 0)::bigint
    FROM (SELECT ${at(from, to, 'n')} AS low, ${at(from, to, 'n + 1')} AS high FROM generate_series(0, ${PLACES - 1}) AS n) AS part
    CROSS JOIN LATERAL (SELECT count(*) AS rows, max(x) AS last FROM (${inPart}) AS first) AS seen)`;
}
