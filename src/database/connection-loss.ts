import { messageOf } from '../errors.js';

/** Socket errors of Node and the SQLSTATE classes that mean: no server, or not for us any more. */
const SOCKET_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
]);
const LOSS_MESSAGES =
  /connection (terminated|ended|error)|terminating connection|client has encountered a connection error|not queryable|client was closed|server closed the connection|connection timeout|timeout exceeded when trying to connect/i;

/** The SQLSTATE of an error from node-postgres or, wrapped, from Prisma (driver adapter); undefined if it has none. */
export function sqlStateOf(error: unknown): string | undefined {
  const seen = new Set<unknown>();
  const queue: unknown[] = [error];
  while (queue.length > 0) {
    const item = queue.shift();
    if (typeof item !== 'object' || item === null || seen.has(item)) continue;
    seen.add(item);
    const { code, originalCode, cause, meta, driverAdapterError } = fieldsOf(item);
    for (const state of [originalCode, code]) {
      if (typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) && /[0-9]/.test(state)) {
        if (!/^P[0-9]{4}$/.test(state)) return state;
      }
    }
    queue.push(meta, driverAdapterError, cause);
  }
  return undefined;
}

/** Of an error of whatever kind; none of one that cannot be looked at (a getter that throws, a revoked proxy). */
function fieldsOf(error: object): Record<string, unknown> {
  try {
    const { code, originalCode, cause, meta, driverAdapterError, message, errors } = error as Record<
      string,
      unknown
    >;
    return { code, originalCode, cause, meta, driverAdapterError, message, errors };
  } catch {
    return {};
  }
}

/** Why a connection could not be had. A host name with several addresses fails with an error that has a code and no message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || String((error as { code?: unknown }).code ?? error.name);
}

/** Whether an error says that the connection is gone or cannot be had, so that nothing is known of the statement's fate. */
export function isConnectionLoss(error: unknown, seen: Set<unknown> = new Set()): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return state.startsWith('08') || state.startsWith('57P') || state === '53300';
  if (typeof error !== 'object' || error === null || seen.has(error)) return false;
  seen.add(error);
  const { code, message, cause, errors } = fieldsOf(error);
  if (typeof code === 'string' && SOCKET_CODES.has(code)) return true;
  if (typeof message === 'string' && LOSS_MESSAGES.test(message)) return true;
  if (Array.isArray(errors) && errors.some((each) => isConnectionLoss(each, seen))) return true;
  return cause !== undefined && isConnectionLoss(cause, seen);
}

/** What the server ends a session for that idles too long: idle_in_transaction, transaction and idle_session timeout. */
const IDLE_ENDS = new Set(['25P03', '25P04', '57P05']);

export function isEndOfIdleness(error: unknown): boolean {
  return IDLE_ENDS.has(sqlStateOf(error) ?? '');
}

/** Statements prepared on this connection are gone, or do not fit the tables any more: it fails as long as it lives. */
export function isStaleStatement(error: unknown): boolean {
  const state = sqlStateOf(error);
  return state === '26000' || (state === '0A000' && /cached plan/i.test(messageOf(error)));
}
