import { messageOf } from '../../errors.js';

/*
 * Errors are told by their codes. Node-postgres gives none to what it says itself, as distinct from what the
 * server or the socket says. This is the list of what it says of connections, in pg 8.23.1 and pg-pool
 * 3.14.0, whose sources were looked through for every error that they make. test/wire-contract.spec.ts meets
 * each of these.
 */

/** The session was there, and is not any more. Both at the beginning: more may follow. */
const SESSION_LOST = [
  'Connection terminated',
  'Client has encountered a connection error and is not queryable',
] as const;
/** The pool has no connection to lend. */
const NONE_TO_BE_HAD = 'timeout exceeded when trying to connect';
/** A client that belongs to no pool gave up connecting. Others use these words as well. */
const NOT_CONNECTED_IN_TIME = 'timeout expired';
/** A statement was asked of a client that has been ended. */
const CLOSED = 'Client was closed and is not queryable';
/** What the exchange of a password fails with, before the server has judged it. */
const LOGIN = /^SASL: |^Password must be a string$/;

/**
 * Whether node-postgres says so of a session that there was. Wrappers of the driver put words of their own
 * around it, so it may stand anywhere.
 */
export function saysSessionLost(message: string): boolean {
  return SESSION_LOST.some((words) => message.includes(words));
}

/** Whether node-postgres says that the connection is gone, or that none can be had. */
export function saysConnectionLost(message: string): boolean {
  return (
    saysSessionLost(message) ||
    message.includes(NONE_TO_BE_HAD) ||
    message.includes(CLOSED) ||
    message === NOT_CONNECTED_IN_TIME
  );
}

/** The same in words that nobody else uses, of an error that may be of anything. */
export function isDriversConnectionError(error: object): boolean {
  if ((error as { code?: unknown }).code !== undefined) return false;
  const message = messageOf(error);
  return [...SESSION_LOST, NONE_TO_BE_HAD].some((words) => message.startsWith(words));
}

/** Whether node-postgres says that the password did not do, where the server has no code for it. */
export function isDriversLoginError(error: unknown): boolean {
  return LOGIN.test(messageOf(error));
}
