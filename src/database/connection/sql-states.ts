/** SQLSTATEs of Postgres, by their names in its documentation (appendix A, error codes). */
export const INSUFFICIENT_PRIVILEGE = '42501';
export const LOCK_NOT_AVAILABLE = '55P03';
export const QUERY_CANCELED = '57014';
