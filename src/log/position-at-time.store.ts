/**
 * SQL of the position of the first event that was written at the time $1 or later. It halves the log again
 * and again, about thirty times, and looks at one event each time. Events that were written at the same
 * moment may stand in another order than their times, so the place is right to within the length of the
 * transactions that wrote them.
 *
 * Each look ends where the search ends. What is behind it was found to be no older, and may be millions of
 * rows of a transaction that is still open, which nobody sees.
 *
 * @param bounds a SELECT of two positions: the first, and the one behind the last
 */
export function positionAtTime(log: string, bounds: string): string {
  return `
      WITH RECURSIVE search (low, high) AS (
        ${bounds}
        UNION ALL
        SELECT CASE WHEN older THEN middle + 1 ELSE low END, CASE WHEN older THEN high ELSE middle END
        FROM search
        CROSS JOIN LATERAL (SELECT low + (high - low) / 2 AS middle) m
        CROSS JOIN LATERAL (
          SELECT coalesce((SELECT created_at < $1 FROM ${log} WHERE position >= middle AND position < high ORDER BY position LIMIT 1), false) AS older
        ) o
        WHERE low < high
      )
      SELECT low AS position FROM search WHERE low >= high LIMIT 1`;
}
