import { saysConnectionLost, saysSessionLost } from '../wire/driver-words.js';
import {
  causesOf,
  type ErrorFields,
  fieldsOf,
  firstOf,
  gatheredBy,
  MOST_OBJECTS,
  partsOf,
} from './error-fields.js';

/** Error codes which mean that there is no server, or that the connection to it is lost. */
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
  // postgres.js reports these codes.
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
]);
/**
 * The words of libpq for a connection that it has lost, and of a server for a session that it ends. Drivers
 * that are built on libpq (`pg-native`) pass on these words and no code.
 */
const WORDS_OF_LIBPQ = /terminating connection|server closed the connection/i;

/** The most values of one object that are looked at for words. */
const MOST_VALUES = 100;

/** The SQLSTATE protocol_violation. */
export const PROTOCOL_VIOLATION = '08P01';

/** What a server, or a pooler in front of it, said about a statement. */
interface ServerError {
  readonly state: string;
  /** In the language of the server. Undefined where the driver does not pass it on. */
  readonly severity: string | undefined;
  /**
   * Whether a routine of the server is named. The server names one and a pooler does not. Undefined where the
   * driver does not pass on this field.
   */
  readonly isOfRoutine: boolean | undefined;
  readonly routine: string | undefined;
}

/**
 * The SQLSTATE of an error of node-postgres, or of an error of Prisma (driver adapter) that wraps one.
 * Undefined if the error has none.
 */
export function sqlStateOf(error: unknown): string | undefined {
  return serverErrorOf(error)?.state;
}

function serverErrorOf(error: unknown): ServerError | undefined {
  for (const fields of partsOf(error)) {
    const severity = typeof fields.severity === 'string' ? fields.severity : undefined;
    for (const state of [fields.originalCode, fields.code]) {
      if (!isSqlState(state, severity !== undefined)) continue;
      const routine = typeof fields.routine === 'string' ? fields.routine : undefined;
      return { state, severity, routine, isOfRoutine: fields.hasRoutine ? routine !== undefined : undefined };
    }
  }
  return undefined;
}

/**
 * Not every code of five characters is a SQLSTATE. Socket errors have codes of five letters (EPIPE). The
 * codes of Prisma begin with P1 to P6, and those of PL/pgSQL with P0. But a function in SQL may raise any
 * state, so a code that stands beside a severity always comes from the server.
 */
function isSqlState(code: unknown, hasSeverity: boolean): code is string {
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) return false;
  return hasSeverity || (/[0-9]/.test(code) && !/^P[1-9][0-9]{3}$/.test(code));
}

/**
 * 08P01 has two meanings. When the server raises it as an ERROR, one statement is wrong, for example because
 * it has more values than a message can count, and the session goes on. When it is FATAL, the session is
 * lost. The connection is lost too when the error comes from a pooler, because a pooler reports any server
 * that it cannot reach with this state.
 */
function isOfOneStatement({ state, severity, isOfRoutine }: ServerError): boolean {
  if (state !== PROTOCOL_VIOLATION || severity === undefined) return false;
  return isOfRoutine === undefined ? severity === 'ERROR' : isOfRoutine && severity !== 'FATAL';
}

/**
 * Every text in an error and in its causes: messages, and names of constraints and columns. It serves where
 * an error has no code of its own.
 */
export function textsOf(error: unknown): string[] {
  const texts: string[] = [];
  const seen = new Set<unknown>();
  const queue: unknown[] = [error];
  for (const item of queue) {
    if (seen.size >= MOST_OBJECTS) break;
    if (typeof item === 'string') texts.push(item);
    if (typeof item !== 'object' || item === null || seen.has(item)) continue;
    seen.add(item);
    queue.push(...valuesOf(item));
  }
  return texts;
}

