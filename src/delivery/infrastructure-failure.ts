import { sqlStateOf } from '../database/connection-loss.js';
import { messageOf } from '../errors.js';

/** Prisma's codes for: unreachable, timed out, closed by the server, no connection free, no transaction to be had. */
const PRISMA_CODES = new Set(['P1001', 'P1002', 'P1008', 'P1011', 'P1017', 'P2024', 'P2037']);

/**
 * Whether an error that a handler threw says that its database is out of reach, which is nobody's fault but the
 * infrastructure's. A refused connection to some other service is the handler's own failure: only errors that carry a
 * SQLSTATE or a code of Prisma's are judged.
 */
export function isDatabaseOutage(error: unknown, seen: Set<unknown> = new Set()): boolean {
  const state = sqlStateOf(error);
  if (state !== undefined)
    return state.startsWith('08') || state.startsWith('57P') || state === '53300' || state === '25P03';
  if (typeof error !== 'object' || error === null || seen.has(error)) return false;
  seen.add(error);
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (code === 'P2028' && /unable to start a transaction/i.test(messageOf(error))) return true;
  return (
    (typeof code === 'string' && PRISMA_CODES.has(code)) ||
    (cause !== undefined && isDatabaseOutage(cause, seen))
  );
}
