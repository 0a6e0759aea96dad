/** What a session of ours allows a statement, and a pause between two of a transaction. */
export const SESSION_LIMIT_MS = 15_000;

/** How much later than a limit of the server's its word of it may arrive. */
const ANSWER_SLACK_MS = 5_000;

/**
 * After which a statement that the server neither answers nor ends is on a connection that is dead, whatever
 * TCP thinks.
 */
export function answerLimit(timeoutMs = 0): number {
  return Math.max(SESSION_LIMIT_MS, timeoutMs) + ANSWER_SLACK_MS;
}

/**
 * What every session of ours sets: a page's estimated cost exceeds the JIT's threshold, and nothing may wait
 * for ever. Limits that a role or a database has are for others: what they cut off would look like a lost
 * connection, again and again.
 */
export const SESSION = `SET jit = off; SET statement_timeout = ${SESSION_LIMIT_MS}; SET lock_timeout = '2s';
  SET idle_in_transaction_session_timeout = ${SESSION_LIMIT_MS}; SET default_transaction_isolation = 'read committed'; SET timezone = 'UTC';
  SET idle_session_timeout = 0; SET datestyle = 'ISO';
  SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'transaction_timeout'`;

/**
 * A prepared statement keeps the plan that it got when its table was empty, which must not be a scan of it
 * when it is not. And it keeps one plan for any values: where a log is large the server would reckon that
 * planning anew each time is cheaper, and it costs several times what reading the next page does
 * (docs/decisions/0010). Not where the host's statements run: how its tables are best read is not ours to
 * say.
 *
 * Rows that a policy hides from the engine would look like positions that were never committed, and be passed
 * over: with `row_security = off` such a statement fails.
 */
export const ENGINE_SESSION = `${SESSION}; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET row_security = off`;