/** The values of an object, as far as it lets them be read. Bytes and long lists say nothing in words. */
function valuesOf(object: object): readonly unknown[] {
  const { message, cause } = fieldsOf(object);
  if (ArrayBuffer.isView(object)) return [message, cause];
  try {
    if (Array.isArray(object)) return firstOf(object, MOST_VALUES);
    return [message, cause, ...firstOf(Object.values(object), MOST_VALUES)];
  } catch {
    return [message, cause];
  }
}

/**
 * The reason why no connection could be opened. An error of a host name with several addresses has a code and
 * no message, so the code is taken then.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message || String((error as { code?: unknown }).code ?? error.name);
}

/**
 * Whether an error says that the connection is lost or cannot be opened. Then nobody knows whether the
 * statement took effect.
 */
export function isConnectionLoss(error: unknown, seen: Set<unknown> = new Set()): boolean {
  if (seen.has(error) || seen.size >= MOST_OBJECTS) return false;
  seen.add(error);
  const said = serverErrorOf(error);
  if (said !== undefined) return isStateOfLoss(said.state) && !isOfOneStatement(said);
  return partsOf(error).some(
    (part) => saysLoss(part) || gatheredBy(part).some((each) => isConnectionLoss(each, seen)),
  );
}

function saysLoss({ code, message }: ErrorFields): boolean {
  if (typeof code === 'string' && SOCKET_CODES.has(code)) return true;
  return typeof message === 'string' && (saysConnectionLost(message) || WORDS_OF_LIBPQ.test(message));
}

function isStateOfLoss(state: string): boolean {
  return state.startsWith('08') || state.startsWith('57P') || state === '53300';
}

/**
 * The states with which a server ends a session, or reports that a session has ended. None of them can come
 * before there is a session.
 */
const LOST_STATES = new Set(['08000', '08003', '08006', '08007', '25P03', '25P04', '57P01', '57P02']);

/**
 * The kind that a driver adapter of Prisma gives an error for which the server said nothing. The error of a
 * raw query holds it deep inside, and no code of Prisma says the same. Undefined for any other error.
 */
export function adapterKindOf(fields: ErrorFields): string | undefined {
  const inMeta = isObject(fields.meta) ? fieldsOf(fields.meta).driverAdapterError : undefined;
  const adapters = [inMeta, fields.driverAdapterError].find(isObject);
  const { cause } = adapters === undefined ? fields : fieldsOf(adapters);
  const { kind } = isObject(cause) ? fieldsOf(cause) : {};
  return typeof kind === 'string' ? kind : undefined;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** Whether an error says that an existing session was lost. The code of Prisma for this is P1017. */
export function isSessionLoss(error: unknown): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined) return LOST_STATES.has(state);
  return causesOf(error).some((each) => saysSessionLoss(fieldsOf(each)));
}

function saysSessionLoss(fields: ErrorFields): boolean {
  const { code, message } = fields;
  if (code === 'P1017' || adapterKindOf(fields) === 'ConnectionClosed') return true;
  const isInWords = typeof code !== 'string' && typeof message === 'string';
  return isInWords && (saysSessionLost(message) || WORDS_OF_LIBPQ.test(message));
}

/**
 * The states of a session that the server ends because it was idle too long:
 * idle_in_transaction_session_timeout, transaction_timeout and idle_session_timeout.
 */
const IDLE_ENDS = new Set(['25P03', '25P04', '57P05']);

export function isEndOfIdleness(error: unknown): boolean {
  return IDLE_ENDS.has(sqlStateOf(error) ?? '');
}

/**
 * The routine of the server that raises 0A000 for a prepared statement whose rows have another shape now. No
 * other routine raises 0A000 for that.
 */
const REVALIDATES_PLANS = 'RevalidateCachedQuery';

/**
 * Whether the statements that were prepared on this connection are gone, or no longer fit the tables. The
 * connection then fails for as long as it lives.
 */
export function isStaleStatement(error: unknown): boolean {
  const said = serverErrorOf(error);
  return said?.state === '26000' || (said?.state === '0A000' && said.routine === REVALIDATES_PLANS);
}
