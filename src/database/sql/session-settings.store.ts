/**
 * Milliseconds that a session of the engine allows for a statement, and for a pause between two statements of
 * a transaction.
 */
export const SESSION_LIMIT_MS = 15_000;

/** Milliseconds by which the error of the server may arrive later than its limit. */
const ANSWER_SLACK_MS = 5_000;

/** How long a statement without a timeout of its own is waited for. */
export const ANSWER_LIMIT_MS = SESSION_LIMIT_MS + ANSWER_SLACK_MS;

/**
 * Milliseconds after which a connection counts as dead, even if TCP thinks otherwise, because the server has
 * neither answered nor ended the statement.
 */
export function answerLimit(timeoutMs = 0, leastMs = ANSWER_LIMIT_MS): number {
  return timeoutMs === 0 ? leastMs : Math.max(leastMs, timeoutMs + ANSWER_SLACK_MS);
}

/**
 * The settings of every session that the engine opens. JIT is off, because the estimated cost of a page is
 * above the threshold of the JIT. The timeouts are set so that nothing waits for ever. They replace the
 * limits of the role or the database, because those are made for others: a statement that they cut off would
 * look like a lost connection, again and again. Before version 17, a server has no `transaction_timeout`;
 * asking `pg_settings` for it would have every new session make a row of each of some 380 settings.
 */
const SESSION = `SET jit = off; SET statement_timeout = ${SESSION_LIMIT_MS};
  SET idle_in_transaction_session_timeout = ${SESSION_LIMIT_MS}; SET default_transaction_isolation = 'read committed'; SET timezone = 'UTC';
  SET idle_session_timeout = 0; SET datestyle = 'ISO';
  SELECT set_config('transaction_timeout', '0', false) WHERE current_setting('transaction_timeout', true) IS NOT NULL`;

/**
 * The settings of a session in which statements of the host run. `lock_timeout` is that of the role or the
 * database: how long a statement of the host waits for a row is for the host to say, and a handler has its
 * deadline.
 */
export const HOST_SESSION = SESSION;

/**
 * The settings of a session in which only statements of the engine run.
 *
 * `lock_timeout`: a statement of the engine that waits for somebody is tried again later.
 *
 * `enable_seqscan`: a prepared statement keeps the plan that it got when its table was empty. That plan must
 * not scan the whole table when the table is full.
 *
 * `plan_cache_mode`: a statement keeps one plan for all values. On a large log, the server would expect that
 * planning again each time is cheaper, but planning costs several times as much as reading the next page
 * (docs/decisions/0010).
 *
 * These two are not set where statements of the host run, because the engine must not decide how the tables
 * of the host are read.
 *
 * `row_security`: rows that a policy hides from the engine would look like positions that were never
 * committed, and the engine would pass over them. With `row_security = off`, such a statement fails.
 */
export const ENGINE_SESSION = `${SESSION}; SET lock_timeout = '2s'; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET row_security = off`;

/** Milliseconds after which the server ends a read of an admin. */
export const ADMIN_READ_LIMIT_MS = 5_000;

/**
 * How long the answer to a read of an admin is waited for. The error of the server may arrive later than its
 * limit.
 */
export const ADMIN_ANSWER_LIMIT_MS = ADMIN_READ_LIMIT_MS + 3_000;

/**
 * The settings of a session of admins. Their statements can only read, unless a transaction says that it
 * writes (`BEGINS`).
 */
export const ADMIN_SESSION = `${ENGINE_SESSION}; SET statement_timeout = ${ADMIN_READ_LIMIT_MS}; SET default_transaction_read_only = on`;
