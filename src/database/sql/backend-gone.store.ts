/**
 * SQL that tells whether the heartbeat connection of a row of integration_process is no longer among the
 * backends of the server. Null if the process did not name its connection. Any role sees the process IDs of
 * all backends, but not the start times of backends of other roles. So a backend of another role with the
 * same process ID counts as that of the process.
 */
export const backendGone = (alias: string): string =>
  `CASE WHEN ${alias}.backend_start IS NOT NULL THEN NOT EXISTS (
     SELECT 1 FROM pg_stat_get_activity(NULL) a
     WHERE a.pid = ${alias}.backend_pid AND (a.backend_start = ${alias}.backend_start OR a.backend_start IS NULL)) END`;
