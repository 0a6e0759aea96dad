/** What says that a peer has nothing left to do; each finds at most one row. */
export const UNSETTLED_PG_BOSS_JOB = `SELECT 1 FROM pgboss.job WHERE state < 'completed' LIMIT 1`;
export const UNSETTLED_GRAPHILE_JOB = 'SELECT 1 FROM graphile_worker._private_jobs LIMIT 1';
export const UNSETTLED_BULLMQ_JOB = `SELECT 1 FROM job WHERE state IN ('waiting', 'active') LIMIT 1`;

/** graphile-worker's own function for several jobs in the caller's transaction; `$1` is a list of job specs. */
export const ADD_GRAPHILE_JOBS = `
  SELECT count(*) FROM graphile_worker.add_jobs((
    SELECT array_agg(json_populate_record(null::graphile_worker.job_spec, spec)) FROM json_array_elements($1::json) AS spec
  ))`;
