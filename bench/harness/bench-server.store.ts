/** Statistics and visibility as autovacuum would have left them some time after the rows came. */
export const SETTLE_FILLED_DATABASE = 'VACUUM (ANALYZE)';

export const WAL_POSITION = 'SELECT pg_current_wal_insert_lsn()::text AS position';
export const WAL_SINCE = 'SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), $1::pg_lsn) AS bytes';
