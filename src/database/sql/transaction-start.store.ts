/**
 * When the open transaction began, to the microsecond, as a text that no setting of the session changes. It
 * tells a transaction from the next one on its connection: who ends a transaction that somebody else opened
 * is in another one afterwards, or in none.
 */
export const TRANSACTION_START = '(extract(epoch FROM transaction_timestamp()) * 1000000)::bigint::text';

/** Fails in a transaction that an error has aborted. */
export const ASK_TRANSACTION_START = `SELECT ${TRANSACTION_START} AS start`;
