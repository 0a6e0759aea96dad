import { isConnectionLoss, sqlStateOf } from '../../database/connection/connection-loss.js';
import { INSUFFICIENT_PRIVILEGE } from '../../database/connection/sql-states.js';
import { IntegrationError, type IntegrationErrorCode } from '../../errors.js';
import type { Route } from '../routes/route.js';
import { AdminProblem, type AdminProblemCode } from './problem.js';
import { wrongFieldsOf } from './wrong-fields.js';

/** The codes whose message may leave the process, with the status of the answer. */
const STATUS_OF_CODE: { readonly [Code in IntegrationErrorCode]?: number } = {
  INTEGRATION_ADMIN_INVALID: 400,
  INTEGRATION_EVENT_INVALID: 400,
  INTEGRATION_PAYLOAD_INVALID: 400,
  INTEGRATION_PAYLOAD_TOO_LARGE: 400,
  INTEGRATION_LINK_INVALID: 400,
  INTEGRATION_SETTING_INVALID: 400,
  INTEGRATION_SETTING_UNKNOWN: 404,
  INTEGRATION_SETTING_CONFLICT: 412,
  INTEGRATION_CONSUMER_UNKNOWN: 404,
  INTEGRATION_FAILURE_GROUP_UNKNOWN: 404,
  INTEGRATION_CONSUMER_ACTIVE: 409,
  INTEGRATION_OPERATION_UNKNOWN: 404,
  INTEGRATION_OPERATION_REFUSED: 409,
  INTEGRATION_CORRECTION_REFUSED: 409,
  INTEGRATION_REHEARSAL_REFUSED: 409,
  INTEGRATION_SEQUENCE_BEHIND: 503,
  INTEGRATION_SEQUENCE_EXHAUSTED: 503,
  INTEGRATION_OUTBOX_DISABLED: 409,
  INTEGRATION_ADMIN_BUSY: 503,
  INTEGRATION_ADMIN_TIMEOUT: 503,
};

/** SQLSTATEs of a server that stops, refuses connections, took too long, or has ended an idle transaction. */
const PASSING_STATES = /^(08|53|57|55P03|40|25P0[34])/;

const UNAVAILABLE = 'The database cannot be asked at the moment, or took too long. Try again later';
const REFUSED = 'The request was refused';
const FAILED = 'The request failed because of a fault in this process. Its log has the error';

/** The status of the answer for a code whose message may leave the process. Undefined for the others. */
type StatusOfCode = (code: IntegrationErrorCode) => number | undefined;

const ofEngine: StatusOfCode = (code) => STATUS_OF_CODE[code];

/** The problem that an error is to the person who asks, and what else is known of it. */
export interface Failure {
  readonly problem: AdminProblem;
  /** Whether the error belongs in the log. */
  readonly isUnexpected: boolean;
}

/**
 * The problem that an error is to the person who asks. An error that nobody expected says nothing of
 * itself, because its text may hold SQL, hosts or passwords. The route is not known where a guard of the
 * application threw. `statusOf` knows the codes of parts.
 */
export function problemOf(error: unknown, route?: Route, statusOf: StatusOfCode = ofEngine): Failure {
  if (error instanceof AdminProblem) return expected(error);
  if (error instanceof IntegrationError) {
    const status = ofEngine(error.code) ?? statusOf(error.code);
    if (status !== undefined) {
      const fields = status === 400 && route !== undefined ? wrongFieldsOf(error, route) : undefined;
      return expected(new AdminProblem(status, error.code, error.message, fields));
    }
    if (error.code === 'INTEGRATION_PRIVILEGES_MISSING') return withoutRight(error);
    const isOut = error.code.startsWith('INTEGRATION_DATABASE_') || error.code === 'INTEGRATION_CLOSED';
    return isOut ? expected(unavailable()) : unexpected();
  }
  const status = statusOfException(error);
  if (status !== undefined) return status < 500 ? expected(refused(status, error)) : unexpected();
  const state = sqlStateOf(error);
  if (state === INSUFFICIENT_PRIVILEGE) return withoutRight();
  if (isConnectionLoss(error)) return expected(unavailable());
  return state !== undefined && PASSING_STATES.test(state) ? expected(unavailable()) : unexpected();
}

function expected(problem: AdminProblem): Failure {
  return { problem, isUnexpected: false };
}

function unexpected(): Failure {
  const problem = new AdminProblem(500, 'INTEGRATION_ADMIN_FAILED', FAILED);
  return { problem, isUnexpected: true };
}

/** The statements that grant what is missing name the role. They are for the log. */
function withoutRight(error?: IntegrationError): Failure {
  const missing = (error?.details.missing ?? []) as readonly { on: string; privilege: string }[];
  const what = missing.map(({ on, privilege }) => `${privilege} on ${on}`).join(', ');
  const problem = new AdminProblem(
    500,
    'INTEGRATION_PRIVILEGES_MISSING',
    `A database role of this process lacks ${what === '' ? 'a right' : what}. Its log has the error, and docs/guide/operate/security.md lists what each role needs`,
  );
  return { problem, isUnexpected: true };
}

function unavailable(): AdminProblem {
  return new AdminProblem(503, 'INTEGRATION_ADMIN_UNAVAILABLE', UNAVAILABLE);
}

const CODE_OF_STATUS: Readonly<Record<number, AdminProblemCode>> = {
  401: 'INTEGRATION_ADMIN_UNAUTHENTICATED',
  403: 'INTEGRATION_ADMIN_DENIED',
  404: 'INTEGRATION_ADMIN_NOT_FOUND',
  413: 'INTEGRATION_ADMIN_TOO_LARGE',
  415: 'INTEGRATION_ADMIN_MEDIA_TYPE',
};

/** A refusal by the application: by a guard, or by one of its functions. */
function refused(status: number, error: unknown): AdminProblem {
  const { message } = error as { message?: unknown };
  return refusedWith(status, typeof message === 'string' && message !== '' ? message : REFUSED);
}

/** A refusal in front of the routes. What its error says may be anything, so only the status is passed on. */
export function refusedEarly(status: number): AdminProblem {
  return refusedWith(status, REFUSED);
}

function refusedWith(status: number, detail: string): AdminProblem {
  return new AdminProblem(status, CODE_OF_STATUS[status] ?? 'INTEGRATION_ADMIN_REFUSED', detail);
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
