import { isConnectionLoss, sqlStateOf } from '../database/connection/connection-loss.js';
import { IntegrationError, type IntegrationErrorCode } from '../errors.js';
import { type AdminProblemCode, RestProblem } from './problem.js';
import type { RestRoute } from './route.js';
import { wrongFieldsOf } from './wrong-fields.js';

/** SQLSTATEs of a server that stops, refuses connections, took too long, or has ended an idle transaction. */
const PASSING_STATES = /^(08|53|57|55P03|40|25P0[34])/;

const UNAVAILABLE = 'The database cannot be asked at the moment, or took too long. Try again later';
const REFUSED = 'The request was refused';
const FAILED = 'The request failed because of a fault in this process. Its log has the error';

/** The status of the answer for a code whose message may leave the process. Undefined for the others. */
export type StatusOfCode = (code: IntegrationErrorCode) => number | undefined;

/** The problem that an error is to the person who asks, and what else is known of it. */
export interface Failure {
  readonly problem: RestProblem;
  /** Whether the error belongs in the log. */
  readonly isUnexpected: boolean;
}

/**
 * The problem that an error is to the person who asks. An error that nobody expected says nothing of
 * itself, because its text may hold SQL, hosts or passwords. The route is not known where a guard of the
 * application threw.
 */
export function problemOf(error: unknown, route: RestRoute | undefined, statusOf: StatusOfCode): Failure {
  if (error instanceof RestProblem) return expected(error);
  if (error instanceof IntegrationError) {
    const status = statusOf(error.code);
    if (status !== undefined) {
      const fields = status === 400 && route !== undefined ? wrongFieldsOf(error, route) : undefined;
      return expected(new RestProblem(status, error.code, error.message, fields));
    }
    const isOut = error.code.startsWith('INTEGRATION_DATABASE_') || error.code === 'INTEGRATION_CLOSED';
    return isOut ? expected(unavailable()) : unexpected();
  }
  const status = statusOfException(error);
  if (status !== undefined) return status < 500 ? expected(refused(status, error)) : unexpected();
  if (isConnectionLoss(error)) return expected(unavailable());
  const state = sqlStateOf(error);
  return state !== undefined && PASSING_STATES.test(state) ? expected(unavailable()) : unexpected();
}

function expected(problem: RestProblem): Failure {
  return { problem, isUnexpected: false };
}

function unexpected(): Failure {
  const problem = new RestProblem(500, 'INTEGRATION_ADMIN_FAILED', FAILED);
  return { problem, isUnexpected: true };
}

function unavailable(): RestProblem {
  return new RestProblem(503, 'INTEGRATION_ADMIN_UNAVAILABLE', UNAVAILABLE);
}

const CODE_OF_STATUS: Readonly<Record<number, AdminProblemCode>> = {
  401: 'INTEGRATION_ADMIN_UNAUTHENTICATED',
  403: 'INTEGRATION_ADMIN_DENIED',
  404: 'INTEGRATION_ADMIN_NOT_FOUND',
  413: 'INTEGRATION_ADMIN_TOO_LARGE',
  415: 'INTEGRATION_ADMIN_MEDIA_TYPE',
};

/** A refusal by the application: by a guard, or by one of its functions. */
function refused(status: number, error: unknown): RestProblem {
  const { message } = error as { message?: unknown };
  return refusedWith(status, typeof message === 'string' && message !== '' ? message : REFUSED);
}

/** A refusal in front of the routes. What its error says may be anything, so only the status is passed on. */
export function refusedEarly(status: number): RestProblem {
  return refusedWith(status, REFUSED);
}

function refusedWith(status: number, detail: string): RestProblem {
  return new RestProblem(status, CODE_OF_STATUS[status] ?? 'INTEGRATION_ADMIN_REFUSED', detail);
}

/**
 * The status of an HttpException, of any copy of Nest. It is thrown for the person who asks, so it may speak.
 * Errors of HTTP and cloud clients have a `statusCode` as well, and their messages hold URLs, tokens and what
 * was sent. They are faults. The numbers below 400 are not refusals.
 */
export function statusOfException(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const { getStatus, getResponse } = error as { getStatus?: unknown; getResponse?: unknown };
  if (typeof getStatus !== 'function' || typeof getResponse !== 'function') return undefined;
  return refusalOf(getStatus.call(error));
}

/** The number, if it is the status of a refusal or a failure. */
export function refusalOf(status: unknown): number | undefined {
  return typeof status === 'number' && Number.isInteger(status) && status >= 400 && status <= 599
    ? status
    : undefined;
}
