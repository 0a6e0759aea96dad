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
    const { code, originalCode, cause, meta, driverAdapterError } = item as Record<string, unknown>;
    for (const state of [originalCode, code]) {
      if (typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) && /[0-9]/.test(state)) {
        if (!/^P[0-9]{4}$/.test(state)) return state;
      }
    }
    queue.push(meta, driverAdapterError, cause);
  }
  return undefined;
}

/** Why a connection could not be had. A host name with several addresses fails with an error that has a code and no message. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || String((error as { code?: unknown }).code ?? error.name);
}

/** Whether an error says that the connection is gone or cannot be had, so that nothing is known of the statement's fate. */
export function isConnectionLoss(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return state.startsWith('08') || state.startsWith('57P') || state === '53300';
  if (typeof error !== 'object' || error === null) return false;
  const { code, message, cause, errors } = error as {
    code?: unknown;
    message?: unknown;
    cause?: unknown;
    errors?: unknown[];
  };
  if (typeof code === 'string' && SOCKET_CODES.has(code)) return true;
  if (typeof message === 'string' && LOSS_MESSAGES.test(message)) return true;
  if (Array.isArray(errors) && errors.some(isConnectionLoss)) return true;
  return cause !== undefined && isConnectionLoss(cause);
}
