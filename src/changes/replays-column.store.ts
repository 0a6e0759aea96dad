/**
 * The most replays that a cursor tells apart. What older ones have put back counts as part of the oldest of
 * these. An event keeps an id that is not that of its first delivery, which is what matters.
 */
const REPLAYS_KEPT = 100;

/**
 * The new value of the column `replays` of a cursor.
 *
 * @param entries SQL of rows (turn, id, positions), the newest replay with the lowest turn. Rows of one turn
 * become one entry, and no positions become none.
 */
const replaysOf = (entries: string): string => `(
  SELECT coalesce(jsonb_agg(jsonb_build_object('id', kept.id, 'positions', kept.positions::text) ORDER BY kept.turn), '[]')
  FROM (
    SELECT (array_agg(each.id ORDER BY each.turn))[1] AS id, min(each.turn) AS turn, range_agg(range) AS positions
    FROM (${entries}) each, unnest(each.positions) AS range
    GROUP BY least(each.turn, ${REPLAYS_KEPT - 1})
  ) kept)`;

/** Of the cursor `c`, when `positions` are put back by the replay `id`. A portion joins those before it. */
export const replaysWith = (id: string, positions: string): string =>
  replaysOf(`
      SELECT 0 AS turn, ${id} AS id, ${positions} AS positions
      UNION ALL
      SELECT CASE WHEN old.entry->>'id' = ${id} THEN 0 ELSE old.turn END, old.entry->>'id',
        (old.entry->>'positions')::int8multirange - ${positions}
      FROM jsonb_array_elements(c.replays) WITH ORDINALITY AS old (entry, turn)`);

/** Of new cursors of the consumer $1, which take over from all of its present ones. */
export const replaysOfAll = (cursor: string): string =>
  replaysOf(`
      SELECT dense_rank() OVER (ORDER BY found.turn, found.id) AS turn, found.id, found.positions
      FROM (
        SELECT old.entry->>'id' AS id, min(old.turn) OVER (PARTITION BY old.entry->>'id') AS turn,
          (old.entry->>'positions')::int8multirange AS positions
        FROM ${cursor} r, jsonb_array_elements(r.replays) WITH ORDINALITY AS old (entry, turn)
        WHERE r.consumer_name = $1
      ) found`);
