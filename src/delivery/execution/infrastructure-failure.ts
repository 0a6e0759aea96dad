import { adapterKindOf, isConnectionLoss, sqlStateOf } from '../../database/connection/connection-loss.js';
import { isDriversConnectionError } from '../../database/wire/driver-words.js';
import { UnusableConnection } from '../../database/wire/unusable-connection.js';
import { IntegrationError, messageOf } from '../../errors.js';

/*
 * Whose failure is it? That of the infrastructure counts no attempt, and the event runs again until it is
 * over. That of the event counts, so that an event which can never succeed becomes a dead letter.
 *
 *   - The infrastructure's is: what ends a session or keeps one from being had (SQLSTATE 08, 57P, 25P03),
 *     what the server lacks (53), and what keeps the engine's own statements waiting (55P03, 57014, 40P01,
 *     40001).
 *   - The event's is everything else that has a SQLSTATE, also where COMMIT says it: deferred constraints,
 *     constraint triggers and serialization failures are of what the handler wrote. The server has rolled
 *     back then, and says so.
 *   - 08P01 that the server says as an ERROR is of one statement (one value too many); `connection-loss.ts`
 *     tells it apart.
 *   - A COMMIT whose error has no SQLSTATE may have committed. Nothing is counted; the next attempt begins by
 *     asking.
 */

/**
 * Prisma's codes for: unreachable, timed out, closed by the server, no connection free, no transaction to be
 * had.
 */
const PRISMA_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1011', 'P1017', 'P2024', 'P2037']);
/** Prisma says so of 40001 and 40P01: the transaction has been rolled back. */
const PRISMA_CONFLICT = 'P2034';

/** lock_not_available, query_canceled, serialization_failure, deadlock_detected. */
const KEPT_WAITING = new Set(['55P03', '57014', '40001', '40P01']);
/** The same as a driver adapter says them, where a raw query fails. */
const ADAPTER_KINDS = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
]);
/**
 * Prisma 7.10 gives P2028 to all that it says of interactive transactions: only its words tell which of them.
 */
const NO_TRANSACTION = 'Unable to start a transaction';

/**
 * Whether an error that a handler threw says that its database is out of reach, which is nobody's fault but
 * the infrastructure's. A refused connection to some other service is the handler's own failure: only errors
 * that carry a SQLSTATE, or the code or the words of Prisma, its driver adapter or node-postgres are judged.
 */
export function isDatabaseOutage(error: unknown, seen: Set<unknown> = new Set()): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return isConnectionLoss(error) || state === '25P03' || isShortage(state);
  if (typeof error !== 'object' || error === null || seen.has(error)) return false;
  seen.add(error);
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (code === 'P2028' && messageOf(error).includes(NO_TRANSACTION)) return true;
  if (ADAPTER_KINDS.has(adapterKindOf(error) ?? '')) return true;
  if (isDriversConnectionError(error) || error instanceof UnusableConnection) return true;
  return (
    (typeof code === 'string' && PRISMA_CODES.has(code)) ||
    (cause !== undefined && isDatabaseOutage(cause, seen))
  );
}

/** Whether an error that one of the engine's own statements met says that somebody kept it waiting. */
export function isKeptWaiting(state: string): boolean {
  return KEPT_WAITING.has(state);
}

/**
 * Whether the error of a transaction whose function had resolved says that COMMIT failed, and that nothing is
 * committed.
 */
export function isFailureOfCommit(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return !isDatabaseOutage(error);
  return isAborted(error) || causesOf(error).some(({ code }) => code === PRISMA_CONFLICT);
}

/** A handler caught an error of the database, and its transaction was rolled back because of it. */
export function isAborted(error: unknown): boolean {
  return causesOf(error).some(
    (each) => each instanceof IntegrationError && each.code === 'INTEGRATION_TRANSACTION_ABORTED',
  );
}

/** Disk, memory and connections; not 53400, which is a limit that one statement went beyond. */
function isShortage(state: string): boolean {
  return state.startsWith('53') && state !== '53400';
}

/** An error and what it says caused it, the cause of each once. */
function causesOf(error: unknown): { readonly code?: unknown }[] {
  const causes = new Set<object>();
  try {
    for (let each = error; typeof each === 'object' && each !== null && !causes.has(each); ) {
      causes.add(each);
      each = (each as { cause?: unknown }).cause;
    }
  } catch {
    // One that cannot be looked at says nothing.
  }
  return [...causes];
}
