import { adapterKindOf, isConnectionLoss, sqlStateOf } from '../../database/connection/connection-loss.js';
import { causesOf, type ErrorFields, fieldsOf, partsOf } from '../../database/connection/error-fields.js';
import { LOCK_NOT_AVAILABLE, QUERY_CANCELED } from '../../database/connection/sql-states.js';
import { isDriversConnectionError } from '../../database/wire/driver-words.js';
import { UnusableConnection } from '../../database/wire/unusable-connection.js';
import { IntegrationError } from '../../errors.js';
import { isLibraryOutage } from './library-outage.js';

/*
 * Decides whether a failure is the infrastructure's or the event's. A failure of the infrastructure counts no
 * attempt, and the event runs again until the failure is over. A failure of the event counts, so that an
 * event which can never succeed becomes a dead letter.
 *
 *   - A failure is the infrastructure's if a session was ended or could not be opened (SQLSTATE 08, 57P,
 *     25P03), if the server lacks resources (53), or if one of the engine's own statements had to wait
 *     (55P03, 57014, 40P01, 40001).
 *   - Every other failure with a SQLSTATE is the event's, also if COMMIT reports it. Deferred constraints,
 *     constraint triggers and serialization failures result from what the handler wrote. The server has
 *     rolled back then and reports it.
 *   - 08P01 is about one statement if the server reports it as an ERROR (for example one value too many).
 *     `connection-loss.ts` makes the distinction.
 *   - A COMMIT whose error has no SQLSTATE may have committed. Nothing is counted. The next attempt begins by
 *     asking the database.
 */

/**
 * Prisma's codes for these cases: the server is unreachable or timed out, the server closed the connection,
 * no connection is free, or no transaction can be opened.
 */
const PRISMA_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1011', 'P1017', 'P2024', 'P2037']);
/** Prisma's code for 40001 and 40P01, after which the transaction has been rolled back. */
const PRISMA_CONFLICT = 'P2034';

/** The last two are serialization_failure and deadlock_detected. */
const KEPT_WAITING = new Set([LOCK_NOT_AVAILABLE, QUERY_CANCELED, '40001', '40P01']);
/** The names by which a driver adapter reports lost and refused connections, where a raw query fails. */
const ADAPTER_KINDS = new Set([
  'DatabaseNotReachable',
  'ConnectionClosed',
  'SocketTimeout',
  'TooManyConnections',
]);
/**
 * Prisma 7.10 uses P2028 for every error of interactive transactions. Only the message tells which error it
 * is.
 */
const NO_TRANSACTION = 'Unable to start a transaction';

/**
 * Whether an error that a handler threw means that its database cannot be reached. This is a failure of the
 * infrastructure. A refused connection to another service is the handler's own failure. So this judges only
 * errors that carry a SQLSTATE, or a code, class or text of a library for databases.
 */
export function isDatabaseOutage(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return isConnectionLoss(error) || state === '25P03' || isShortage(state);
  return partsOf(error).some((part) => isUnusableConnection(part.of) || saysOutage(part));
}

function isUnusableConnection(object: object): boolean {
  try {
    return object instanceof UnusableConnection;
  } catch {
    return false;
  }
}

function saysOutage(fields: ErrorFields): boolean {
  const { code, message } = fields;
  if (code === 'P2028' && String(message).includes(NO_TRANSACTION)) return true;
  if (ADAPTER_KINDS.has(adapterKindOf(fields) ?? '')) return true;
  if (typeof code === 'string' && PRISMA_CODES.has(code)) return true;
  return isDriversConnectionError(fields) || isLibraryOutage(fields);
}

/** Whether the SQLSTATE of one of the engine's own statements means that the statement was kept waiting. */
export function isKeptWaiting(state: string): boolean {
  return KEPT_WAITING.has(state);
}

/**
 * Whether an error means that COMMIT failed and nothing is committed. It is the error of a transaction whose
 * function had resolved.
 */
export function isFailureOfCommit(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return !isDatabaseOutage(error);
  return isAborted(error) || causesOf(error).some((each) => fieldsOf(each).code === PRISMA_CONFLICT);
}

/** Whether a handler caught an error of the database, and its transaction was rolled back because of it. */
export function isAborted(error: unknown): boolean {
  return causesOf(error).some(
    (each) => each instanceof IntegrationError && each.code === 'INTEGRATION_TRANSACTION_ABORTED',
  );
}

/**
 * Whether disk, memory or connections are short. 53400 is a limit that one statement exceeded, so it does not
 * count.
 */
function isShortage(state: string): boolean {
  return state.startsWith('53') && state !== '53400';
}
