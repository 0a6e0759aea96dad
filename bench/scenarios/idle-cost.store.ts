export const TRACK_STATEMENTS = 'CREATE EXTENSION pg_stat_statements';
export const FORGET_STATEMENTS_OF =
  'SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = $1';

/** What one database was asked since. */
export const STATEMENTS_OF = `
  SELECT left(query, 200) AS query, calls::int AS calls, rows::int AS rows, (shared_blks_hit + shared_blks_read)::int AS pages
  FROM pg_stat_statements JOIN pg_database ON pg_database.oid = dbid WHERE datname = $1 ORDER BY calls DESC`;
