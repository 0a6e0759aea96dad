import { saysConnectionLost, saysSessionLost } from '../wire/driver-words.js';

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
  // Of postgres.js.
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
]);
/**
 * What libpq says of a connection that it has lost, and a server of a session that it ends. Drivers on top of
 * libpq (`pg-native`) hand on these words and no code.
 */
const WORDS_OF_LIBPQ = /terminating connection|server closed the connection/i;

/** protocol_violation */
export const PROTOCOL_VIOLATION = '08P01';

/** What a server, or whoever stands between, said of a statement. */
interface ServerError {
  readonly state: string;
  /** As the server words it, in its own language. Undefined where the driver does not hand it on. */
  readonly severity: string | undefined;
  /** The driver hands on which routine of the server said it; what stands between has none. */
  readonly isOfRoutine: boolean | undefined;
  readonly routine: string | undefined;
}

/** So many objects of one error, at most. */
const MOST_LOOKED_AT = 100;

/**
 * The SQLSTATE of an error from node-postgres or, wrapped, from Prisma (driver adapter); undefined if it has
 * none.
 */
export function sqlStateOf(error: unknown): string | undefined {
  return serverErrorOf(error)?.state;
}

function serverErrorOf(error: unknown): ServerError | undefined {
  const seen = new Set<unknown>();
  const queue: unknown[] = [error];
  while (queue.length > 0) {
    const item = queue.shift();
    if (typeof item !== 'object' || item === null || seen.has(item)) continue;
    seen.add(item);
    const fields = fieldsOf(item);
    const severity = typeof fields.severity === 'string' ? fields.severity : undefined;
    for (const state of [fields.originalCode, fields.code]) {
      if (!isSqlState(state, severity !== undefined)) continue;
      const routine = typeof fields.routine === 'string' ? fields.routine : undefined;
      return { state, severity, routine, isOfRoutine: 'routine' in item ? routine !== undefined : undefined };
    }
    queue.push(fields.meta, fields.driverAdapterError, fields.cause);
  }
  return undefined;
}

/**
 * Socket errors have codes of five letters (EPIPE), and Prisma's begin with P1 to P6. Those of PL/pgSQL begin
 * with P0; but a function may raise whatever state it likes, so a code beside a severity is the server's.
 */
function isSqlState(code: unknown, hasSeverity: boolean): code is string {
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return false;
  return hasSeverity || (/[0-9]/.test(code) && !/^P[1-9][0-9]{3}$/.test(code));
}

/**
 * 08P01 has two meanings. Of the server it is an ERROR of one statement: a value too many, or more of them
 * than a message can number; the session goes on. As FATAL, or of a pooler, which says so of any server that
 * it cannot reach, it is a loss.
 */
function isOfOneStatement({ state, severity, isOfRoutine }: ServerError): boolean {
  if (state !== PROTOCOL_VIOLATION || severity === undefined) return false;
  return isOfRoutine === undefined ? severity === 'ERROR' : isOfRoutine && severity !== 'FATAL';
}

/**
 * Of an error of whatever kind; none of one that cannot be looked at (a getter that throws, a revoked proxy).
 */
function fieldsOf(error: object): Record<string, unknown> {
  try {
    const known = error as Record<string, unknown>;
    const { code, originalCode, severity, routine, cause, meta, driverAdapterError, kind, message, errors } =
      known;
    return { code, originalCode, severity, routine, cause, meta, driverAdapterError, kind, message, errors };
  } catch {
    return {};
  }
}

/**
 * Every text in an error and in what caused it: messages, and names of constraints and columns. For what has
 * no code of its own.
 */
export function textsOf(error: unknown): string[] {
  const texts: string[] = [];
  const seen = new Set<unknown>();
  const queue: unknown[] = [error];
  while (queue.length > 0 && seen.size < MOST_LOOKED_AT) {
    const item = queue.shift();
    if (typeof item === 'string') texts.push(item);
    if (typeof item !== 'object' || item === null || seen.has(item)) continue;
    seen.add(item);
    try {
      const { message, cause } = item as { message?: unknown; cause?: unknown };
      queue.push(message, cause, ...Object.values(item));
    } catch {
      // It cannot be looked at.
    }
  }
  return texts;
}

