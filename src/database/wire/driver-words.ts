import { messageOf } from '../../errors.js';

/*
 * Errors are told apart by their codes, but node-postgres gives no code to its own errors. Only those of the
 * server and the socket have one. This is the list of the messages about connections in pg 8.23.1 and pg-pool
 * 3.14.0. All errors in the sources of both were looked through. test/database/wire-contract.spec.ts provokes
 * each of these messages.
 */

/** The session existed and is lost. These are the beginnings of messages: more may follow. */
const SESSION_LOST = [
  'Connection terminated',
  'Client has encountered a connection error and is not queryable',
] as const;
/** The pool has no connection to lend. */
const NONE_TO_BE_HAD = 'timeout exceeded when trying to connect';
/** A client outside a pool gave up connecting. Other packages use the same words. */
const NOT_CONNECTED_IN_TIME = 'timeout expired';
/** A statement was sent on a client that has been ended. */
const CLOSED = 'Client was closed and is not queryable';
/** Errors of the password exchange, before the server has checked the password. */
const LOGIN = /^SASL: |^Password must be a string$/;

/**
 * Whether node-postgres says that an existing session was lost. Wrappers of the driver put their own words
 * around the message, so the words may stand anywhere in it.
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

/** Whether the pool says that others have used all of its connections for as long as one is waited for. */
export function isPoolExhausted(error: unknown): boolean {
  return messageOf(error) === NONE_TO_BE_HAD;
}

/**
 * Whether an error says that the connection is gone, or that none can be had, in words that only
 * node-postgres uses. For an error that may come from any code.
 */
export function isDriversConnectionError({ code, message }: { code?: unknown; message?: unknown }): boolean {
  if (code !== undefined || typeof message !== 'string') return false;
  return [...SESSION_LOST, NONE_TO_BE_HAD].some((words) => message.startsWith(words));
}

/**
 * Whether node-postgres says that the password was not accepted, in the cases where the server has no code
 * for it.
 */
export function isDriversLoginError(error: unknown): boolean {
  return LOGIN.test(messageOf(error));
}
