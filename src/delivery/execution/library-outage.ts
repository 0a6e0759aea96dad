import { isConnectionLoss } from '../../database/connection/connection-loss.js';
import type { ErrorFields } from '../../database/connection/error-fields.js';

/*
 * How the libraries behind the adapters say that no connection is to be had. TypeORM, Kysely and Drizzle hand
 * on what node-postgres says. Errors are told by code or class, and by words only where there is neither.
 */

/** The codes of postgres.js. */
const CODES = new Set(['CONNECTION_CLOSED', 'CONNECTION_DESTROYED', 'CONNECTION_ENDED', 'CONNECT_TIMEOUT']);

/** The names of Sequelize's errors. A login that the server refuses has a SQLSTATE, which decides. */
const NAMES = new Set([
  'SequelizeConnectionError',
  'SequelizeConnectionRefusedError',
  'SequelizeConnectionTimedOutError',
  'SequelizeConnectionAcquireTimeoutError',
  'SequelizeHostNotFoundError',
  'SequelizeHostNotReachableError',
]);

/**
 * Classes of TypeORM, Drizzle, Sequelize and MikroORM around an error of their driver. The code of a socket
 * in one of them is that of a database, and of no other service.
 */
const AROUND_DRIVERS = new Set([
  'QueryFailedError',
  'DrizzleQueryError',
  'SequelizeDatabaseError',
  'DriverException',
  'ConnectionException',
]);

/**
 * Knex gives the class KnexTimeoutError to a statement that took too long as well, and MikroORM makes another
 * class of it. Only the words tell.
 */
const POOL_OF_KNEX = 'Knex: Timeout acquiring a connection';
/** Knex puts the statement before what node-postgres says, which has no code for a session that is lost. */
const LOST_BY_KNEX =
  / - (Connection terminated unexpectedly|Client has encountered a connection error and is not queryable)$/;

/** Whether these are the fields of an error of a library which gets no connection. */
export function isLibraryOutage(fields: ErrorFields): boolean {
  const { code, name } = fields;
  if (typeof code === 'string' && CODES.has(code)) return true;
  if (typeof name === 'string' && NAMES.has(name)) return true;
  const message = typeof fields.message === 'string' ? fields.message : '';
  if (isAroundDriver(fields)) return isConnectionLoss(fields.of) || message.startsWith(POOL_OF_KNEX);
  if (code !== undefined) return false;
  return message.startsWith(POOL_OF_KNEX) || LOST_BY_KNEX.test(message);
}

/** Drizzle's class leaves the name of an error as it is. */
function isAroundDriver({ name, className }: ErrorFields): boolean {
  return [name, className].some((each) => AROUND_DRIVERS.has(each as string));
}