/**
 * Why a connection could not be had. A host name with several addresses fails with an error that has a code
 * and no message.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || String((error as { code?: unknown }).code ?? error.name);
}

/**
 * Whether an error says that the connection is gone or cannot be had, so that nothing is known of the
 * statement's fate.
 */
export function isConnectionLoss(error: unknown, seen: Set<unknown> = new Set()): boolean {
  const said = serverErrorOf(error);
  if (said !== undefined) return isStateOfLoss(said.state) && !isOfOneStatement(said);
  if (typeof error !== 'object' || error === null || seen.has(error)) return false;
  seen.add(error);
  const { code, message, cause, errors } = fieldsOf(error);
  if (typeof code === 'string' && SOCKET_CODES.has(code)) return true;
  if (typeof message === 'string' && (saysConnectionLost(message) || WORDS_OF_LIBPQ.test(message)))
    return true;
  if (Array.isArray(errors) && errors.some((each) => isConnectionLoss(each, seen))) return true;
  return cause !== undefined && isConnectionLoss(cause, seen);
}

function isStateOfLoss(state: string): boolean {
  return state.startsWith('08') || state.startsWith('57P') || state === '53300';
}

/**
 * What a server says to a session that it ends, or did not know the end of: none of it comes before there is
 * a session.
 */
const LOST_STATES = new Set(['08000', '08003', '08006', '08007', '25P03', '25P04', '57P01', '57P02']);

/**
 * What a driver adapter of Prisma's says where the server said nothing: the error of a raw query has it deep
 * inside, and no code of Prisma's that would say the same. Undefined for any other error.
 */
export function adapterKindOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  const { meta, driverAdapterError } = fieldsOf(error);
  const { driverAdapterError: inMeta } = typeof meta === 'object' && meta !== null ? fieldsOf(meta) : {};
  const found = [inMeta, driverAdapterError, error].find((each) => typeof each === 'object' && each !== null);
  const { cause } = fieldsOf(found as object);
  const { kind } = typeof cause === 'object' && cause !== null ? fieldsOf(cause) : {};
  return typeof kind === 'string' ? kind : undefined;
}

/** Whether an error says that a session was lost that there had been; Prisma says so by P1017. */
export function isSessionLoss(error: unknown, seen: Set<unknown> = new Set()): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return LOST_STATES.has(state);
  if (typeof error !== 'object' || error === null || seen.has(error)) return false;
  seen.add(error);
  const { code, message, cause } = fieldsOf(error);
  if (code === 'P1017' || adapterKindOf(error) === 'ConnectionClosed') return true;
  const isInWords = typeof code !== 'string' && typeof message === 'string';
  if (isInWords && (saysSessionLost(message) || WORDS_OF_LIBPQ.test(message))) return true;
  return cause !== undefined && isSessionLoss(cause, seen);
}

/**
 * What the server ends a session for that idles too long: idle_in_transaction, transaction and idle_session
 * timeout.
 */
const IDLE_ENDS = new Set(['25P03', '25P04', '57P05']);

export function isEndOfIdleness(error: unknown): boolean {
  return IDLE_ENDS.has(sqlStateOf(error) ?? '');
}

/**
 * The routine of the server that says 0A000 of a prepared statement whose rows have another shape now; no
 * other routine does.
 */
const REVALIDATES_PLANS = 'RevalidateCachedQuery';

/**
 * Statements prepared on this connection are gone, or do not fit the tables any more: it fails as long as it
 * lives.
 */
export function isStaleStatement(error: unknown): boolean {
  const said = serverErrorOf(error);
  return said?.state === '26000' || (said?.state === '0A000' && said.routine === REVALIDATES_PLANS);
}
