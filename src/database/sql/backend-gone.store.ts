/**
 * Whether the heartbeat connection of a row of integration_process is no longer among the server's backends;
 * null where the process did not name it. Any role sees the pids of all backends. Of other roles' backends it
 * does not see the start: a pid that one of them has is taken for the process's own.
 */
export const backendGone = (alias: string): string =>
  `CASE WHEN ${alias}.backend_start IS NOT NULL THEN NOT EXISTS (
     SELECT 1 FROM pg_stat_get_activity(NULL) a
     WHERE a.pid = ${alias}.backend_pid AND (a.backend_start = ${alias}.backend_start OR a.backend_start IS NULL)) END`;
