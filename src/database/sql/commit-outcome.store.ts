/** A transaction as the server that runs it knows it. */
export interface NumberedTransaction {
  /** Null if it has changed nothing. */
  readonly xid: string | null;
  readonly server: string;
}

/**
 * Names the server since its last start or recovery. After the crash of one of its processes a server
 * recovers without a new start, and then resets its statistics.
 */
const SERVER = `concat(pg_postmaster_start_time(), ' ', (SELECT stats_reset FROM pg_stat_wal))`;

/** Asks for the number of the transaction. */
export const ASK_NUMBER = `SELECT pg_current_xact_id_if_assigned()::text AS xid, ${SERVER} AS server`;

/**
 * Asks what has become of the transaction $1 on the server $2: `committed`, `aborted` or `in progress`. Null
 * if the server has started or recovered since. What was not on disk then is gone, and another transaction
 * may have its number.
 */
export const ASK_OUTCOME = `SELECT CASE WHEN ${SERVER} = $2 THEN pg_xact_status($1::text::xid8) END AS outcome`;
