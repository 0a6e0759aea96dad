/**
 * SQL query of one row with the event names of a consumer as `patterns` of LIKE. It is joined once for each
 * consumer, and then an event is asked for if its name is LIKE ANY of them.
 *
 * @param eventNames SQL of the array of names, of which some may end with a star
 */
export const askedPatterns = (eventNames: string): string => `
  SELECT array_agg(replace(replace(replace(CASE WHEN is_prefix THEN left(name, -1) ELSE name END, chr(92), chr(92) || chr(92)),
      '%', chr(92) || '%'), '_', chr(92) || '_') || CASE WHEN is_prefix THEN '%' ELSE '' END) AS patterns
  FROM (SELECT name, right(name, 1) = '*' AS is_prefix FROM unnest(${eventNames}) AS n (name)) AS names`;
