/**
 * SQL for the start time of the open transaction in microseconds, as a text that no setting of the session
 * changes. The start time tells a transaction from the next one on its connection: after a statement has
 * ended a transaction that somebody else opened, the session is in another transaction or in none.
 */
export const TRANSACTION_START = '(extract(epoch FROM transaction_timestamp()) * 1000000)::bigint::text';

/** This statement fails in a transaction that an error has aborted. */
export const ASK_TRANSACTION_START = `SELECT ${TRANSACTION_START} AS start`;
