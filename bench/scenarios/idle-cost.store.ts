export const TRACK_STATEMENTS = 'CREATE EXTENSION pg_stat_statements';
export const FORGET_STATEMENTS = 'SELECT pg_stat_statements_reset()';

/** What one database was asked since. */
export const STATEMENTS_OF = `
  SELECT left(query, 200) AS query, calls::int AS calls
  FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid WHERE datname = $1 ORDER BY calls DESC`;
